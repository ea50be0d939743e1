"""The text to learn from: read it strictly, clean it if asked, keep its end aside.

Nothing here guesses: a file that is not UTF-8, or not text at all, is refused with the byte that says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from engine.errors import InputError
from engine.files import open_regular, refused, shortened

LARGEST_TEXT = 2 << 30  # bytes, of all files together
VALIDATION_SHARE = 0.1
SUFFIXES = (".txt", ".text", ".md")
CLEANINGS = ("alnum",)
BOM = b"\xef\xbb\xbf"


def text_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files meant by `paths`: each file as it is, each directory as its text files, by name, folders included."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise refused(path, f"holds no text file ({', '.join(SUFFIXES)})")
            found += inside
        else:
            found.append(path)
    if not found:
        raise InputError("no text to learn from: give at least one file or directory")
    return found


def read_text(paths: Sequence[str | Path], separator: str | None = None) -> str:
    """All files one after the other, with `separator` between two of them where neither has it.

    A line break right after a separator only ends the separator's line: it is no part of the document that follows, as
    it is no part of a prompt, and goes.

    Raises FileError for a file that is empty, holds a NUL byte, or is not UTF-8.
    """
    parts: list[str] = []
    left = LARGEST_TEXT
    for path in text_files(paths):
        text = _read(path, left)
        left -= len(text)
        if parts and separator and not (parts[-1].rstrip().endswith(separator) or text.startswith(separator)):
            parts.append(separator)
        parts.append(text)
    whole = "".join(parts)
    return whole.replace(f"{separator}\n", separator) if separator else whole


def clean_alnum(text: str) -> str:
    """Only the letters a to z, digits and single spaces.

    The text becomes lower-case; then every run of characters other than a-z and 0-9 (spaces, new lines, punctuation,
    letters with accents) becomes one space; spaces at both ends go. "Don't panic, Zoë!" is "don t panic zo".
    """
    return re.sub("[^a-z0-9]+", " ", text.lower()).strip()


def cleaned(text: str, how: str | None) -> str:
    """The text after the cleaning of that name; None leaves it as it is."""
    if how is None:
        return text
    if how not in CLEANINGS:
        raise InputError(f"clean: expected one of {', '.join(CLEANINGS)}, got {shortened(how)}")
    return clean_alnum(text)


def split_validation(text: str, separator: str | None = None) -> tuple[str, str]:
    """Training text, and validation text: the last tenth of the bytes, cut between two characters.

    With a separator the cut moves back to the beginning of a document, so that none is on both sides; unless training
    would then keep less than half of the text.
    """
    data = text.encode("utf-8")
    cut = len(data) - int(len(data) * VALIDATION_SHARE)
    while cut < len(data) and data[cut] & 0xC0 == 0x80:  # within a character
        cut += 1
    if separator:
        mark = separator.encode()
        border = data.rfind(mark, 0, cut)
        if border + len(mark) > len(data) // 2:
            cut = border + len(mark)
    return data[:cut].decode(), data[cut:].decode()


def _read(path: Path, largest_bytes: int) -> str:
    with open_regular(path, largest_bytes) as file:
        data = file.read().removeprefix(BOM)
    if (zero := data.find(0)) >= 0:
        raise refused(path, f"expected text, got a NUL byte at {zero} (a binary file?)")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} is 0x{data[error.start]:02x}"
        raise refused(path, f"is not UTF-8 text: {byte} (Latin-1? convert it with iconv)") from None
