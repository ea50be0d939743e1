"""Commands as real processes: signals, closed and full outputs, poor locales, and how soon they start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

LONG = ["-n", 90_000, "--temperature", 0, "--ignore-eos"]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
HEAVY = {"numpy", "textual", "rich", "tokenizers", "safetensors", "ml_dtypes", "platformdirs", "PySide6", "matplotlib"}


@pytest.mark.parametrize(
    ("sent", "code", "name"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "SIGHUP")],
)
def test_a_signal_ends_generation_within_a_second_and_keeps_the_text(process, endless, sent, code, name):
    running = process("generate", endless, "-p", "ab", *LONG)
    assert running.stdout is not None and running.stdout.read(5)
    running.send_signal(sent)
    _, err = running.communicate(timeout=10)
    assert running.returncode == code
    assert f"stopped by {name}" in err.decode() and "tokens, ended by: a stop" in err.decode()
    assert b"Traceback" not in err


def test_a_reader_that_goes_away_is_exit_3_without_a_word_of_python(process, endless):
    running = process("generate", endless, "-p", "ab", *LONG)
    assert running.stdout is not None and running.stderr is not None and running.stdout.read(5)
    running.stdout.close()
    with running.stderr:
        err = running.stderr.read()
    assert running.wait(timeout=10) == 3
    assert b"Traceback" not in err and b"Exception ignored" not in err


def test_standard_output_closed_from_the_start(process):
    running = process("paths", "--json", before=["sh", "-c", 'exec "$@" >&-', "sh"])
    _, err = running.communicate(timeout=20)
    assert running.returncode == 3 and b"Traceback" not in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_behind_standard_output(process):
    with open("/dev/full", "wb") as full:
        running = process("paths", stdout=full)
        _, err = running.communicate(timeout=20)
    assert running.returncode == 3
    assert err.decode() == "error: standard output: cannot be written: No space left on device\n"


def test_a_poor_locale_gets_the_same_bytes(process, reader):
    words = ["generate", reader, "-p", "ab", "-n", 40, "--seed", 5]
    outputs = []
    for more in ({}, ASCII):
        running = process(*words, env=os.environ | more)
        outputs.append(running.communicate(timeout=20)[0])
        assert running.returncode == 0
    assert outputs[0] == outputs[1] and not outputs[0].isascii()


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys\nfrom app.cli.main import main\nmain(sys.argv[1:])\nprint(*{m.split('.')[0] for m in sys.modules})"
    )
    for flag in ("--help", "--version"):
        out = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=True).stdout
        assert not HEAVY & set(out.splitlines()[-1].split())


def test_the_window_says_in_one_line_where_it_cannot_be_shown():
    without = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run([sys.executable, "-m", "app.gui"], capture_output=True, text=True, check=False, env=without)
    assert done.returncode == 3 and done.stdout == ""
    assert "minigpt-tui" in done.stderr and len(done.stderr.splitlines()) == 1
