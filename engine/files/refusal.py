"""How a file is refused: one line, short and inert, whatever the file's name and keys hold."""

from __future__ import annotations

from pathlib import Path

from engine.errors import FileError
from engine.text import visible

LONGEST_NAME, LONGEST_KEY, LONGEST_PROBLEM = 60, 90, 240  # with two ": " between them, 400 at most


def refused(path: str | Path, problem: str, key: str | None = None) -> FileError:
    """The error for a file that is not what it should be: `<file name>: <key or tensor>: <problem>`."""
    name = shortened(Path(path).name or str(path), LONGEST_NAME)
    shown_key = None if key is None else shortened(key, LONGEST_KEY) or "''"
    return FileError(name, shortened(problem, LONGEST_PROBLEM), shown_key)


def shortened(text: object, longest: int = 60) -> str:
    """`text` made visible, with its middle left out if it is longer than `longest` characters."""
    shown = visible(str(text)[: 2 * longest])
    if len(shown) <= longest and len(str(text)) <= 2 * longest:
        return shown
    half = (longest - 3) // 2
    return f"{shown[:half]}...{visible(str(text)[-half:])[-half:]}"
