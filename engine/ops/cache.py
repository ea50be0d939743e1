"""The key/value cache: what earlier tokens left, kept so that it is never computed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, elements
from engine.program import Cost, Op, Shape

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
    slots, count = cache.shape[2], len(position_ids)
    first = int(position_ids[0]) % slots
    fits = min(count, slots - first)  # a ring may wrap once
    cache[:, :, first : first + fits] = new[:, :, :fits]
    cache[:, :, : count - fits] = new[:, :, fits:]
    return cache[:, :, : len(key_position_ids)]


def append_shape(
    cache: Shape, new: Shape, position_ids: Shape, key_position_ids: Shape, *, window: int | None = None
) -> Shape:
    return (*cache[:2], *key_position_ids, cache[3])


def append_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Only the new rows are read and written, however long the text is."""
    return Cost(0, FLOAT_BYTES * elements(ins[1]), FLOAT_BYTES * elements(ins[1]))


append = Op(
    "append", "K = [K_past; k]", "The new tokens' keys (or values) join those before; nothing is computed twice.",
    append_forward, append_shape, append_cost,
    paper="Pope et al. 2022, Efficiently Scaling Transformer Inference, arXiv:2211.05102",
    alias="view",
)  # fmt: skip
