"""`lay_out`: tables and matrices in the order in which they are read fastest.

Rotary cosines and sines become rows of a table, looked up by position instead of computed. Matrices are laid out for
the product of one row with a matrix, which is all that a generated token does.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from engine.listing import block_of
from engine.ops.embedding import embed, sinusoidal
from engine.ops.int8 import linear_int8
from engine.ops.linear import linear
from engine.ops.rope import rope_cos, rope_sin
from engine.pool import Pool
from engine.program import Line, Program, Weights
from engine.rewrites.fold import matrix_of, matrix_shape
from engine.rewrites.overlay import Overlay, Recipe, shape_of

LARGEST_TABLE_BYTES = 1 << 24
CACHED_BYTES = 24 << 20  # weights of models up to this size stay in the processor's cache from token to token
THREADED_ELEMENTS = 460_800  # from here on OpenBLAS splits a matrix-vector product over threads


def tabulate_positions(program: Program, weights: Weights, context: int) -> tuple[Program, Weights]:
    """Look position codes up in a table of `context` rows instead of computing them."""
    recipes: dict[str, Recipe] = {}
    lines: list[Line] = []
    for line in program.lines:
        if line.op in (rope_cos, rope_sin, sinusoidal) and _table_bytes(line, context) <= LARGEST_TABLE_BYTES:
            name = f"{line.out}.table"
            shape = line.op.shape((context,), **line.attrs)
            recipes[name] = Recipe(shape, partial(line.op.forward, np.arange(context), **line.attrs))
            lines.append(replace(line, op=embed, ins=(line.ins[0], name), attrs={}))
        else:
            lines.append(line)
    return program.with_lines(lines), Overlay(weights, recipes)


def lay_out_matrices(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Copy every matrix once more, side by side with the others, in the layout that suits its shape.

    One of int8 stays as it is, (out, in): it is widened row by row.
    """
    sizes = {line.ins[1]: math.prod(shape_of(weights, line.ins[1])) for line in program.lines if line.op is linear}
    is_cached = 4 * sum(sizes.values()) <= CACHED_BYTES
    pool, recipes = Pool(), {}
    lines = list(program.lines)
    for i, line in enumerate(program.lines):
        if line.op is linear:
            shape = matrix_shape(line, weights)
            transposed = not is_cached and reads_rows_faster(*shape)
            name, laid = f"{line.ins[1]}@laid", shape[::-1] if transposed else shape
            recipes[name] = Recipe(laid, partial(_laid, pool, line, weights, transposed))
            lines[i] = replace(line, ins=(line.ins[0], name, *line.ins[2:]), attrs={"transposed": transposed})
        elif line.op is linear_int8 and block_of(line.out):
            name = f"{line.ins[1]}@laid"
            recipes[name] = Recipe(shape_of(weights, line.ins[1]), partial(_copied, pool, line.ins[1], weights))
            lines[i] = replace(line, ins=(line.ins[0], name, *line.ins[2:]))
    return program.with_lines(lines), Overlay(weights, recipes)


def _laid(pool: Pool, line: Line, weights: Weights, transposed: bool) -> np.ndarray:
    matrix = matrix_of(line, weights)
    return pool.copy(matrix.T if transposed else matrix)


def _copied(pool: Pool, name: str, weights: Weights) -> np.ndarray:
    return pool.copy(weights[name])


def reads_rows_faster(wide: int, narrow: int) -> bool:
    """Whether a matrix (in, out) that comes from memory, not from cache, is read faster as (out, in).

    Measured: small ones are, as dot products of whole rows; large ones where they are tall rather than broad.
    """
    return wide * narrow < THREADED_ELEMENTS or wide >= narrow


def _table_bytes(line: Line, context: int) -> int:
    return 4 * context * line.op.shape((1,), **line.attrs)[1]
