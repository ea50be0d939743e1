"""`lay_out`: tables and matrices in the order in which they are read fastest.

Rotary cosines and sines become rows of a table, looked up by position instead of computed. Matrices become (in, out) in
memory: a row times such a matrix streams through it once, which is all a generated token does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.ops.embedding import embed, sinusoidal
from engine.ops.linear import linear
from engine.ops.rope import rope_cos, rope_sin
from engine.program import Line, Program, Weights
from engine.rewrites.overlay import Overlay, read_only

LARGEST_TABLE_BYTES = 1 << 24


def tabulate_positions(program: Program, weights: Weights, context: int) -> tuple[Program, Weights]:
    """Look position codes up in a table of `context` rows instead of computing them."""
    more: dict[str, np.ndarray] = {}
    lines: list[Line] = []
    for line in program.lines:
        if line.op in (rope_cos, rope_sin, sinusoidal) and _table_bytes(line, context) <= LARGEST_TABLE_BYTES:
            name = f"{line.out}.table"
            more[name] = read_only(line.op.forward(np.arange(context), **line.attrs))
            lines.append(replace(line, op=embed, ins=(line.ins[0], name), attrs={}))
        else:
            lines.append(line)
    return program.with_lines(lines), Overlay(weights, more)


def rows_first(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Store every matrix as (in, out), contiguous."""
    more: dict[str, np.ndarray] = {}
    lines: list[Line] = []
    for line in program.lines:
        matrix = weights[line.ins[1]] if line.op is linear else None
        if matrix is not None and (line.attrs["transposed"] or not matrix.flags.c_contiguous):
            name = line.ins[1] + "@rows"
            more[name] = read_only(np.ascontiguousarray(matrix.T if line.attrs["transposed"] else matrix))
            lines.append(replace(line, ins=(line.ins[0], name, *line.ins[2:]), attrs={"transposed": False}))
        else:
            lines.append(line)
    return program.with_lines(lines), Overlay(weights, more)


def _table_bytes(line: Line, context: int) -> int:
    return 4 * context * line.op.shape((1,), **line.attrs)[1]
