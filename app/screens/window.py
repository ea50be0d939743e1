"""The key that opens the window on this session: a process of its own, which sees and drives what the terminal does.

However it ends, the session is here and goes on.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, cast

from textual.timer import Timer

from app.screens.wired import Wired
from engine.errors import MiniGPTError
from engine.text import visible
from viewers.qt.preflight import require_window

if TYPE_CHECKING:
    from app.screens.application import MiniGPTApp
    from engine.link.server import LinkServer, Source

WATCH_S = 0.2
LONGEST = 300


def window_command(descriptor: int, model: str) -> list[str]:
    """What shows a window at the other end of a link."""
    return [sys.executable, "-m", "app.gui", "--link", str(descriptor), "--", model]


class Windowing(Wired):
    """What the action about the window does."""

    _window: tuple[subprocess.Popen[bytes], LinkServer, IO[bytes], Timer] | None = None

    def action_window(self) -> None:
        if self._window is not None:
            self.say("The window is open.")
            return
        try:
            require_window()
        except MiniGPTError as error:
            self.say(f"error: {error}")
            return
        from engine.link.server import LinkServer

        here, there = socket.socketpair()
        said = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the window)
        process = subprocess.Popen(
            window_command(there.fileno(), self.opening.model), pass_fds=[there.fileno()], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
        there.close()
        self._whole.trainer()
        server = LinkServer(here, self._sources, self._open_from_window)
        server.start()
        self._window = process, server, said, self.set_interval(WATCH_S, self._watch_window)
        self.say("The window is opening; what one does, the other shows.")

    @property
    def _whole(self) -> MiniGPTApp:
        return cast("MiniGPTApp", self.app)

    def _sources(self) -> dict[str, Source | None]:
        return {"session": self.opening.driver, "training": self._whole.training}

    def _open_from_window(self, spec: str) -> None:
        """The window asks for another model or session; this runs in a thread of the link. Raises MiniGPTError."""
        from app.host import opening_of

        opening = opening_of(spec)
        self._whole.call_from_thread(self._whole.take_over, opening)

    def _watch_window(self) -> None:
        """When the window is gone, say so if it did not end well."""
        if self._window is None or (code := self._window[0].poll()) is None:
            return
        _, server, said, timer = self._window
        self._window = None
        timer.stop()
        server.close()
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
        said.close()
        if code:
            words = visible(lines[-1])[:LONGEST] if lines else f"it ended with code {code}"
            self.say(f"The window is gone: {words.removeprefix('error: ')}")
