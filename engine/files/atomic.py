"""Write a file so that at every instant its name holds the whole old content or the whole new one.

The content goes to a temporary file beside the target, is forced to the disk, and takes the target's name in one
step. A crash leaves at most a stale temporary file behind; a full disk or a missing permission leaves the old file.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from engine.errors import SurroundingsError
from engine.files.refusal import LONGEST_NAME, refused, shortened
from engine.files.regular import special_kind

PREFIX, SUFFIX = ".minigpt-", ".tmp"
STALE_S = 3600.0


def atomic_write(path: str | Path, data: bytes) -> None:
    """Replace the content of `path` by `data`, or leave it as it was and raise SurroundingsError."""
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file to write (and read back), which becomes `path` when the block ends; if it fails, nothing happened.

    The new file has the mode any new file would have. Raises SurroundingsError if the machine refuses (no space, no
    permission, a read-only file system) and FileError if `path` is a device or another thing that is no file.
    """
    target = Path(path)
    try:
        _check_target(target)
        temporary, file = _create_beside(target)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_directory(target.parent)
    except OSError as error:
        raise _failure(target, error) from error


def remove_stale(directory: str | Path, older_than_s: float = STALE_S) -> list[Path]:
    """Delete temporary files that a killed process left in `directory`, and say which."""
    removed = []
    with suppress(OSError):
        for path in sorted(Path(directory).glob(f"{PREFIX}*{SUFFIX}")):
            if time.time() - path.lstat().st_mtime >= older_than_s:
                path.unlink()
                removed.append(path)
    return removed


def _check_target(target: Path) -> None:
    """Refuse to take the place of a device: as root, `os.replace` onto /dev/null would succeed."""
    with suppress(FileNotFoundError):
        if sentence := special_kind(os.stat(target).st_mode):
            raise refused(target, f"{sentence}: it cannot be written over")


def _create_beside(target: Path) -> tuple[Path, BinaryIO]:
    temporary = target.parent / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
    return temporary, open(temporary, "x+b")  # new, with mode 0666 less the umask


def _sync_directory(directory: Path) -> None:
    """Make the new name durable. Some file systems cannot; the file itself is already whole and in place."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _failure(target: Path, error: OSError) -> SurroundingsError:
    name = shortened(target.name or target, LONGEST_NAME)
    kept = "; the old file is untouched" if os.path.lexists(target) else ""
    return SurroundingsError(f"{name}: cannot be written: {error.strerror or error}{kept}")
