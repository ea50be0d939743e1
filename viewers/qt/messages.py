"""What Qt says to itself: little of it is passed on, and where it ends the process, one sentence says why."""

from __future__ import annotations

import os
import sys

from PySide6.QtCore import QMessageLogContext, QtMsgType

from engine.errors import SurroundingsError
from engine.text import visible
from viewers.qt.preflight import INSTEAD

BROKE, NO_PLUGIN = "connection broke", "no Qt platform plugin"  # in Qt's words on X11 and on Wayland, and at the start
GONE = f"error: the display went away; {INSTEAD}"


def heed(kind: QtMsgType, context: QMessageLogContext, words: str) -> None:
    """For `qInstallMessageHandler`. After it has said so, Qt ends the process with an abort or a bare exit.

    Nothing can be raised from here, so the process ends here, before Qt does it; the session is in another one.
    """
    if kind == QtMsgType.QtFatalMsg or BROKE in words:
        is_display = BROKE in words or NO_PLUGIN in words
        print(GONE if is_display else f"error: Qt ended: {visible(words)}", file=sys.stderr, flush=True)
        os._exit(SurroundingsError.exit_code)
    if kind == QtMsgType.QtCriticalMsg:
        print(visible(words), file=sys.stderr)
