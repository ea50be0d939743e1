"""`dropout`: leave numbers out at random while training; a program without it is what is evaluated."""

from __future__ import annotations

from dataclasses import replace

from engine.ops.dropout import dropout as dropout_op
from engine.program import Line, Program, Weights

PLACES = (".attn.pattern", ".attn.out", ".mlp.out")
"""Where the papers put it: on attention shares and on what each part writes into the residual stream."""


def dropout(program: Program, weights: Weights, p: float) -> tuple[Program, Weights]:
    """Follow every such line, and the first residual stream, with a `dropout` line; readers get its result.

    Adds the inputs `update` (2,) and `samples` (B,) that the masks are computed from.
    """
    if p == 0:
        return program, weights
    lines: list[Line] = []
    for line in program.lines:
        if line.out.endswith(PLACES) or line.out == "blocks.0.resid_pre":
            before = f"{line.out}@whole"
            lines.append(replace(line, out=before))
            attrs = {"p": p, "address": line.out}
            lines.append(Line(line.out, dropout_op, (before, "update", "samples"), attrs, line.where))
        else:
            lines.append(line)
    return program.with_lines(lines, inputs=(*program.inputs, "update", "samples")), weights
