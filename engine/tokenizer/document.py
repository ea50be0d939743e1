"""The content of a `tokenizer.json`, as the `tokenizers` library reads it.

Adds to the ladder that others can open what we trained. Only plain values are here; reading is in `files`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def document(
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]] = (),
    *,
    specials: Mapping[str, int] | None = None,
    beginning: Sequence[int] = (),
    unknown: str | None = None,
    whole_words: bool = False,
    pre_tokenizer: dict[str, Any] | None = None,
    decoder: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A BPE model and what surrounds it. Special tokens are in `vocabulary` too: only there an id can be chosen."""
    names = {id: text for text, id in (specials or {}).items()}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id, "content": names[id], **flags} for id in sorted(names)],
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": _template([names[id] for id in beginning], beginning) if beginning else None,
        "decoder": decoder,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": whole_words,
            "vocab": dict(sorted(vocabulary.items(), key=lambda entry: entry[1])),
            "merges": [list(pair) for pair in merges],
        },
    }


def byte_level(pattern: str | None) -> dict[str, Any]:
    """Pre-tokenizer and decoder of a byte-level BPE that cuts words by `pattern`."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    cut = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {
        "pre_tokenizer": level if pattern is None else {"type": "Sequence", "pretokenizers": [cut, level]},
        "decoder": {**level, "use_regex": True},
    }


def _template(names: Sequence[str], ids: Sequence[int]) -> dict[str, Any]:
    """A post-processor that puts special tokens in front of a text."""
    front = [{"SpecialToken": {"id": name, "type_id": 0}} for name in names]
    first, second = ({"Sequence": {"id": which, "type_id": type_id}} for which, type_id in (("A", 0), ("B", 1)))
    return {
        "type": "TemplateProcessing",
        "single": [*front, first],
        "pair": [*front, first, second],
        "special_tokens": {n: {"id": n, "ids": [id], "tokens": [n]} for n, id in zip(names, ids, strict=True)},
    }
