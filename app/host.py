"""The process behind a window that was started alone: it holds the session, and ends when the window does.

The window speaks to it by a socket that it was handed. What the window opens later takes the place of what was there;
if that cannot be opened, all stays as it was.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Sequence

from app.cli.guard import guarded
from app.screens.opening import Opening
from app.tui import opening_from
from engine.errors import InputError, MiniGPTError
from engine.link.server import LinkServer, Source
from engine.saved import SESSION_ENDING
from engine.training.driver import TrainingDriver

WATCH_S = 0.05
SAVING_S = 120.0  # for a run that is open when the window closes


class Host:
    """What is open now: a session, and a run that trains."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.training = TrainingDriver()

    def start(self) -> None:
        self.opening.start()
        self.training.start()

    def sources(self) -> dict[str, Source | None]:
        return {"session": self.opening.driver, "training": self.training}

    def open(self, spec: str) -> None:
        """Open a model or a session file in place of what is there. Raises MiniGPTError, and then all is as before."""
        opening = opening_of(spec)
        opening.start()
        opening.wait()
        if opening.error is not None:
            raise opening.error if isinstance(opening.error, MiniGPTError) else InputError(f"{spec}: {opening.error}")
        before, self.opening = self.opening, opening
        threading.Thread(target=before.close, daemon=True).start()

    def close(self) -> None:
        """Keep what is worth it: the session among this program's notes, the run in its directory."""
        self.opening.close()
        self.training.close(SAVING_S)


def opening_of(spec: str) -> Opening:
    """A model, or a saved session, on its way in."""
    if not spec.endswith(SESSION_ENDING):
        return Opening(spec, is_kept_safe=True)
    from engine.session_file import read_session

    kept = read_session(spec)
    return Opening(kept.model, kept=kept, is_kept_safe=True)


def serve(descriptor: int, words: Sequence[str]) -> int:
    """Serve one window until it is gone. What cannot be opened at the start ends it, and is said in one line."""
    host = Host(opening_from(words))
    server = LinkServer(socket.socket(fileno=descriptor), host.sources, host.open)
    host.start()
    server.start()
    try:
        while not server.closed.wait(WATCH_S):
            if host.opening.error is not None and host.opening.driver is None:
                raise host.opening.error
    finally:
        server.close()
        host.close()
    return 0


def main() -> None:
    """`python -m app.host FD [words of minigpt-tui]`."""
    descriptor, *words = sys.argv[1:]
    sys.exit(guarded(lambda: serve(int(descriptor), words), words))


if __name__ == "__main__":
    main()
