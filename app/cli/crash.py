"""What is left of a bug of ours: a report on the disk, which a person can read and send."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from app.cli.version import VERSION
from engine.errors import MiniGPTError
from engine.text import visible

MOST_REPORTS = 20
LONGEST_ARGUMENT = 200


def state_directory() -> Path:
    """Where this program keeps what it notes for itself."""
    from platformdirs import user_state_path

    return user_state_path("minigpt", appauthor=False)


def write_report(error: BaseException, arguments: Sequence[str]) -> Path | None:
    """Write what happened and return where; None if the disk refuses."""
    from engine.files import atomic_write

    directory = state_directory() / "crashes"
    path = directory / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.txt"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _make_room(directory)
        atomic_write(path, _report(error, arguments).encode("utf-8", "backslashreplace"))
    except (OSError, MiniGPTError):
        return None
    return path


def _report(error: BaseException, arguments: Sequence[str]) -> str:
    shown = " ".join(visible(word[:LONGEST_ARGUMENT]) for word in arguments)
    trace = "\n".join(map(visible, "".join(traceback.format_exception(error)).split("\n")))
    return f"minigpt {VERSION}, Python {platform.python_version()}, {sys.platform}\narguments: {shown}\n\n{trace}"


def _make_room(directory: Path) -> None:
    """Keep only the newest reports."""
    for old in sorted(directory.glob("*.txt"))[: 1 - MOST_REPORTS]:
        with suppress(OSError):
            old.unlink()
