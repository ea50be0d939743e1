"""Attention, one small step at a time: split, score, scale, mask, softmax, weigh, merge.

Grouped-query attention never repeats keys or values: H query heads are seen as G groups of H/G that share one key
head, and the products broadcast over the group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, broadcast, elements, free, per_element, require, same
from engine.program import Cost, Op, Shape

Array = np.ndarray
PAPER = "Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762"


def split_heads_forward(x: Array, *, heads: int, out: Array | None = None) -> Array:
    """Cut each row into heads, as a view: (B, T, H*d) -> (B, H, T, d)."""
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, heads, width // heads).transpose(0, 2, 1, 3)


def merge_heads_forward(x: Array, *, out: Array | None = None) -> Array:
    """Lay the heads of each token side by side again: (B, H, T, d) -> (B, T, H*d). A view of z."""
    batch, heads, tokens, size = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, tokens, heads * size)


def scores_forward(q: Array, k: Array, *, out: Array | None = None) -> Array:
    """How well each query fits each key: their dot products.

    q        (B, H, T, d)
    k        (B, G, S, d); G divides H
    returns  (B, H, T, S)
    """
    batch, heads, tokens, size = q.shape
    groups, seen = k.shape[1:3]
    if out is None:
        out = np.empty((batch, heads, tokens, seen), np.result_type(q, k))
    grouped = (batch, groups, heads // groups, tokens)
    np.matmul(q.reshape(*grouped, size), k[:, :, None].swapaxes(-1, -2), out=out.reshape(*grouped, seen))
    return out


def weighted_sum_forward(pattern: Array, v: Array, *, out: Array | None = None) -> Array:
    """For each query, the average of the values, weighted by its attention.

    pattern  (B, H, T, S), rows sum to 1
    v        (B, G, S, d)
    returns  (B, H, T, d), in memory as (B, T, H, d), so that merging heads is a view
    """
    batch, heads, tokens, seen = pattern.shape
    groups, size = v.shape[1], v.shape[3]
    if out is None:
        out = np.empty((batch, tokens, heads, size), np.result_type(pattern, v)).transpose(0, 2, 1, 3)
    grouped = (batch, groups, heads // groups, tokens)
    np.matmul(pattern.reshape(*grouped, seen), v[:, :, None], out=out.reshape(*grouped, size))
    return out


def causal_mask_forward(position_ids: Array, key_position_ids: Array, *, window: int | None = None,
                        out: Array | None = None) -> Array:  # fmt: skip
    """Which keys a query may see: 0 where it may, -inf where not.

    position_ids      (T,) of the queries
    key_position_ids  (S,) of the keys; negative for an empty cache slot
    window            number of keys seen, the query's own included; None: all earlier ones
    returns           (T, S) float32
    """
    behind = position_ids[:, None] - key_position_ids  # (T,), (S,) -> (T, S)
    seen = (behind >= 0) & (key_position_ids >= 0)
    if window is not None:
        seen &= behind < window
    out = np.empty(behind.shape, np.float32) if out is None else out
    out[...] = np.where(seen, np.float32(0), np.float32(-np.inf))
    return out


def mask_forward(scores: Array, mask: Array, *, out: Array | None = None) -> Array:
    """scores (B, H, T, S) + mask (T, S): keys that may not be seen get -inf, which softmax turns into exactly 0."""
    return np.add(scores, mask, out=out)


def softmax_forward(x: Array, *, out: Array | None = None) -> Array:
    """Turn each row into positive numbers that sum to 1.

    x        (..., S); at least one finite number per row
    returns  exp(x - max(x)) / sum; the shift by the row's maximum keeps exp from overflowing

    The gradient needs the result only.
    """
    out = np.subtract(x, x.max(-1, keepdims=True), out=out)
    np.exp(out, out=out)
    return np.divide(out, out.sum(-1, keepdims=True), out=out)


def scores_shape(q: Shape, k: Shape) -> Shape:
    require(q[1] % k[1] == 0, f"{q[1]} query heads cannot share {k[1]} key heads")
    require(q[3] == k[3], f"queries of size {q[3]} do not fit keys of size {k[3]}")
    return (*q[:3], k[2])


def weighted_sum_shape(pattern: Shape, v: Shape) -> Shape:
    require(pattern[3] == v[2], f"{pattern[3]} weights do not fit {v[2]} values")
    return (*pattern[:3], v[3])


def split_heads_shape(x: Shape, *, heads: int) -> Shape:
    require(x[2] % heads == 0, f"rows of {x[2]} numbers cannot be cut into {heads} heads")
    return (x[0], heads, x[1], x[2] // heads)


def product_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Both products of attention do 2 B H T S d operations."""
    batch, heads, tokens = out[:3]
    return Cost(
        2 * batch * heads * tokens * elements(ins[1][2:]),
        FLOAT_BYTES * sum(map(elements, ins)),
        FLOAT_BYTES * elements(out),
    )


split_heads = Op(
    "split_heads", "(T, H d) -> (H, T, d)", "Each head takes its own slice of the row; no number is copied.",
    split_heads_forward, split_heads_shape, free, paper=PAPER, alias="view",
)  # fmt: skip
merge_heads = Op(
    "merge_heads", "(H, T, d) -> (T, H d)", "The heads' results lie side by side again, one row per token.",
    merge_heads_forward, lambda x: (x[0], x[2], x[1] * x[3]), free, paper=PAPER, alias="view",
)  # fmt: skip
scores = Op(
    "scores", "s = q kᵀ", "Each query is compared with every key: a large dot product means that they fit.",
    scores_forward, scores_shape, product_cost, paper=PAPER + "; grouped: Ainslie et al. 2023, arXiv:2305.13245",
)  # fmt: skip
causal_mask = Op(
    "causal_mask", "m[t,s] = 0 if t-N < s ≤ t, else -∞", "No token may look ahead, nor further back than the window.",
    causal_mask_forward, lambda p, k, window=None: (*p, *k), per_element(2),
    paper=PAPER + "; window: Jiang et al. 2023, Mistral 7B, arXiv:2310.06825",
)  # fmt: skip
mask = Op(
    "mask", "y = s + m", "Scores of keys that may not be seen become minus infinity.",
    mask_forward, broadcast, per_element(1), paper=PAPER, alias="inplace=0",
)  # fmt: skip
softmax = Op(
    "softmax", "p = exp(x) / Σ exp(x)", "Scores become shares: every row is positive and sums to 1.",
    softmax_forward, same, per_element(4), paper=PAPER, alias="inplace=0",
)  # fmt: skip
weighted_sum = Op(
    "weighted_sum", "z = p v", "Each query collects the values of the tokens it looks at, in those shares.",
    weighted_sum_forward, weighted_sum_shape, product_cost, paper=PAPER, layout=(0, 2, 1, 3),
)  # fmt: skip
