"""What a trace says beside its arrays, as JSON: text, model, settings, and the lines with their costs and times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.files import refused, shortened
from engine.models.config_keys import Key, read_keys
from engine.program import ADDRESS, Cost
from engine.saved import a_list, an_object, settings_to_json, texts_of
from engine.trace import About, Trace, TraceRow

Array = np.ndarray
VERSION = 1
MOST_LAYERS = MOST_HEADS = 10_000
MOST_HEAD_VALUES = 2**27  # L * H * T: what a picture of all heads may ask for
LARGEST = 2**63 - 1
BLOCK = re.compile(r"blocks\.([0-9]{1,6})\.")

LINE_KEYS: Mapping[str, Key] = {
    "address": Key(str),
    "op": Key(str, default=""),
    "call": Key(str, default=""),
    "equation": Key(str, default=""),
    "explanation": Key(str, default=""),
    "where": Key(str, default=""),
    "flops": Key(int, 0, LARGEST, default=0),
    "bytes_read": Key(int, 0, LARGEST, default=0),
    "bytes_written": Key(int, 0, LARGEST, default=0),
    "elapsed_s": Key(float, 0, 1e9, default=None, null=None),
    "needed_bytes": Key(int, 0, LARGEST, default=0),
    "weight_bytes": Key(int, 0, LARGEST, default=0),
    "is_view": Key(bool, default=False),
}


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """Everything but the arrays, and the edits, whose values are arrays too."""
    return {
        "version": VERSION,
        "tokens": list(trace.tokens),
        "fingerprint": trace.fingerprint,
        "settings": settings_to_json(trace.settings),
        "about": asdict(trace.about),
        "lines": [_line_to_json(row) for row in trace.rows],
        "dropped": list(trace.dropped),
        "candidate_texts": {str(id): text for id, text in trace.candidate_texts.items()},
    }


def about_from_json(raw: object, name: str, ids: Sequence[int], values: Mapping[str, Array]) -> About:
    """What the file says of the model and the text; what it does not say is read off the arrays."""
    found, seen, tokens = an_object(raw, name, "about"), _seen_in(values), len(ids)
    table = {
        "name": Key(str, default="unnamed"),
        "line": Key(str, default="recorded elsewhere"),
        "layers": Key(int, 0, MOST_LAYERS, default=seen["layers"]),
        "heads": Key(int, 0, MOST_HEADS, default=seen["heads"]),
        "kv_heads": Key(int, 0, MOST_HEADS, default=seen["kv_heads"]),
        "head_size": Key(int, 0, LARGEST, default=seen["head_size"]),
        "vocab": Key(int, 0, LARGEST, default=seen["vocab"]),
        "prompt_length": Key(int, 0, tokens, default=tokens),
        "seed": Key(int, 0, LARGEST, default=None, null=None),
        "version": Key(str, default=""),
        "has_tokenizer": Key(bool, default="texts" in found),
        "dtype": Key(str, default="float32"),
    }
    given = read_keys(found, table, name)
    layers, heads = given["layers"], given["heads"]
    if layers > MOST_LAYERS or layers * heads * tokens > MOST_HEAD_VALUES:
        raise refused(name, f"expected fewer than {layers} layers x {heads} heads x {tokens} tokens", "about")
    windows = a_list(found.get("windows", [None] * layers), name, "windows", "whole numbers or null", _is_window)
    _check_length(windows, layers, "one for each layer", name, "windows")
    texts = texts_of(found.get("texts", list(map(str, ids))), name, "texts")
    _check_length(texts, tokens, "one for each token", name, "texts")
    return About(**given, windows=tuple(windows), texts=texts)


def candidate_texts_from_json(raw: object, name: str) -> Mapping[int, str]:
    """The texts of ids, which are keys and so written as texts themselves."""
    texts = {}
    for key, text in an_object(raw, name, "candidate_texts").items():
        if not (key.isascii() and key.isdecimal() and len(key) <= 10 and isinstance(text, str)):
            raise refused(name, "expected the text of a token id", f"candidate_texts: {shortened(key, 20)}")
        texts[int(key)] = text
    return MappingProxyType(texts)


def lines_from_json(raw: object, name: str) -> tuple[TraceRow, ...]:
    """The listing; empty for a trace that does not know it."""
    lines = a_list(raw, name, "lines", "objects", lambda line: isinstance(line, dict))
    return tuple(_line_from_json(line, name, i) for i, line in enumerate(lines))


def _line_to_json(row: TraceRow) -> dict[str, Any]:
    plain = {field.name: getattr(row, field.name) for field in fields(row) if field.name not in ("shape", "cost")}
    return plain | row.cost._asdict() | {"shape": list(row.shape)}


def _line_from_json(found: dict[str, Any], name: str, i: int) -> TraceRow:
    given = read_keys(found, LINE_KEYS, name)
    if not ADDRESS.fullmatch(given["address"]):
        raise refused(name, "expected an address: letters, digits and _ . @ only", f"lines: {i}")
    shape = a_list(found.get("shape", []), name, "shape", "sizes", lambda n: type(n) is int and 0 <= n <= LARGEST)
    cost = Cost(given.pop("flops"), given.pop("bytes_read"), given.pop("bytes_written"))
    return TraceRow(**given, shape=tuple(shape), cost=cost)


def _seen_in(values: Mapping[str, Array]) -> dict[str, int]:
    """What the arrays themselves say of the model they come from; 0 for what they do not say."""
    layers = 1 + max((int(found[1]) for address in values if (found := BLOCK.match(address))), default=-1)

    def size(axis: int, *ends: str) -> int:
        return next((a.shape[axis] for name, a in values.items() if name.endswith(ends) and a.ndim == 4), 0)

    logits, heads = values.get("logits"), size(1, ".attn.pattern", ".attn.q", ".attn.z")
    return {
        "layers": layers,
        "heads": heads,
        "kv_heads": size(1, ".attn.k", ".attn.v") or heads,
        "head_size": size(3, ".attn.q", ".attn.z", ".attn.k"),
        "vocab": logits.shape[-1] if logits is not None and logits.ndim else 0,
    }


def _check_length(values: Sequence[object], length: int, why: str, name: str, key: str) -> None:
    if len(values) != length:
        raise refused(name, f"expected {length} ({why}), got {len(values)}", key)


def _is_window(value: object) -> bool:
    return value is None or (type(value) is int and 0 < value <= LARGEST)
