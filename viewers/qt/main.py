"""Shows the window over a link until it is closed, and says how it ended by an exit code."""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from viewers.qt.given import NOTHING, Given

if TYPE_CHECKING:
    from engine.link.remote import Remote

SIGNAL_BASE = 128
HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def show_window(remote: Remote, is_alone: bool, source: str = "", given: Given = NOTHING) -> int:
    """Run Qt until the window is closed; what broke in it is raised afterwards. Returns the exit code.

    is_alone   the other end lives for this window; else it is the terminal app, which goes on
    source     what the model was opened by, for the command that opens it again
    given      of the configuration, and where models are found
    """
    from PySide6.QtCore import qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    from viewers.qt.messages import heed
    from viewers.qt.window import Window

    qInstallMessageHandler(heed)

    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(["minigpt-gui"])
    app.setApplicationName("MiniGPT")
    app.setDesktopFileName("minigpt-gui")
    crashes: list[BaseException] = []

    def crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        crashes.append(error)
        app.exit(1)

    def signalled(number: int, frame: FrameType | None) -> None:
        app.exit(SIGNAL_BASE + number)

    hook, sys.excepthook = sys.excepthook, crashed
    handlers = {number: signal.signal(number, signalled) for number in HEEDED}
    try:
        window = Window(remote, is_alone, source, given)
        window.show()
        code = app.exec()
        window.end()
    finally:
        sys.excepthook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if crashes:
        raise crashes[0]
    return code
