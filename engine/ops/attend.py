"""Attention as one operation, a few queries at a time, so that the scores of all queries never exist at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.attention import causal_mask_forward
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.program import Cost, Op, Shape

Array = np.ndarray
QUERIES_AT_ONCE = 32
SAFE_EXPONENT = 20.0  # exp of numbers of at most this size, and their shares, neither overflow nor become denormal
LEAST = np.float32(-40)  # a score so far below the row's highest has no share that float32 could add to 1
LEAST_EXP = np.exp(np.full(16, LEAST))[0]


def attend_forward(q: Array, k: Array, v: Array, position_ids: Array, key_position_ids: Array, *, factor: float = 1.0,
                   window: int | None = None, out: Array | None = None) -> Array:  # fmt: skip
    """softmax(factor q kᵀ + mask) v, for some queries at a time against the keys that they may see.

    q                 (B, H, T, d)
    k, v              (B, G, S, d); G divides H
    position_ids      (T,) consecutive       key_position_ids  (S,), negative for an empty slot
    returns           (B, H, T, d), in memory as (B, T, H, d)

    Keys that lie ahead of a piece's last query are left out of its product, which saves half of a long prompt.
    """
    batch, heads, tokens, size = q.shape
    groups = k.shape[1]
    if out is None:
        out = np.empty((batch, tokens, heads, v.shape[3]), np.result_type(q, v)).transpose(0, 2, 1, 3)
    grouped = (batch, groups, heads // groups, tokens)
    queries, result = q.reshape(*grouped, size), out.reshape(*grouped, v.shape[3])
    keys, values = k[:, :, None].swapaxes(-1, -2), v[:, :, None]  # -> (B, G, 1, d, S), (B, G, 1, S, d)
    in_order = key_position_ids[0] == 0 and key_position_ids[-1] == len(key_position_ids) - 1  # a ring may have wrapped
    space = np.empty(batch * heads * min(tokens, QUERIES_AT_ONCE) * k.shape[2], out.dtype)
    for first in range(0, tokens, QUERIES_AT_ONCE):
        some = slice(first, first + QUERIES_AT_ONCE)
        positions = position_ids[some]
        seen = int(positions[-1]) + 1 if in_order else k.shape[2]
        shape = (*grouped[:3], len(positions), seen)
        scores = np.matmul(queries[..., some, :], keys[..., :seen], out=space[: elements(shape)].reshape(shape))
        if factor != 1:
            scores *= scores.dtype.type(factor)
        is_small = mask_tile(scores, positions, key_position_ids[:seen], window, in_order)
        sums = exponentials(scores, is_small)
        np.matmul(scores, values[..., :seen, :], out=result[..., some, :])
        result[..., some, :] /= sums[..., None]
    return out


def mask_tile(scores: Array, positions: Array, keys: Array, window: int | None, in_order: bool) -> bool:
    """Add -inf where a query may not look; without a window only the newest keys need it.

    Returns whether all scores were so small before that their exponentials need no shift.
    """
    is_small = bool(scores.max() < SAFE_EXPONENT and scores.min() > -SAFE_EXPONENT)
    recent = slice(-len(positions), None) if in_order and window is None else slice(None)
    scores[..., recent] += causal_mask_forward(positions, keys[recent], window=window)
    return is_small


def exponentials(scores: Array, is_small: bool) -> Array:
    """exp of every score in place, shifted by its row's maximum unless all are small; returns the rows' sums."""
    if is_small:
        np.exp(scores, out=scores)
    else:
        scores -= scores.max(-1, keepdims=True)
        exp_or_zero(scores, scores)
    rows = scores.reshape(-1, scores.shape[-1])
    return rows.dot(np.ones(rows.shape[1], rows.dtype)).reshape(scores.shape[:-1])


def exp_or_zero(x: Array, out: Array) -> None:
    """exp(x) - exp(-40) for x <= 0, and exactly 0 where that is negative: 4e-18 less than exp(x) at most.

    Denormal numbers, which float32 has below 1e-38, make every operation that meets them up to 40 times slower, and a
    trained head that is sure of itself makes many.
    """
    if x.dtype != np.float32:
        np.exp(x, out=out)
        return
    np.maximum(x, LEAST, out=out)
    np.exp(out, out=out)
    np.subtract(out, LEAST_EXP, out=out)


def attend_shape(q: Shape, k: Shape, v: Shape, position_ids: Shape, key_position_ids: Shape, **_: Any) -> Shape:
    return (*q[:3], v[3])


def attend_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Both products, and the softmax between, over the keys that are not ahead (about T/2 fewer for a prompt)."""
    batch, heads, tokens, size = out
    pairs = batch * heads * tokens * max(1, ins[1][2] - tokens // 2)
    return Cost(4 * pairs * size + 4 * pairs, FLOAT_BYTES * sum(map(elements, ins[:3])), FLOAT_BYTES * elements(out))


attend = Op(
    "attend", "z = softmax(c q kᵀ + m) v", "Scores, mask, softmax and weighted sum for a few queries at a time: "
    "the same numbers, without ever holding the pattern of all queries.",
    attend_forward, attend_shape, attend_cost, paper="Dao et al. 2022, FlashAttention, arXiv:2205.14135",
    layout=(0, 2, 1, 3),
)  # fmt: skip
