"""One family of errors, each a line a person can act on: `<file>: <key>: expected <X>, got <Y>; <what to do>`.

The class alone decides the exit code (2: the input or the command line is wrong, 3: the surroundings refuse).
"""

from __future__ import annotations

LONGEST_MESSAGE = 400


class MiniGPTError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code = 2


class FileError(MiniGPTError):
    """A file is not what it should be. `path` is shown by name; `key` is the JSON key or tensor concerned."""

    def __init__(self, path: object, problem: str, key: str | None = None) -> None:
        name = getattr(path, "name", None) or str(path)
        super().__init__(": ".join(part for part in (name, key, problem) if part))


class ShapeError(MiniGPTError):
    """Arrays do not fit together."""


class ProgramError(MiniGPTError):
    """A program is not well formed, or an address is not in it."""


class InputError(MiniGPTError):
    """A prompt, an option or a value given by the user cannot be used."""


class SurroundingsError(MiniGPTError):
    """The machine refuses: no space, no permission, no terminal, no display, no network."""

    exit_code = 3


class Cancelled(MiniGPTError):
    """The user stopped the work; what was done is kept."""

    exit_code = 130
