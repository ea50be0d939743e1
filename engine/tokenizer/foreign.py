"""Every other kind of `tokenizer.json`, through the `tokenizers` library.

Adds to the ladder the normalizers, models and decoders that are not ours: SentencePiece-like ones with "▁" for a space
and tokens like <0xE2> for stray bytes, WordPiece, Unigram. What the library does in Rust may panic; a panic is turned
into one of our errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from engine.errors import InputError, MiniGPTError
from engine.files import shortened
from engine.tokenizer.base import REPLACEMENT, Tokenizer, well_formed
from engine.tokenizer.bytes import BYTE_OF, unspell

STRAY_BYTE = re.compile("<0x([89a-fA-F][0-9a-fA-F])>")  # a token of SentencePiece; below 0x80 it is a character


class ForeignTokenizer(Tokenizer):
    """A tokenizer whose ids the library makes. Its text is put together here, so that it can be streamed.

    Raises ValueError if the library refuses `document`.
    """

    def __init__(self, document: Mapping[str, Any], beginning: tuple[int, ...] = ()) -> None:
        import tokenizers

        self._document, self.beginning = document, beginning
        model = {**document["model"], "dropout": None}  # for training; here the same text has the same ids
        text = json.dumps({**document, "model": model, "truncation": None, "padding": None}, ensure_ascii=False)
        with faults_become(ValueError):
            self._library = tokenizers.Tokenizer.from_str(text)
            vocabulary = self._library.get_vocab(with_added_tokens=True)
            added = self._library.get_added_tokens_decoder()
        self.added = {token.content: id for id, token in added.items()}
        self.specials = {token.content: id for id, token in added.items() if token.special}
        self._texts = {id: text for text, id in vocabulary.items()}
        self.vocabulary_size = max(self._texts, default=-1) + 1
        decoders = _types(document.get("decoder"))
        self._is_byte_level, self._has_byte_tokens = "ByteLevel" in decoders, "ByteFallback" in decoders
        self._anchor = next((id for id in self._texts if self._is_plain(id)), None)

    def encode(self, text: str, special: bool = False) -> list[int]:
        text = well_formed(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        with faults_become(lambda fault: InputError(f"the tokenizer cannot take this text: {fault}")):
            self._library.encode_special_tokens = not special
            return self._library.encode(text, add_special_tokens=False).ids

    def _ordinary(self, text: str) -> list[int]:
        return self.encode(text)

    def token_bytes(self, id: int) -> bytes:
        return self.piece(id, self._anchor)

    def piece(self, id: int, previous: int | None) -> bytes:
        """What the library's decoder says after `previous`, less what it said before.

        So a decoder may strip the space of the first token, or put one between any two, and still be streamed.
        """
        if (data := self._stray_bytes(id)) is not None:
            return data
        if previous is not None and self._stray_bytes(previous) is not None:
            previous = self._anchor  # a stray byte alone is no text; any token in the middle of one will do
        before = "" if previous is None else self._decoded(previous)
        after = self._decoded(id) if previous is None else self._decoded(previous, id)
        return after.removeprefix(before).encode()

    def to_json(self) -> dict[str, Any]:
        return dict(self._document)

    def _decoded(self, *ids: int) -> str:
        with suppress(ValueError), faults_become(ValueError):
            return self._library.decode(list(map(int, ids)), skip_special_tokens=False)
        return REPLACEMENT

    def _stray_bytes(self, id: int) -> bytes | None:
        """The bytes of a token that need not be whole characters; None if the library's decoder knows its text."""
        text = self._texts.get(id)
        if text is None:
            return REPLACEMENT.encode()
        if self._is_byte_level:
            spelled = text not in self.added and all(c in BYTE_OF for c in text)
            return unspell(text) if spelled else text.encode()
        if self._has_byte_tokens and (stray := STRAY_BYTE.fullmatch(text)):
            return bytes.fromhex(stray[1])
        return None

    def _is_plain(self, id: int) -> bool:
        """Whether the token shows as text of its own, so that another one can be seen behind it."""
        return self._stray_bytes(id) is None and id not in self.special_ids and self._decoded(id).strip() != ""


@contextmanager
def faults_become(error: Callable[[str], Exception]) -> Iterator[None]:
    """Raise `error(message)` for what the library raises. Its panics derive from BaseException, as Ctrl-C does."""
    try:
        yield
    except MiniGPTError:
        raise
    except BaseException as fault:
        if isinstance(fault, Exception) or type(fault).__name__ == "PanicException":
            raise error(shortened(fault, 160)) from None
        raise


def _types(part: Any) -> set[str]:
    """The types of a decoder and of all decoders within it."""
    if not isinstance(part, dict):
        return set()
    inner = part.get("decoders")
    return {str(part.get("type"))}.union(*map(_types, inner if isinstance(inner, list) else []))
