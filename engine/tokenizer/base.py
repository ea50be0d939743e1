"""What every tokenizer can do: text to ids, ids to text, and text again while the ids are still arriving.

The first rung of a ladder; each file after it adds one idea: `characters`, `bytes`, `patterns`, `bpe`, `bpe_training`,
and then the files of others: `document`, `checks`, `recognise`, `foreign`, `files`.
"""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

REPLACEMENT = "\ufffd"  # stands for what is no character, and for an id that is no token


class Tokenizer(ABC):
    """A map between text and ids, with the special tokens that are in no text.

    vocabulary_size   the greatest id + 1
    specials          text of a special token -> its id
    beginning         the ids that the tokenizer's own file puts in front of a prompt
    """

    vocabulary_size: int
    specials: dict[str, int]
    beginning: tuple[int, ...] = ()

    @abstractmethod
    def token_bytes(self, id: int) -> bytes:
        """The bytes that `id` stands for inside a text; those of U+FFFD if it stands for nothing."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The content of a `tokenizer.json` that gives the same ids in the `tokenizers` library."""

    @abstractmethod
    def _ordinary(self, text: str) -> list[int]:
        """The ids of a text in which nothing is special."""

    @property
    def bos(self) -> int | None:
        """The beginning token, if the tokenizer's own file says that a prompt has one."""
        return self.beginning[0] if self.beginning else None

    @property
    def special_ids(self) -> frozenset[int]:
        return frozenset(self.specials.values())

    def encode(self, text: str, special: bool = False) -> list[int]:
        """The ids of `text`. Text that looks like a special token is ordinary, unless `special` says it is one."""
        text = well_formed(text)
        if not (special and self.specials):
            return self._ordinary(text)
        ids: list[int] = []
        for part in self._special_texts.split(text):
            ids += [self.specials[part]] if part in self.specials else self._ordinary(part)
        return ids

    def encode_prompt(self, text: str, special: bool = False) -> list[int]:
        """What a model wants to see: the beginning tokens, if the tokenizer's file names any, then the text."""
        return [*self.beginning, *self.encode(text, special)]

    def decode(self, ids: Iterable[int], special: bool = True) -> str:
        """The text of `ids`; bytes that are no UTF-8 become U+FFFD. Without `special`, special tokens are left out."""
        previous, parts = None, []
        for id in ids:
            if special or id not in self.special_ids:
                parts.append(self.piece(id, previous))
                previous = id
        return b"".join(parts).decode("utf-8", "replace")

    def stream(self, special: bool = True) -> StreamDecoder:
        """A decoder that takes one id at a time."""
        return StreamDecoder(self, special)

    def piece(self, id: int, previous: int | None) -> bytes:
        """The bytes that `id` adds to a text after the id `previous`; None: at the text's start."""
        return self.token_bytes(id)

    def token_text(self, id: int) -> str:
        """The token for display, with its stray bytes as `<0xE2>`. It is raw: screens pass it through `visible`."""
        text = self.token_bytes(id).decode("utf-8", "surrogateescape")
        return "".join(f"<0x{ord(c) - 0xDC00:02X}>" if "\udc80" <= c <= "\udcff" else c for c in text)

    def save(self, path: str | Path) -> None:
        """Write a `tokenizer.json`."""
        import json

        from engine.files import atomic_write

        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        atomic_write(path, text.encode() + b"\n")

    @cached_property
    def _special_texts(self) -> re.Pattern[str]:
        """Finds special tokens, the longest first; its one group makes `split` keep them."""
        return re.compile("(" + "|".join(re.escape(s) for s in sorted(self.specials, key=len, reverse=True)) + ")")


class StreamDecoder:
    """Text of ids that arrive one by one. No character is shown by halves; in the end it is what `decode` says."""

    def __init__(self, tokenizer: Tokenizer, special: bool = True) -> None:
        self._tokenizer = tokenizer
        self._left_out = frozenset() if special else tokenizer.special_ids
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._previous: int | None = None

    def push(self, id: int) -> str:
        """The characters that are complete now that `id` has come; perhaps none."""
        if id in self._left_out:
            return ""
        piece = self._tokenizer.piece(id, self._previous)
        self._previous = id
        return self._utf8.decode(piece)

    def finish(self) -> str:
        """What is left: U+FFFD if the ids end within a character. The next `push` begins a new text."""
        self._previous = None
        return self._utf8.decode(b"", final=True)


def well_formed(text: str) -> str:
    """`text` without lone surrogates that no byte stands behind.

    Python gives undecodable bytes of a file name or an argument as the surrogates U+DC80 to U+DCFF: they become the
    bytes they came from, and the characters that those bytes spell. What then remains is a stray byte, kept as its
    surrogate for those who can encode it; any other surrogate becomes U+FFFD.
    """
    with suppress(UnicodeEncodeError):
        text.encode()
        return text
    kept = "".join(REPLACEMENT if "\ud800" <= c < "\udc80" or "\udcff" < c <= "\udfff" else c for c in text)
    return kept.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
