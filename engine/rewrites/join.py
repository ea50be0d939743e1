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
from engine.rewrites.overlay import Overlay, read_only


def join_linears(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Join the linear lines of a block that read the same value, in the order of the listing."""
    groups: dict[tuple[str, str, bool], list[Line]] = {}
    for line in program.lines:
        if line.op is linear and block_of(line.out):
            groups.setdefault((block_of(line.out), line.ins[0], len(line.ins) > 2), []).append(line)
    more: dict[str, np.ndarray] = {}
    instead: dict[str, list[Line]] = {}
    for group in groups.values():
        if len(group) > 1:
            joined, made = _joined(group, weights)
            more |= made
            widths = (_matrix(line, weights).shape[1] for line in group)
            for line, (start, stop) in zip(group, pairwise(accumulate(widths, initial=0)), strict=True):
                instead[line.out] = [Line(line.out, columns, (joined.out,), {"start": start, "stop": stop}, line.where)]
            instead[group[0].out].insert(0, joined)
    return program.with_lines(new for line in program.lines for new in instead.get(line.out, [line])), Overlay(
        weights, more
    )


def _joined(group: list[Line], weights: Weights) -> tuple[Line, dict[str, np.ndarray]]:
    """The one line that does the work of all, with its weight (in, sum of out) and bias."""
    out = f"{block_of(group[0].out)}.{'attn.qkv' if '.attn.' in group[0].out else 'mlp.gate_up'}"
    made = {f"{out}.weight@joined": read_only(np.concatenate([_matrix(line, weights) for line in group], axis=1))}
    if len(group[0].ins) > 2:
        made[f"{out}.bias@joined"] = read_only(np.concatenate([weights[line.ins[2]] for line in group]))
    return Line(out, linear, (group[0].ins[0], *made), {"transposed": False}, group[0].where), made


def _matrix(line: Line, weights: Weights) -> np.ndarray:
    """The weight of a line as (in, out)."""
    return weights[line.ins[1]].T if line.attrs["transposed"] else weights[line.ins[1]]
