"""The key/value cache: what earlier tokens left, kept so that it is never computed again; as float32 or as int8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.int8 import rounded_rows
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.program import Cost, Line, Op, Shape

Array = np.ndarray


def append_forward(cache: Array, new: Array, position_ids: Array, key_position_ids: Array, *,
                   window: int | None = None, out: Array | None = None) -> Array:  # fmt: skip
    """Write the new keys (or values) into their slots and return all that are in use, as a view of the cache.

    cache             (B, G, C, d), C slots; token p lies in slot p mod C, so that a cache as long as the text is
                      plain and one of a window's length is a ring
    new               (B, G, T, d), T <= C
    position_ids      (T,) consecutive
    key_position_ids  (S,) the positions in the first S slots, the new ones included
    window            how far back a query may look; the mask sees to it, the cache only needs that many slots
    returns           (B, G, S, d), a view

    Slots of tokens after the new ones are overwritten when they come; no copy is made here.
    """
    _write(cache, new, position_ids)
    return cache[:, :, : len(key_position_ids)]


def append_int8_forward(cache: Array, new: Array, position_ids: Array, key_position_ids: Array, scales: Array, *,
                        window: int | None = None, out: Array | None = None) -> Array:  # fmt: skip
    """Write the new keys (or values) as int8 into their slots, and how they are scaled beside them.

    cache    (B, G, C, d) int8, as in `append`
    new      (B, G, T, d) float32
    scales   (B, G, C) float32, written too: one scale per token and head, its largest magnitude over 127
    returns  (B, G, S, d) int8, a view of the cache
    """
    numbers, row_scales = rounded_rows(new)
    _write(cache, numbers, position_ids)
    _write(scales, row_scales, position_ids)
    return cache[:, :, : len(key_position_ids)]


def widen_forward(numbers: Array, scales: Array, *, out: Array | None = None) -> Array:
    """int8 keys (or values) as float32 again.

    numbers  (B, G, S, d) int8
    scales   (B, G, C) float32; of the first S slots
    returns  (B, G, S, d) float32
    """
    if out is None:
        out = np.empty(numbers.shape, scales.dtype)
    np.copyto(out, numbers)
    return np.multiply(out, scales[:, :, : numbers.shape[2], None], out=out)


def _write(cache: Array, new: Array, position_ids: Array) -> None:
    """Put (B, G, T, ...) into the slots of (B, G, C, ...); a ring may wrap once."""
    slots, count = cache.shape[2], len(position_ids)
    first = int(position_ids[0]) % slots
    fits = min(count, slots - first)
    cache[:, :, first : first + fits] = new[:, :, :fits]
    cache[:, :, : count - fits] = new[:, :, fits:]


def append_shape(
    cache: Shape, new: Shape, position_ids: Shape, key_position_ids: Shape, *, window: int | None = None
) -> Shape:
    return (*cache[:2], *key_position_ids, cache[3])


def append_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Only the new rows are read and written, however long the text is."""
    return Cost(0, FLOAT_BYTES * elements(ins[1]), FLOAT_BYTES * elements(ins[1]))


def append_int8_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """The new rows are looked at, divided and rounded: a byte per number is written, and a scale per row."""
    new = elements(ins[1])
    return Cost(3 * new, FLOAT_BYTES * new, new + FLOAT_BYTES * (new // ins[1][-1]))


def widen_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    seen = elements(out)
    return Cost(seen, seen + FLOAT_BYTES * (seen // out[-1]), FLOAT_BYTES * seen)


append = Op(
    "append", "K = [K_past; k]", "The new tokens' keys (or values) join those before; nothing is computed twice.",
    append_forward, append_shape, append_cost,
    paper="Pope et al. 2022, Efficiently Scaling Transformer Inference, arXiv:2211.05102",
    alias="view",
)  # fmt: skip
append_int8 = Op(
    "append_int8", "Q = [Q_past; round(k / s)]",
    "The new tokens' keys (or values) join those before as whole numbers of one byte, with a scale for each.",
    append_int8_forward,
    lambda cache, new, at, keys, scales, *, window=None: append_shape(cache, new, at, keys),
    append_int8_cost,
    paper="Hooper et al. 2024, KVQuant, arXiv:2401.18079",
    alias="view",
)  # fmt: skip
widen = Op(
    "widen", "K = s Q", "The cached whole numbers become keys (or values) again, for this layer only.",
    widen_forward, lambda numbers, scales: numbers, widen_cost,
    paper="Hooper et al. 2024, KVQuant, arXiv:2401.18079",
)  # fmt: skip

APPENDS = (append, append_int8)
"""Operations that write into a cache: inputs 0, 2 and 3 are the cache, the new positions and those of all keys."""


def caches_of(line: Line) -> tuple[str, ...]:
    """The inputs that a line writes into: the cache and, for int8, its scales."""
    return {append: line.ins[:1], append_int8: (line.ins[0], line.ins[-1])}.get(line.op, ())
