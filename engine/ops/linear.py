"""Matrix products with weights, and the sums that join their results.

A weight lies in a file in one of two layouts: (in, out), as GPT-2 stores it, or (out, in), as Llama does. `transposed`
says which, so that a memory-mapped matrix is used where it lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, broadcast, elements, free, per_element, require, same
from engine.program import Cost, Op, Shape

Array = np.ndarray
LEFT, RIGHT = "@A", "@B"  # what is added, with the rank, to a weight's address for the factors of W ~ A B


def linear_forward(x: Array, weight: Array, bias: Array | None = None, *, transposed: bool = False,
                   out: Array | None = None) -> Array:  # fmt: skip
    """Multiply every row of x by a weight matrix and add a bias.

    x        (..., in)
    weight   (in, out), or (out, in) when `transposed`
    bias     (out,) or None
    returns  (..., out)

    All rows go through one matrix product. Gradients need x and the weight, not the result.
    """
    matrix = weight.T if transposed else weight  # -> (in, out)
    if out is None:
        out = np.empty((*x.shape[:-1], matrix.shape[1]), np.result_type(x, weight))
    np.matmul(x.reshape(-1, x.shape[-1]), matrix, out=out.reshape(-1, matrix.shape[1]))  # (..., in) -> (..., out)
    if bias is not None:
        np.add(out, bias, out=out)
    return out


def linear_shape(x: Shape, weight: Shape, bias: Shape | None = None, *, transposed: bool = False) -> Shape:
    wide, narrow = reversed(weight) if transposed else weight
    require(x[-1] == wide, f"rows of {x[-1]} numbers cannot be multiplied by a matrix that takes {wide}")
    require(bias is None or bias == (narrow,), f"a bias of shape {bias} does not fit {narrow} outputs")
    return (*x[:-1], narrow)


def linear_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    rows_out = elements(out)
    flops = 2 * rows_out * ins[0][-1] + (rows_out if len(ins) > 2 else 0)
    return Cost(flops, FLOAT_BYTES * sum(map(elements, ins)), FLOAT_BYTES * rows_out)


def add_forward(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a + b, element by element; a smaller b is repeated along the missing leading axes."""
    return np.add(a, b, out=out)


def multiply_forward(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a * b, element by element: here, a gate opening or closing each hidden unit."""
    return np.multiply(a, b, out=out)


def scale_forward(x: Array, *, factor: float, out: Array | None = None) -> Array:
    """x times one number."""
    return np.multiply(x, x.dtype.type(factor), out=out)


def identity_forward(x: Array, *, out: Array | None = None) -> Array:
    """x itself, under another name. No number moves."""
    return x


def columns_forward(x: Array, *, start: int, stop: int, out: Array | None = None) -> Array:
    """Columns start to stop of the last axis, as a view."""
    return x[..., start:stop]


def columns_shape(x: Shape, *, start: int, stop: int) -> Shape:
    require(0 <= start < stop <= x[-1], f"columns {start}:{stop} are not in an axis of {x[-1]}")
    return (*x[:-1], stop - start)


def last_row_forward(x: Array, *, out: Array | None = None) -> Array:
    """The row of the last token, as a view: (..., T, D) -> (..., 1, D)."""
    return x[..., -1:, :]


def last_position_forward(position_ids: Array, *, out: Array | None = None) -> Array:
    """The position of the last token, as a view: (T,) -> (1,)."""
    return position_ids[-1:]


linear = Op(
    "linear", "y = x W + b", "Every output is a weighted sum of all inputs of its row; the weights were learned.",
    linear_forward, linear_shape, linear_cost,
)  # fmt: skip
add = Op(
    "add", "y = a + b", "Adds an update to the residual stream: what was there stays, something is written on top.",
    add_forward, broadcast, per_element(1), paper="He et al. 2015, Deep Residual Learning, arXiv:1512.03385",
    alias="inplace=0",
)  # fmt: skip
multiply = Op(
    "multiply", "y = a * b", "Multiplies element by element: the gate decides how much of each hidden unit passes.",
    multiply_forward, broadcast, per_element(1),
    paper="Shazeer 2020, GLU Variants Improve Transformer, arXiv:2002.05202",
    alias="inplace=0",
)  # fmt: skip
scale = Op(
    "scale", "y = c x", "One constant for all; it keeps the spread of attention scores independent of the head size.",
    scale_forward, same, per_element(1), paper="Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762",
    alias="inplace=0",
)  # fmt: skip
identity = Op(
    "identity", "y = x", "The residual stream enters the block: the same numbers under the block's own address.",
    identity_forward, same, free, alias="view",
)  # fmt: skip
columns = Op(
    "columns", "y = x[..., a:b]", "Takes some columns of a joined result; no number is copied.",
    columns_forward, columns_shape, free, alias="view",
)  # fmt: skip
last_row = Op(
    "last_row", "y = x[-1]", "Only the last token's row goes on: the next token needs no other.",
    last_row_forward, lambda x: (*x[:-2], 1, x[-1]), free, alias="view",
)  # fmt: skip
last_position = Op(
    "last_position", "y = p[-1]", "The position of the last token: where the next one's guess is made.",
    last_position_forward, lambda x: (1,), free, alias="view",
)  # fmt: skip
