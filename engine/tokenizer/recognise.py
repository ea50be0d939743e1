"""Is this `tokenizer.json` one that our own tokenizers understand exactly?

Adds to `document` the way back. What is not recognised is no error: the `tokenizers` library reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.tokenizer.base import Tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bytes import unspell
from engine.tokenizer.characters import CharacterTokenizer
from engine.tokenizer.patterns import GPT2, understands


class _NotOurs(Exception):
    """A part of the file asks for something that our tokenizers do not do."""


def recognised(
    document: Mapping[str, Any],
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    specials: Mapping[str, int],
    beginning: tuple[int, ...],
) -> Tokenizer | None:
    """Our own tokenizer with the same ids, or None.

    document    the whole file
    vocabulary  text -> id and `merges`, of the model; `specials` of the added tokens: all checked before
    """
    model = document["model"]
    try:
        _need(isinstance(model.get("vocab"), dict) and "merges" in model and model.get("type", "BPE") == "BPE")
        _need(not any(model.get(key) for key in ("continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")))
        _need(document.get("normalizer") is None)
        _need(set(beginning) <= set(specials.values()))
        for token in document.get("added_tokens") or []:
            _need(token.get("special") is True and token["content"] != "")
            _need(not any(token.get(flag) for flag in ("single_word", "lstrip", "rstrip")))
        ordinary = {text: id for text, id in vocabulary.items() if text not in specials}
        if model.get("unk_token") is not None:
            return _characters(document, ordinary, merges, specials, beginning)
        return _byte_pairs(document, ordinary, merges, specials, beginning)
    except _NotOurs:
        return None


def _need(condition: bool) -> None:
    if not condition:
        raise _NotOurs


def _characters(
    document: Mapping[str, Any],
    ordinary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    specials: Mapping[str, int],
    beginning: tuple[int, ...],
) -> Tokenizer:
    model = document["model"]
    _need(not merges and not model.get("fuse_unk") and model["unk_token"] in list(specials))
    _need(document.get("pre_tokenizer") is None and document.get("decoder") == {"type": "Fuse"})
    _need(all(len(text) == 1 for text in ordinary))
    return CharacterTokenizer(ordinary, specials, model["unk_token"], beginning)


def _byte_pairs(
    document: Mapping[str, Any],
    ordinary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    specials: Mapping[str, int],
    beginning: tuple[int, ...],
) -> Tokenizer:
    decoder = document.get("decoder")
    _need(isinstance(decoder, dict) and decoder.get("type") == "ByteLevel")
    tokens = {_bytes(text): id for text, id in ordinary.items()}
    _need(all(bytes([byte]) in tokens for byte in range(256)))
    pairs = [(_bytes(a), _bytes(b)) for a, b in merges]
    _need(all({a, b, a + b} <= tokens.keys() for a, b in pairs))
    return BPETokenizer(
        tokens,
        pairs,
        _pattern(document.get("pre_tokenizer")),
        specials=specials,
        beginning=beginning,
        whole_words=document["model"].get("ignore_merges") is True,
    )


def _bytes(text: str) -> bytes:
    try:
        return unspell(text)
    except ValueError:
        raise _NotOurs from None


def _pattern(pre_tokenizer: Any) -> str | None:
    """The pattern of ByteLevel, alone or after a Split."""
    match pre_tokenizer:
        case {"type": "ByteLevel", "add_prefix_space": False}:
            return GPT2 if pre_tokenizer.get("use_regex", True) else None
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", **cut},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        } if not cut.get("invert") and understands(pattern):
            return pattern
    raise _NotOurs
