"""`join`: matrices that multiply the same rows become one, side by side: q, k and v; gate and up.

One large product is cheaper than several small ones. The parts stay readable under their own addresses, as columns of
the joined result: views that cost nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from engine.listing import block_of
from engine.ops.int8 import linear_int8
from engine.ops.linear import columns, linear
from engine.program import Line, Op, Program, Weights
from engine.rewrites.fold import matrix_of, matrix_shape
from engine.rewrites.overlay import Overlay, Recipe, shape_of

PARAMETERS: dict[Op, tuple[str, ...]] = {linear: ("weight",), linear_int8: ("weight", "scale")}
"""What a matrix operation reads of the model, before its bias."""


def fuse_qkv(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Join the queries', keys' and values' matrices alone."""
    return join_linears(program, weights, ("attn",))


def join_linears(
    program: Program, weights: Weights, parts: Collection[str] = ("attn", "mlp")
) -> tuple[Program, Weights]:
    """Join the linear lines of a block's part that read the same value, in the order of the listing."""
    groups: dict[tuple[str, str, Op, bool], list[Line]] = {}
    for line in program.lines:
        if line.op in PARAMETERS and any(f".{part}." in line.out for part in parts):
            has_bias = len(line.ins) > 1 + len(PARAMETERS[line.op])
            groups.setdefault((block_of(line.out), line.ins[0], line.op, has_bias), []).append(line)
    recipes: dict[str, Recipe] = {}
    instead: dict[str, list[Line]] = {}
    for group in groups.values():
        if len(group) > 1:
            joined, made = _joined(group, weights)
            recipes |= made
            widths = (_outputs(line, weights) for line in group)
            for line, (start, stop) in zip(group, pairwise(accumulate(widths, initial=0)), strict=True):
                instead[line.out] = [Line(line.out, columns, (joined.out,), {"start": start, "stop": stop}, line.where)]
            instead[group[0].out].insert(0, joined)
    lines = (new for line in program.lines for new in instead.get(line.out, [line]))
    return program.with_lines(lines), Overlay(weights, recipes)


def _outputs(line: Line, weights: Weights) -> int:
    return matrix_shape(line, weights)[1] if line.op is linear else shape_of(weights, line.ins[1])[0]


def _joined(group: list[Line], weights: Weights) -> tuple[Line, dict[str, Recipe]]:
    """The one line that does the work of all, with its weight, (in, sum of out) or int8 (sum of out, in), and bias."""
    op, out = group[0].op, f"{block_of(group[0].out)}.{'attn.qkv' if '.attn.' in group[0].out else 'mlp.gate_up'}"
    total = sum(_outputs(line, weights) for line in group)
    inputs = shape_of(weights, group[0].ins[1])[1] if op is linear_int8 else matrix_shape(group[0], weights)[0]
    recipes = {
        f"{out}.weight@joined": Recipe((total, inputs) if op is linear_int8 else (inputs, total),
                                       partial(_side_by_side, group, weights)),
    }  # fmt: skip
    for i, name in enumerate((*PARAMETERS[op][1:], "bias")[: len(group[0].ins) - 2], 2):
        recipes[f"{out}.{name}@joined"] = Recipe((total,), partial(_end_to_end, group, weights, i))
    attrs = {"transposed": False} if op is linear else {}
    return Line(out, op, (group[0].ins[0], *recipes), attrs, group[0].where), recipes


def _side_by_side(group: list[Line], weights: Weights) -> np.ndarray:
    if group[0].op is linear_int8:
        return _end_to_end(group, weights, 1)
    return np.concatenate([matrix_of(line, weights) for line in group], axis=1)


def _end_to_end(group: list[Line], weights: Weights, i: int) -> np.ndarray:
    """Input `i` of all, along the axis of outputs."""
    return np.concatenate([weights[line.ins[i]] for line in group])
