"""How `attend` passes gradients on: the pattern is worked out again, a cache-sized tile at a time, and never kept.

All three gradients need the same tile, so one operation computes them side by side, and three views take them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from engine.ops.attend import exponentials, mask_tile
from engine.ops.shapes import FLOAT_BYTES, elements, free
from engine.program import Cost, Op, Shape

Array = np.ndarray
TILE = 1 << 18  # floats: a smaller tile stays in a nearer cache, but two threads then wait for the interpreter
ROWS = 144  # queries of a tile at most: what lies ahead of them is left out
Chunk = tuple[slice, slice, slice]  # of texts, of key/value heads, of queries


def attend_back_forward(d_z: Array, q: Array, k: Array, v: Array, position_ids: Array, *, factor: float = 1.0,
                        window: int | None = None, out: Array | None = None) -> Array:  # fmt: skip
    """The gradients of queries, keys and values, one behind the other.

    d_z, q        (B, H, T, d)
    k, v          (B, G, T, d); G divides H
    position_ids  (T,) 0, 1, 2, ...: of queries and keys
    returns       (B T (H + 2 G) d,): dq, dk, dv, each in memory as (B, T, heads, d)

    With p = softmax(c q kᵀ) and dp = dz vᵀ: dv = pᵀ dz, ds = p (dp - Σ dp p), dq = c ds k, dk = c dsᵀ q.
    Dao et al. 2022, FlashAttention, algorithm 4, arXiv:2205.14135.
    """
    out = np.empty(elements(q.shape) + 2 * elements(k.shape), q.dtype) if out is None else out
    d_q, d_k, d_v = (taken_forward(out, q, k, part=part) for part in range(3))
    per_group = q.shape[1] // k.shape[1]
    space = np.empty((2, _largest_tile(q.shape, k.shape[1])), q.dtype)
    c = q.dtype.type(factor)
    for texts, groups, rows in _chunks(q.shape, k.shape[1]):
        seen = rows.stop
        heads = slice(groups.start * per_group, groups.stop * per_group)
        keys, values = k[texts, groups, :seen], v[texts, groups, :seen]
        shape = (*keys.shape[:2], per_group, rows.stop - rows.start)
        queries, errors = (np.multiply(x[texts, heads, rows], y, order="C").reshape(*shape[:2], -1, x.shape[3])
                           for x, y in ((q, c), (d_z, q.dtype.type(1))))  # fmt: skip
        size = queries.shape[0] * queries.shape[1] * queries.shape[2] * seen
        p, d_p = (part[:size].reshape(*queries.shape[:3], seen) for part in space)
        np.matmul(queries, keys.swapaxes(-1, -2), out=p)
        _softmax(p.reshape(*shape, seen), position_ids[rows], position_ids[:seen], window)
        np.matmul(errors, values.swapaxes(-1, -2), out=d_p)
        d_p -= np.vecdot(d_p, p)[..., None]
        d_p *= p
        into = d_q[texts, heads, rows].reshape(*shape, -1)
        np.multiply(np.matmul(d_p, keys).reshape(into.shape), c, out=into)
        is_first = seen == q.shape[2]  # the last queries come first: they see every key
        for result, left, right in ((d_k, d_p, queries), (d_v, p, errors)):
            target = result[texts, groups, :seen]
            if is_first:
                np.matmul(left.swapaxes(-1, -2), right, out=target)
            else:
                target += np.matmul(left.swapaxes(-1, -2), right)
    return out


def taken_forward(together: Array, q: Array, k: Array, *, part: int, out: Array | None = None) -> Array:
    """The gradient of queries (part 0), keys (1) or values (2), as a view: (B, heads, T, d)."""
    batch, groups, tokens, size = k.shape
    sizes = (elements(q.shape), elements(k.shape), elements(k.shape))
    heads = q.shape[1] if part == 0 else groups
    start = sum(sizes[:part])
    return together[start : start + sizes[part]].reshape(batch, tokens, heads, size).transpose(0, 2, 1, 3)


def _chunks(shape: Shape, groups: int) -> Iterator[Chunk]:
    """Tiles of texts, key/value heads and queries, the last queries first."""
    batch, heads, tokens, _ = shape
    rows = min(tokens, ROWS)
    at_once = max(1, TILE // (heads // groups * rows * tokens))  # key/value heads of a tile, of one or several texts
    texts, some = max(1, at_once // groups), min(groups, at_once)
    for first in range(0, batch, texts):
        for group in range(0, groups, some):
            for end in range(tokens, 0, -rows):
                yield (
                    slice(first, min(batch, first + texts)),
                    slice(group, min(groups, group + some)),
                    slice(max(0, end - rows), end),
                )


def _largest_tile(shape: Shape, groups: int) -> int:
    batch, heads, tokens, _ = shape
    one = heads // groups * min(tokens, ROWS) * tokens
    return one * min(max(1, TILE // one), batch * groups)


def _softmax(scores: Array, positions: Array, keys: Array, window: int | None) -> None:
    """Scores to shares, in place."""
    is_small = mask_tile(scores, positions, keys, window, in_order=True)
    sums = exponentials(scores, is_small)
    scores *= np.reciprocal(sums)[..., None]


def _cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Five products over the keys that no tile of queries leaves out, and the softmax and its gradient between."""
    batch, heads, tokens, size = ins[1]
    pairs = batch * heads * sum(min(ROWS, end) * end for end in range(tokens, 0, -ROWS))
    return Cost(10 * pairs * size + 8 * pairs, FLOAT_BYTES * sum(map(elements, ins[:4])), FLOAT_BYTES * elements(out))


def _taken_shape(together: Shape, q: Shape, k: Shape, *, part: int) -> Shape:
    return q if part == 0 else k


attend_back = Op(
    "attend_back", "dv = pᵀ dz, ds = p (dp - Σ dp p), dq = c ds k, dk = c dsᵀ q",
    "The pattern is computed again from queries and keys, for a few queries at a time, and what each query, key and "
    "value is to blame for is read off it.",
    attend_back_forward,
    lambda d, q, k, v, position_ids, **_: (elements(q) + 2 * elements(k),),
    _cost, paper="Dao et al. 2022, FlashAttention, arXiv:2205.14135",
)  # fmt: skip
taken = Op(
    "taken", "dq | dk | dv", "The gradients of queries, keys and values lie one behind the other; this is one of them.",
    taken_forward, _taken_shape, free, alias="view",
)  # fmt: skip
