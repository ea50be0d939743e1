"""`join`: matrices that multiply the same rows become one, side by side: q, k and v; gate and up.

One large product is cheaper than several small ones. The parts stay readable under their own addresses, as columns of
the joined result: views that cost nothing.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np

from engine.listing import block_of
from engine.ops.linear import columns, linear
from engine.program import Line, Program, Weights
from engine.rewrites.fold import matrix_of, matrix_shape
from engine.rewrites.overlay import Overlay, Recipe


def join_linears(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Join the linear lines of a block that read the same value, in the order of the listing."""
    groups: dict[tuple[str, str, bool], list[Line]] = {}
    for line in program.lines:
        if line.op is linear and block_of(line.out):
            groups.setdefault((block_of(line.out), line.ins[0], len(line.ins) > 2), []).append(line)
    recipes: dict[str, Recipe] = {}
    instead: dict[str, list[Line]] = {}
    for group in groups.values():
        if len(group) > 1:
            joined, made = _joined(group, weights)
            recipes |= made
            widths = (matrix_shape(line, weights)[1] for line in group)
            for line, (start, stop) in zip(group, pairwise(accumulate(widths, initial=0)), strict=True):
                instead[line.out] = [Line(line.out, columns, (joined.out,), {"start": start, "stop": stop}, line.where)]
            instead[group[0].out].insert(0, joined)
    lines = (new for line in program.lines for new in instead.get(line.out, [line]))
    return program.with_lines(lines), Overlay(weights, recipes)


def _joined(group: list[Line], weights: Weights) -> tuple[Line, dict[str, Recipe]]:
    """The one line that does the work of all, with its weight (in, sum of out) and bias."""
    out = f"{block_of(group[0].out)}.{'attn.qkv' if '.attn.' in group[0].out else 'mlp.gate_up'}"
    shapes = [matrix_shape(line, weights) for line in group]
    total = sum(shape[1] for shape in shapes)
    recipes = {
        f"{out}.weight@joined": Recipe(
            (shapes[0][0], total), lambda: np.concatenate([matrix_of(line, weights) for line in group], axis=1)
        )
    }
    if len(group[0].ins) > 2:
        recipes[f"{out}.bias@joined"] = Recipe(
            (total,), lambda: np.concatenate([weights[line.ins[2]] for line in group])
        )
    return Line(out, linear, (group[0].ins[0], *recipes), {"transposed": False}, group[0].where), recipes
