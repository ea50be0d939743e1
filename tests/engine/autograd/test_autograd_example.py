"""The example that trains a character model learns, and says in one line what is wrong with a text."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assets.examples.autograd_character_model", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, encoding="utf-8", check=False)


def test_its_loss_falls_and_it_writes():
    done = run("--steps", 100)
    assert done.returncode == 0, done.stderr
    losses = [float(loss) for loss in re.findall(r"loss (\d+\.\d+) nats", done.stdout)]
    assert losses[0] > 3.2 and 2.5 > losses[1] > losses[2]
    written = done.stdout.rpartition("\n\n")[2]
    assert len(written.strip()) > 250 and written.startswith("The river ")


def test_it_trains_on_a_given_text(tmp_path):
    (tmp_path / "text.txt").write_text("äöü " * 40, encoding="utf-8")
    done = run(tmp_path / "text.txt", "--steps", 60)
    assert done.returncode == 0 and "äöü äöü äöü äöü" in done.stdout


@pytest.mark.parametrize("content", [None, b"\xff\xfe" * 100, b"too short"])
def test_a_text_it_cannot_use_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    done = run(tmp_path / "text.txt")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
