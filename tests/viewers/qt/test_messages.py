"""What Qt says: warnings are its own affair, and where it would end the process by a signal, one sentence says why."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

GONE = "error: the display went away; minigpt-tui shows the same in a terminal\n"
START = "from PySide6.QtWidgets import QApplication; QApplication([])"
CASES = [
    ("qWarning('a size is odd')", 0, ""),
    ("qCritical('it is\\n broken')", 0, "it is↵ broken\n"),
    ("qWarning('The X11 connection broke (error 1). Did the X11 server die?')", 3, GONE),
    ("heed(QtMsgType.QtFatalMsg, None, 'out of ideas')", 3, "error: Qt ended: out of ideas\n"),
    (START, 3, GONE),
]


@pytest.mark.parametrize(("code", "wanted", "said"), CASES)
def test_one_sentence_and_an_exit_code_in_place_of_an_abort(code, wanted, said):
    """In a process of its own, on a display that is not there; the last case is Qt's real refusal to start."""
    first = "from PySide6.QtCore import *; from viewers.qt.messages import heed; qInstallMessageHandler(heed)"
    environment = os.environ | {"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":9797", "WAYLAND_DISPLAY": ""}
    words = [sys.executable, "-c", f"{first}; {code}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (wanted, said)
