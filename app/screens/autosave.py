"""Keeping a session safe: one file per process among this program's notes, written when something worth it has changed.

Former sessions stay until newer ones take their place; a kill at any instant leaves whole files.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SurroundingsError
from engine.saved import SESSION_ENDING

if TYPE_CHECKING:
    from engine.session import Session
    from engine.session_file import SavedSession

MOST_KEPT = 12


def kept_sessions() -> list[Path]:
    """The sessions that were kept, the newest first."""
    return sorted(_directory().glob(f"*{SESSION_ENDING}"), reverse=True)


class Autosave:
    """Called by the driver's worker with the session, when it is quiet and at the end."""

    def __init__(self, before: SavedSession | None = None) -> None:
        self.path = _directory() / f"{datetime.now():%Y%m%d-%H%M%S-%f}-{os.getpid()}{SESSION_ENDING}"
        self.before = before  # as it was opened, or saved last

    def __call__(self, session: Session) -> None:
        """Write what has changed since it was opened. Raises SurroundingsError where the machine refuses."""
        from engine.session_file import save_session, saved

        now = saved(session)
        before, self.before = self.before, now
        is_new = before is None and not any(generated for _, _, generated in now.nodes)
        if not now.nodes or is_new or now == before:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SurroundingsError(f"{self.path.parent}: cannot be made: {error.strerror}") from error
        save_session(now, self.path)
        for old in kept_sessions()[MOST_KEPT:]:
            with suppress(OSError):
                old.unlink()


def _directory() -> Path:
    from app.cli.crash import state_directory

    return state_directory() / "sessions"
