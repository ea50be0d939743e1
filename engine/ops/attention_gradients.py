"""How attention passes gradients on. The two large products are each other's gradients; two operations are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, elements, per_element, same
from engine.program import Cost, Op, Shape

Array = np.ndarray


def shared_product_forward(a: Array, b: Array, *, groups: int, out: Array | None = None) -> Array:
    """aᵀ b for each head, summed over the heads that share a key/value head: the gradient of keys and of values.

    a        (B, H, T, S): the gradient of the scores (for keys), or the pattern (for values)
    b        (B, H, T, d): the queries, or the gradient of the result
    returns  (B, G, S, d), in memory as (B, S, G, d), so that merging heads is a view
    """
    batch, heads, tokens, seen = a.shape
    size = b.shape[3]
    if out is None:
        out = np.empty((batch, seen, groups, size), np.result_type(a, b)).transpose(0, 2, 1, 3)
    if groups == heads:
        return np.matmul(a.swapaxes(-1, -2), b, out=out)
    grouped = (batch, groups, heads // groups, tokens)
    products = np.matmul(a.reshape(*grouped, seen).swapaxes(-1, -2), b.reshape(*grouped, size))
    return np.sum(products, axis=2, out=out)  # (B, G, H/G, S, d) -> (B, G, S, d)


def softmax_dx_forward(d_out: Array, p: Array, *, out: Array | None = None) -> Array:
    """p (dy - Σ dy p), row by row; p is the forward result, so masked places get exactly 0."""
    along = np.einsum("...s,...s->...", d_out, p)[..., None]
    out = np.subtract(d_out, along, out=out)
    return np.multiply(out, p, out=out)


def rotate_back_forward(d_out: Array, cos: Array, sin: Array, *, out: Array | None = None) -> Array:
    """Turn each channel pair by the opposite angle: the transpose of a rotation is its inverse.

    d_out (B, H, T, d); cos, sin (T, d/2); returns (B, H, T, d), in memory as (B, T, H, d)
    """
    if out is None:
        batch, heads, tokens, size = d_out.shape
        out = np.empty((batch, tokens, heads, size), d_out.dtype).transpose(0, 2, 1, 3)
    half = d_out.shape[-1] // 2
    a, b = d_out[..., :half], d_out[..., half:]
    np.add(a * cos, b * sin, out=out[..., :half])
    np.subtract(b * cos, a * sin, out=out[..., half:])
    return out


def product_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    return Cost(2 * elements(ins[0]) * ins[1][3], FLOAT_BYTES * sum(map(elements, ins)), FLOAT_BYTES * elements(out))


shared_product = Op(
    "shared_product", "dk = dsᵀ q", "Each key (or value) collects the errors of all queries that looked at it.",
    shared_product_forward, lambda a, b, groups: (a[0], groups, a[3], b[3]), product_cost, layout=(0, 2, 1, 3),
    paper="Vaswani et al. 2017, arXiv:1706.03762",
)  # fmt: skip
softmax_dx = Op(
    "softmax_dx", "dx = p (dy - Σ dy p)",
    "Raising all scores changes nothing, so the average error is taken out first.",
    softmax_dx_forward, same, per_element(4), paper="Bridle 1990, Probabilistic interpretation of network outputs",
    alias="inplace=0",
)  # fmt: skip
rotate_back = Op(
    "rotate_back", "(da, db) -> (da c + db s, db c - da s)",
    "The error is turned back by the angle that the value was turned.",
    rotate_back_forward, lambda d, cos, sin: d, per_element(3), paper="Su et al. 2021, RoFormer, arXiv:2104.09864",
    layout=(0, 2, 1, 3),
)  # fmt: skip
