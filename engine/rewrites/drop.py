"""`drop`: lines that do nothing in a given situation go.

`identity` never does anything. With one query, the newest, and no window, the causal mask is all zeros. And where only
the next token is asked for, the rows of all other tokens end before the last norm.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from engine.ops.attention import causal_mask, mask
from engine.ops.linear import identity, last_row
from engine.program import Line, Program, Weights


def drop_identities(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Drop `identity` lines; who read them reads what they read."""
    return _without(program, [l for l in program.lines if l.op is identity and l.out not in keep]), weights


def drop_masks(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """For a single query with no window: drop the masks. Right only if the query is the newest of the seen tokens."""
    free = {line.out for line in program.lines if line.op is causal_mask and line.attrs.get("window") is None}
    gone = [line for line in program.lines if line.op is mask and line.ins[1] in free and line.out not in keep]
    program = _without(program, gone)
    read = program.readers()
    return _without(
        program, [l for l in program.lines if l.op is causal_mask and l.out not in read and l.out not in keep]
    ), weights


def last_logits(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Compute the logits of the last token only: its row alone leaves the residual stream."""
    at = next(i for i, line in enumerate(program.lines) if line.out.startswith("final."))
    first = program.lines[at]
    row = Line("final.last", last_row, first.ins[:1], {}, first.where)
    lines = [*program.lines[:at], row, replace(first, ins=("final.last", *first.ins[1:])), *program.lines[at + 1 :]]
    return program.with_lines(lines), weights


def _without(program: Program, gone: list[Line]) -> Program:
    """The program without some lines that pass their first input on."""
    through: dict[str, str] = {}
    for line in gone:
        through[line.out] = through.get(line.ins[0], line.ins[0])
    lines = (
        replace(line, ins=tuple(through.get(name, name) for name in line.ins))
        for line in program.lines
        if line.out not in through
    )
    return program.with_lines(lines)
