"""Closing the window while the model generates or learns ends everything cleanly, at whatever moment."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

CLOSES_ITSELF = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
import viewers.qt.window as window
from app.gui import main

work, delay, text = sys.argv[1], int(sys.argv[2]), sys.argv[3]

class Closing(window.Window):
    stage = 0

    def poll(self):
        super().poll()
        if self.stage == 0 and self.snapshot is not None and (work == "opening" or self.snapshot.tokens):
            self.stage = 1
            if work == "generating":
                self.do_play()
            elif work == "training":
                out = Path(text).parent / "run"
                self.order("begin", "char", [text], str(out), ["num_hidden_layers=1", "hidden_size=16",
                           "num_attention_heads=2", "head_dim=8", "intermediate_size=16"])
                self.order("run")
        if self.stage == 1 and (work != "training" or self.training.state == "running"):
            self.stage = 2
            QTimer.singleShot(delay, self.close)

window.Window = Closing
main(["shakespeare"])
"""


def closed_after(work, delay, tmp_path):
    """Exit code and what was said of a window that closes itself so many milliseconds after the work began."""
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog sat on the log. " * 100)
    homes = {name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    environment = os.environ | homes | {"QT_QPA_PLATFORM": "offscreen"}
    words = [sys.executable, "-c", CLOSES_ITSELF, work, str(delay), str(text)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=120)
    return done.returncode, done.stderr


MOMENTS = [("opening", 0), ("generating", 40), ("generating", 400), ("training", 150), ("training", 1500)]


@pytest.mark.parametrize(("work", "delay"), MOMENTS)
def test_closing_during_work_is_clean(work, delay, tmp_path):
    assert closed_after(work, delay, tmp_path) == (0, "")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100))
def test_closing_at_a_random_moment_is_clean(seed, tmp_path):
    chance = random.Random(seed)
    work = chance.choice(["opening", "generating", "training"])
    assert closed_after(work, chance.randrange(3000), tmp_path) == (0, "")
