"""One id per character: the simplest tokenizer, and the first to need an unknown token.

Adds to `base` a vocabulary that comes from a text. What that text did not hold can only be said as `<unk>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import InputError
from engine.tokenizer.base import REPLACEMENT, Tokenizer, well_formed
from engine.tokenizer.document import document

UNKNOWN = "<unk>"


class CharacterTokenizer(Tokenizer):
    """characters  character -> id
    specials    special token -> id, among them `unknown`, which stands for every other character
    """

    def __init__(
        self,
        characters: Mapping[str, int],
        specials: Mapping[str, int],
        unknown: str = UNKNOWN,
        beginning: tuple[int, ...] = (),
    ) -> None:
        self.characters, self.specials = dict(characters), dict(specials)
        self.unknown, self.beginning = unknown, beginning
        self._unknown_id = self.specials[unknown]
        self._texts = {id: text for text, id in (self.characters | self.specials).items()}
        self.vocabulary_size = max(self._texts) + 1

    @classmethod
    def train(cls, text: str, specials: Iterable[str] = ()) -> CharacterTokenizer:
        """The unknown token, then `specials`, then every character of the rest of `text` in order of code points."""
        names = list(dict.fromkeys([UNKNOWN, *specials]))
        if short := [name for name in names if len(name) < 2]:
            raise InputError(f"special token {short[0]!r}: expected at least 2 characters")
        for name in names:
            text = text.replace(name, "")
        characters = sorted(c for c in set(well_formed(text)) if not "\ud800" <= c <= "\udfff")
        return cls(
            {c: id for id, c in enumerate(characters, len(names))},
            {name: id for id, name in enumerate(names)},
        )

    def _ordinary(self, text: str) -> list[int]:
        return [self.characters.get(c, self._unknown_id) for c in text]

    def token_bytes(self, id: int) -> bytes:
        return self._texts.get(id, REPLACEMENT).encode()

    def to_json(self) -> dict[str, Any]:
        """BPE before its first merge: no pre-tokenizer, and characters that nothing joins."""
        return document(
            self.characters | self.specials,
            specials=self.specials,
            beginning=self.beginning,
            unknown=self.unknown,
            decoder={"type": "Fuse"},
        )
