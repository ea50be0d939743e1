"""`fold`: constants that can be multiplied into the next matrix beforehand are, once.

A norm's gain scales the rows of the matrices that read it and its bias adds to theirs; the attention scale goes into
the matrix of the queries. Where a value in `keep` would change, the fold is left out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from engine.listing import block_of
from engine.ops.linear import linear, scale
from engine.ops.norm import scale_shift
from engine.program import Line, Program, Weights
from engine.rewrites.overlay import Overlay, read_only

SUFFIX = "@folded"


def fold_norms(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Drop every `scale_shift` that only matrices read: (n * g + b) W = n (g W) + b W."""
    readers, more = program.readers(), {}
    lines, gone = list(program.lines), set()
    for norm in program.lines:
        if norm.op is not scale_shift or norm.out in keep or norm.out in program.outputs:
            continue
        reading = readers.get(norm.out, [])
        if not all(program.lines[i].op is linear and program.lines[i].ins[0] == norm.out for i in reading):
            continue
        for i in reading:
            lines[i], made = _folded(lines[i], norm, weights)
            more |= made
        gone.add(norm.out)
    return program.with_lines(line for line in lines if line.out not in gone), Overlay(weights, more)


def fold_scale(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Multiply the attention scale into the query matrix: c (x W) k = (x (c W)) k. The queries change by that factor."""
    lines, more = list(program.lines), {}
    for line in program.lines:
        if line.op is not scale:
            continue
        block = f"{block_of(line.out)}.attn."
        touched = [block + name for name in ("q.rows", "q", "q_rotated", "scores", "scaled") if block + name in program]
        made_from = next(other for other in program.lines if other.out == block + "q.rows")
        if made_from.op is not linear or not {*touched}.isdisjoint(keep):
            continue
        names = {name: name + SUFFIX for name in touched[:-1]}
        lines = [_renamed(other, names, line) for other in lines if other is not line]
        at = next(i for i, other in enumerate(lines) if other.out == names[block + "q.rows"])
        scaled = {
            name + "@scaled": read_only(weights[name] * np.float32(line.attrs["factor"])) for name in made_from.ins[1:]
        }
        lines[at] = replace(lines[at], ins=(made_from.ins[0], *scaled))
        more |= scaled
    return program.with_lines(lines), Overlay(weights, more)


def _folded(reader: Line, norm: Line, weights: Weights) -> tuple[Line, dict[str, np.ndarray]]:
    """The matrix line reading the normalized value directly, and its new weight (in, out) and bias."""
    weight = weights[reader.ins[1]]
    matrix = weight.T if reader.attrs["transposed"] else weight  # -> (in, out)
    made = {reader.ins[1] + SUFFIX: read_only(np.ascontiguousarray(matrix * weights[norm.ins[1]][:, None]))}
    bias = weights[norm.ins[2]] @ matrix if len(norm.ins) > 2 else None
    if len(reader.ins) > 2:
        bias = weights[reader.ins[2]] + (0 if bias is None else bias)
    if bias is not None:
        made[reader.ins[1].removesuffix("weight") + "bias" + SUFFIX] = read_only(bias)
    return replace(reader, ins=(norm.ins[0], *made), attrs={**reader.attrs, "transposed": False}), made


def _renamed(line: Line, names: dict[str, str], gone: Line) -> Line:
    """The line under its folded name, reading folded names; readers of the dropped line read what it read."""
    ins = (gone.ins[0] if name == gone.out else name for name in line.ins)
    return replace(line, out=names.get(line.out, line.out), ins=tuple(names.get(name, name) for name in ins))
