"""Kernels of int8 matrices and caches: a block of whole numbers is widened into the scratch and multiplied there."""

from __future__ import annotations

import numpy as np

from engine.emitter import Emitter, Ref
from engine.kernels.forms import is_flat, item, one_row
from engine.ops.int8 import BLOCK, row_blocks
from engine.program import Line

Array = np.ndarray
Pieces = tuple[tuple[Array, Array, Array], ...]


def linear_int8_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    x, weight, scale, *bias = ins
    numbers, width = weight.fixed, weight.sizes[1]
    space = e.buffer(max(BLOCK, width))
    result = out.fixed.reshape(-1, len(numbers))
    row = one_row(out)
    pieces = []
    for some in row_blocks(numbers.shape):
        wide = space[: numbers[some].size].reshape(-1, width)
        pieces.append((wide if row else wide.T, numbers[some] if row else numbers[some].T, result[:, some]))
    if row:
        y = e.flat(out)
        e.call(multiply_row, e.constant(tuple((w, q, y_[0]) for w, q, y_ in pieces)), e.flat(x))
        e.call(np.multiply, y, e.flat(scale), y)
    else:
        y = e.rows(out, len(numbers))
        e.call(multiply_rows, e.constant(tuple(pieces)), e.rows(x, width))
        e.call(np.multiply, y, e.constant(scale.fixed), y)
    if bias:
        e.call(np.add, y, e.constant(bias[0].fixed), y)
    return True


def multiply_row(pieces: Pieces, row: Array) -> None:
    """Each piece's (rows, in) numbers times one row (in,), through its place in the scratch, into its outputs."""
    for wide, numbers, y in pieces:
        np.copyto(wide, numbers)
        wide.dot(row, y)


def multiply_rows(pieces: Pieces, rows: Array) -> None:
    """Rows (N, in) times each piece's (in, columns) numbers, into its columns of the outputs."""
    for wide, numbers, y in pieces:
        np.copyto(wide, numbers)
        np.matmul(rows, wide, y)


def embed_int8_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    if not one_row(out):
        return False
    ids, table, scale = ins
    token, y = item(e, ids), e.flat(out)
    e.call(np.copyto, y, f"{e.constant(table.fixed)}[{token}]")
    e.call(np.multiply, y, f"{e.constant(scale.fixed)}[{token}]", y)
    return True


def widen_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """A value that grows: the first S slots of the cache, into the beginning of a buffer."""
    numbers, scales = ins
    if numbers.name is None or not out.grows or not is_flat(scales):
        return False
    y = e.whole(out)
    e.call(np.copyto, y, numbers.name)
    seen = e.once(f"{e.view(scales, lambda a: a[..., None])}[:, :, :{out.shape[2]}]")
    e.call(np.multiply, y, seen, y)
    return True
