"""How a linear line, a sum and a gain pass gradients on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, elements, per_element, same
from engine.program import Cost, Op, Shape

Array = np.ndarray


def linear_dx_forward(d_out: Array, weight: Array, *, transposed: bool = False, out: Array | None = None) -> Array:
    """The gradient of y = x W with respect to x: d_out Wᵀ.

    d_out    (..., out)
    weight   (in, out), or (out, in) when `transposed`
    returns  (..., in)
    """
    matrix = weight if transposed else weight.T  # -> (out, in)
    out = np.empty((*d_out.shape[:-1], matrix.shape[1]), np.result_type(d_out, weight)) if out is None else out
    np.matmul(d_out.reshape(-1, d_out.shape[-1]), matrix, out=out.reshape(-1, matrix.shape[1]))
    return out


def linear_dw_forward(d_out: Array, x: Array, *, transposed: bool = False, out: Array | None = None) -> Array:
    """The gradient of y = x W with respect to W: xᵀ d_out, summed over all rows; in the layout of W.

    d_out    (..., out)       x  (..., in)
    returns  (in, out), or (out, in) when `transposed`
    """
    rows, d_rows = x.reshape(-1, x.shape[-1]), d_out.reshape(-1, d_out.shape[-1])
    return np.matmul(d_rows.T, rows, out=out) if transposed else np.matmul(rows.T, d_rows, out=out)


def sum_rows_forward(d_out: Array, *, out: Array | None = None) -> Array:
    """The gradient of a bias, which every row received: the sum over all rows, (..., D) -> (D,)."""
    rows = d_out.reshape(-1, d_out.shape[-1])
    return np.matmul(np.ones(len(rows), rows.dtype), rows, out=out)


def sum_to_forward(d_out: Array, *, rank: int, out: Array | None = None) -> Array:
    """The gradient of an input that was repeated along leading axes: their sum, down to `rank` axes."""
    lead = tuple(range(d_out.ndim - rank))
    if lead:
        return np.sum(d_out, axis=lead, out=out)
    if out is None:
        return d_out
    out[...] = d_out
    return out


def gain_gradient_forward(d_out: Array, x: Array, *, out: Array | None = None) -> Array:
    """The gradient of a gain per channel: Σ d_out * x over all rows, two (..., D) -> (D,)."""
    return np.einsum("nd,nd->d", d_out.reshape(-1, d_out.shape[-1]), x.reshape(-1, x.shape[-1]), out=out)


def accumulate_forward(first: Array, *others: Array, out: Array | None = None) -> Array:
    """The gradient of a value with several readers: the sum of what each of them sends back."""
    out = np.add(first, others[0], out=out)
    for other in others[1:]:
        np.add(out, other, out=out)
    return out


def dx_shape(d_out: Shape, weight: Shape, *, transposed: bool = False) -> Shape:
    return (*d_out[:-1], weight[1] if transposed else weight[0])


def dw_shape(d_out: Shape, x: Shape, *, transposed: bool = False) -> Shape:
    return (d_out[-1], x[-1]) if transposed else (x[-1], d_out[-1])


def dx_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    return _product_cost(2 * elements(ins[0]) * out[-1], ins, out)


def dw_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    return _product_cost(2 * elements(ins[0]) * ins[1][-1], ins, out)


def _product_cost(flops: int, ins: tuple[Shape, ...], out: Shape) -> Cost:
    return Cost(flops, FLOAT_BYTES * sum(map(elements, ins)), FLOAT_BYTES * elements(out))


def reduction_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """One operation for each element read."""
    read = sum(map(elements, ins))
    return Cost(read, FLOAT_BYTES * read, FLOAT_BYTES * elements(out))


linear_dx = Op(
    "linear_dx", "dx = dy Wᵀ",
    "The error goes back through the matrix: each input gets the blame of all outputs it fed.",
    linear_dx_forward, dx_shape, dx_cost,
    paper="Rumelhart et al. 1986, Learning representations by back-propagating errors",
)  # fmt: skip
linear_dw = Op(
    "linear_dw", "dW = xᵀ dy",
    "Each weight's gradient is what it was fed times the error where it led, over all tokens.",
    linear_dw_forward, dw_shape, dw_cost,
    paper="Rumelhart et al. 1986, Learning representations by back-propagating errors",
)  # fmt: skip
sum_rows = Op(
    "sum_rows", "db = Σ dy", "A bias was added to every token's row, so it gets the sum of their errors.",
    sum_rows_forward, lambda d: d[-1:], reduction_cost,
)  # fmt: skip
sum_to = Op(
    "sum_to", "db = Σ_batch dy", "What was shared by all texts of the batch gets the sum of their errors.",
    sum_to_forward, lambda d, rank: d[len(d) - rank :], reduction_cost,
)  # fmt: skip
gain_gradient = Op(
    "gain_gradient", "dg = Σ dy * x", "A gain's gradient is what it multiplied times the error, over all tokens.",
    gain_gradient_forward, lambda d, x: d[-1:], reduction_cost,
)  # fmt: skip
accumulate = Op(
    "accumulate", "dx = Σ dx_i", "A value that several lines read gets the sum of what each of them sends back.",
    accumulate_forward, same, per_element(1), alias="inplace=0",
)  # fmt: skip
