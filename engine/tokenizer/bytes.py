"""One id per byte of UTF-8: 256 ids, and no text is unknown.

Adds to `characters` that every text has ids, at the price of several ids for most characters. Here too is the alphabet
that files spell bytes with: JSON holds characters, not bytes, so each byte gets a printable one (Radford et al. 2019).
"""

from __future__ import annotations

from typing import Any

from engine.tokenizer.base import REPLACEMENT, Tokenizer
from engine.tokenizer.document import byte_level, document

PRINTABLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
OTHERS = sorted(set(range(256)) - set(PRINTABLE))
BYTE_ORDER = [*PRINTABLE, *OTHERS]  # the order of ids in GPT-2's vocabulary
CHARACTER_OF = {byte: chr(byte) for byte in PRINTABLE} | {byte: chr(256 + i) for i, byte in enumerate(OTHERS)}
BYTE_OF = {character: byte for byte, character in CHARACTER_OF.items()}


def spell(data: bytes) -> str:
    """Bytes in the printable alphabet: b" the" is "Ġthe"."""
    return "".join(map(CHARACTER_OF.__getitem__, data))


def unspell(text: str) -> bytes:
    """The bytes that `text` spells. Raises ValueError if a character is not in the alphabet."""
    try:
        return bytes(map(BYTE_OF.__getitem__, text))
    except KeyError as error:
        raise ValueError(f"{error} spells no byte") from None


class ByteTokenizer(Tokenizer):
    """The id of a byte is the byte."""

    vocabulary_size = 256
    specials: dict[str, int] = {}  # noqa: RUF012  never changed

    def _ordinary(self, text: str) -> list[int]:
        return list(text.encode("utf-8", "surrogateescape"))

    def token_bytes(self, id: int) -> bytes:
        return bytes([id]) if 0 <= id < 256 else REPLACEMENT.encode()

    def to_json(self) -> dict[str, Any]:
        """A byte-level BPE without merges."""
        return document({spell(bytes([id])): id for id in range(256)}, **byte_level(None))
