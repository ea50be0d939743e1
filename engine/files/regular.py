"""Open a file only if it is a regular one and looks like itself; every other case has its own sentence.

A FIFO must not hang us, a device must not be touched, and the file that is checked is the file that is read: the
descriptor is opened without blocking and examined after the path was.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from engine.errors import FileError
from engine.files.refusal import refused, shortened

SNIFFED_BYTES = 512
REASONS = {
    errno.ELOOP: "is a link that leads back to itself",
    errno.EACCES: "cannot be read: permission denied",
    errno.EPERM: "cannot be read: permission denied",
    errno.ENXIO: "is a socket, not a file",
    errno.ENAMETOOLONG: "is too long for a file name",
    errno.ENOTDIR: "no such file: a part of its path is not a directory",
}
KINDS = (
    (stat.S_ISDIR, "is a directory, not a file"),
    (stat.S_ISFIFO, "is a FIFO (a named pipe), not a file"),
    (stat.S_ISCHR, "is a device, not a file"),
    (stat.S_ISBLK, "is a device, not a file"),
    (stat.S_ISSOCK, "is a socket, not a file"),
)
CONVERT = "nothing here runs a pickle; convert it where it was made, with safetensors.torch.save_file"
DISGUISES = {
    "git-lfs": "is a Git LFS pointer, not the file itself: run 'git lfs pull'",
    "html": "is an HTML page, not the file itself (a login or an error page saved by a download?)",
    "zip": f"is a ZIP archive (PyTorch's .bin and .pt are): {CONVERT}",
    "pickle": f"is a Python pickle: {CONVERT}",
    "gzip": "is compressed with gzip: run 'gunzip' first",
    "gguf": "is a GGUF file; the original model in safetensors is needed",
}


def open_regular(path: str | Path, largest_bytes: int | None = None, allow: Collection[str] = ()) -> BinaryIO:
    """Open `path` for reading, after checking that it is a readable, regular, non-empty file that is what it claims.

    largest_bytes  refuse a bigger file before reading it
    allow          names in `DISGUISES` that are welcome here, as "zip" for an NPZ file

    Raises FileError with its own message for each kind of refusal.
    """
    descriptor = _open(path)
    file = io.BufferedReader(io.FileIO(descriptor, "rb"))
    try:
        _check_kind(path, os.fstat(descriptor).st_mode)
        _check_size(path, os.fstat(descriptor).st_size, largest_bytes)
        _check_content(path, os.pread(descriptor, SNIFFED_BYTES, 0), allow)
    except OSError as error:
        file.close()
        raise _failure(path, error) from None
    except FileError:
        file.close()
        raise
    return file


def special_kind(mode: int) -> str | None:
    """What a path is, as a sentence, if it is anything but a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((sentence for test, sentence in KINDS if test(mode)), "is not a regular file")


def _open(path: str | Path) -> int:
    try:
        _check_kind(path, os.stat(path).st_mode)  # before opening: opening a device may already act on it
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise _failure(path, error) from None
    except ValueError:  # a NUL, or a surrogate that no file system can hold
        raise refused(path, "is not a possible file name") from None


def _check_kind(path: str | Path, mode: int) -> None:
    if sentence := special_kind(mode):
        raise refused(path, sentence)


def _check_size(path: str | Path, size: int, largest_bytes: int | None) -> None:
    if size == 0:
        raise refused(path, "is empty")
    if largest_bytes is not None and size > largest_bytes:
        raise refused(path, f"expected at most {largest_bytes:,} bytes, got {size:,}")


def _check_content(path: str | Path, start: bytes, allow: Collection[str]) -> None:
    disguise = _disguise(start)
    if disguise and disguise not in allow:
        raise refused(path, DISGUISES[disguise])


def _disguise(start: bytes) -> str | None:
    """The name in `DISGUISES` of what these first bytes belong to."""
    if start.startswith(b"version https://git-lfs.github.com/"):
        return "git-lfs"
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"GGUF"):
        return "gguf"
    # a safetensors header of 640 bytes begins with the same two bytes as a pickle of protocol 2
    is_safetensors = start[4:9] == b"\0\0\0\0{"
    is_pickle = start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5")
    return "pickle" if is_pickle and not is_safetensors else None


def _failure(path: str | Path, error: OSError) -> FileError:
    if error.errno == errno.ENOENT:
        return refused(path, f"no such file in {shortened(Path(path).parent, 120)}")
    return refused(path, REASONS.get(error.errno or 0, f"cannot be read: {error.strerror}"))
