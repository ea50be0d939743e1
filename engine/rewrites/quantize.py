"""`quantize_int8`: matrices become whole numbers of one byte with a float32 scale per output.

The first rewrite after those that change the matrices themselves, so that what is rounded never depends on what is
folded and joined later: the same whole numbers run plain, optimized and from a saved file.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial

import numpy as np

from engine.ops.embedding import embed
from engine.ops.int8 import NUMBERS, SCALES, embed_int8, linear_int8, rounded, scales_of
from engine.ops.linear import linear
from engine.program import Line, Program, Weights
from engine.rewrites.overlay import Overlay, Recipe, holds, shape_of

EMBEDDING = "embedding"  # the target with the token table and the output matrix


def quantize_int8(program: Program, weights: Weights, targets: Collection[str]) -> tuple[Program, Weights]:
    """Quantize the linears of the parts in `targets` ("attn", "mlp", "embedding"); biases and positions stay.

    Whole numbers and scales that the weights bring along are used as they are.
    """
    recipes: dict[str, Recipe] = {}
    lines: list[Line] = []
    for line in program.lines:
        if not _is_meant(line, targets):
            lines.append(line)
            continue
        name = line.ins[1]
        if not holds(weights, name + NUMBERS):
            recipes |= _recipes(line, weights)
        op = embed_int8 if line.op is embed else linear_int8
        lines.append(replace(line, op=op, ins=(line.ins[0], name + NUMBERS, name + SCALES, *line.ins[2:]), attrs={}))
    return program.with_lines(lines), Overlay(weights, recipes)


def errors(program: Program, weights: Weights, targets: Collection[str]) -> dict[str, float]:
    """For each matrix that `quantize_int8` would round, the relative error (Frobenius) that it makes."""
    found = {}
    for line in program.lines:
        if _is_meant(line, targets):
            matrix = _by_output(line, weights)
            scales = scales_of(matrix)
            size = float(np.linalg.norm(matrix))
            off = float(np.linalg.norm(matrix - rounded(matrix, scales) * scales[:, None]))
            found[line.ins[1]] = off / size if size else 0.0
    return found


def _is_meant(line: Line, targets: Collection[str]) -> bool:
    if line.op is embed:
        return EMBEDDING in targets and line.ins[0] == "tokens"
    part = EMBEDDING if line.out == "logits" else next((t for t in ("attn", "mlp") if f".{t}." in line.out), None)
    return line.op is linear and part in targets


def _recipes(line: Line, weights: Weights) -> dict[str, Recipe]:
    name = line.ins[1]
    shape = shape_of(weights, name)
    shape = shape if _is_by_output(line) else shape[::-1]
    return {
        name + NUMBERS: Recipe(shape, partial(_numbers, line, weights)),
        name + SCALES: Recipe(shape[:1], partial(_scales, line, weights)),
    }


def _is_by_output(line: Line) -> bool:
    """Whether the stored rows are outputs; a row of the token table is the output of its token."""
    return line.op is embed or line.attrs["transposed"]


def _by_output(line: Line, weights: Weights) -> np.ndarray:
    """The matrix as (out, in)."""
    return weights[line.ins[1]] if _is_by_output(line) else weights[line.ins[1]].T


def _numbers(line: Line, weights: Weights) -> np.ndarray:
    matrix = _by_output(line, weights)
    return rounded(matrix, scales_of(matrix))


def _scales(line: Line, weights: Weights) -> np.ndarray:
    return scales_of(_by_output(line, weights))
