"""Matrices of whole numbers of one byte, with one float32 scale per output: W ~ s q.

Symmetric rounding: the largest number of a row becomes 127, zero stays zero. A quarter of the bytes are stored and
read; activations stay float32. The numbers are widened a block at a time into one small scratch, never all at once.
Dettmers et al. 2022, LLM.int8(), arXiv:2208.07339; weights only, as in Frantar et al. 2022, GPTQ, arXiv:2210.17323.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from engine.ops.embedding import INT_BYTES
from engine.ops.shapes import FLOAT_BYTES, elements, require
from engine.program import Cost, Op, Shape

Array = np.ndarray
NUMBERS, SCALES = "@int8", "@scale"  # what is added to a weight's address for its two parts
LARGEST = 127  # -128 is not used, so that q and -q are both there
SMALLEST = float(np.finfo(np.float32).tiny)  # the scale of a row of zeros
BLOCK = 240 << 10  # floats of scratch: 960 KiB, which the processor keeps at hand between widening and product
PAPER = "Dettmers et al. 2022, LLM.int8(), arXiv:2208.07339"


def row_scales(top: Array) -> Array:
    """The scale of rows whose largest magnitude is `top`; not a number where that is none."""
    return np.maximum(top / np.float32(LARGEST), np.float32(SMALLEST))


def scales_of(matrix: Array) -> Array:
    """One scale per row of a matrix (out, in): the largest magnitude over 127."""
    scales = np.empty(len(matrix), np.float32)
    for some in row_blocks(matrix.shape):
        scales[some] = row_scales(np.abs(matrix[some]).max(1))
    return scales


def rounded(matrix: Array, scales: Array) -> Array:
    """The whole numbers of a matrix (out, in), a block of rows at a time: round(w / s)."""
    numbers = np.empty(matrix.shape, np.int8)
    for some in row_blocks(matrix.shape):
        numbers[some] = _round(matrix[some], scales[some, None])
    return numbers


def rounded_rows(x: Array) -> tuple[Array, Array]:
    """The last axis of any array as int8, and its scales (...,)."""
    scales = row_scales(np.abs(x).max(-1))
    return _round(x, scales[..., None]), scales


def linear_int8_forward(x: Array, weight: Array, scale: Array, bias: Array | None = None, *,
                        out: Array | None = None) -> Array:  # fmt: skip
    """Multiply every row of x by a matrix of int8, then each output by its scale, and add a bias.

    x        (..., in) float32
    weight   (out, in) int8; a row is what makes one output
    scale    (out,) float32
    bias     (out,) or None
    returns  (..., out)

    Rows of the weight are widened to float32 as many as fit in `BLOCK`, multiplied, and overwritten by the next.
    """
    if out is None:
        out = np.empty((*x.shape[:-1], len(weight)), np.float32)
    rows, y = x.reshape(-1, x.shape[-1]), out.reshape(-1, len(weight))
    space = np.empty(scratch_size(weight.shape), np.float32)
    for some in row_blocks(weight.shape):
        wide = space[: weight[some].size].reshape(-1, weight.shape[1])
        np.copyto(wide, weight[some])
        np.matmul(rows, wide.T, out=y[:, some])
    np.multiply(out, scale, out=out)
    if bias is not None:
        np.add(out, bias, out=out)
    return out


def row_blocks(shape: Shape) -> Iterator[slice]:
    """A matrix (out, in) as blocks of whole rows that fit in the scratch; a longer row is a block of its own."""
    count = max(1, BLOCK // shape[1])
    for first in range(0, shape[0], count):
        yield slice(first, min(first + count, shape[0]))


def scratch_size(shape: Shape) -> int:
    """Floats of scratch that a matrix (out, in) needs."""
    rows, width = shape
    return min(rows, max(1, BLOCK // width)) * width


def linear_int8_shape(x: Shape, weight: Shape, scale: Shape, bias: Shape | None = None) -> Shape:
    narrow, wide = weight
    require(x[-1] == wide, f"rows of {x[-1]} numbers cannot be multiplied by a matrix that takes {wide}")
    require(scale == (narrow,), f"scales of shape {scale} do not fit {narrow} outputs")
    require(bias is None or bias == (narrow,), f"a bias of shape {bias} does not fit {narrow} outputs")
    return (*x[:-1], narrow)


def linear_int8_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """A byte per weight; widening a number is counted with its product, scaling once per output."""
    rows_out, floats = elements(out), sum(map(elements, (ins[0], *ins[2:])))
    flops = 2 * rows_out * ins[0][-1] + rows_out * (len(ins) - 2)
    return Cost(flops, elements(ins[1]) + FLOAT_BYTES * floats, FLOAT_BYTES * rows_out)


def embed_int8_forward(ids: Array, table: Array, scale: Array, *, out: Array | None = None) -> Array:
    """Look up one row of an int8 table for each id, times the row's scale.

    ids      (...) integers in [0, V)
    table    (V, D) int8          scale  (V,) float32
    returns  (..., D) float32
    """
    return np.multiply(table[ids], scale[ids][..., None], out=out)


def embed_int8_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Only the rows that are asked for are read, and one scale for each."""
    read = (INT_BYTES + FLOAT_BYTES) * elements(ins[0]) + elements(out)
    return Cost(elements(out), read, FLOAT_BYTES * elements(out))


def _round(values: Array, scales: Array) -> Array:
    """round(x / s) as int8. What becomes of NaN does not matter: its scale says so."""
    with np.errstate(invalid="ignore"):
        return np.rint(values / scales).astype(np.int8)


linear_int8 = Op(
    "linear_int8", "y = s (x Qᵀ) + b",
    "A matrix of whole numbers from -127 to 127: the sum is made with them, and each output is scaled once.",
    linear_int8_forward, linear_int8_shape, linear_int8_cost, paper=PAPER,
)  # fmt: skip
embed_int8 = Op(
    "embed_int8", "y = s[id] Q[id]", "Each id picks its row of whole numbers, and the one scale that widens them.",
    embed_int8_forward, lambda ids, table, scale: (*ids, table[1]), embed_int8_cost, paper=PAPER,
)  # fmt: skip
