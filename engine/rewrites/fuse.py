"""`fuse_attention`: scores, scale, mask, softmax and weighted sum become one line, where nobody looks inside."""

from __future__ import annotations

from collections.abc import Collection

from engine.listing import block_of
from engine.ops.attend import attend
from engine.ops.attention import mask, scores, softmax, weighted_sum
from engine.ops.linear import scale
from engine.program import Line, Program, Weights
from engine.rewrites.prune import prune


def fuse_attention(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """One `attend` line for every block that has none of the inner values in `keep`."""
    made = {line.out: line for line in program.lines}
    lines: list[Line] = []
    for line in program.lines:
        if line.op is weighted_sum and (inner := _inner(line, made)) and not {*inner} & {*keep}:
            lines.append(_fused(line, inner, made))
        else:
            lines.append(line)
    return prune(program.with_lines(lines), weights, keep)


def _inner(end: Line, made: dict[str, Line]) -> dict[str, Line]:
    """The lines between the queries and a weighted sum, by address; empty if they are not the usual ones."""
    inner: dict[str, Line] = {}
    name = end.ins[0]
    for op in (softmax, mask, scale, scores):
        line = made[name]
        if line.op is op:
            inner[name] = line
            name = line.ins[0]
        elif op is not scale:
            return {}
    return inner if all(block_of(name) == block_of(end.out) for name in inner) else {}


def _fused(end: Line, inner: dict[str, Line], made: dict[str, Line]) -> Line:
    by_op = {line.op: line for line in inner.values()}
    queries, keys = by_op[scores].ins
    factor = by_op[scale].attrs["factor"] if scale in by_op else 1.0
    window = made[by_op[mask].ins[1]].attrs.get("window")
    ins = (queries, keys, end.ins[1], "position_ids", "position_ids")
    return Line(end.out, attend, ins, {"factor": factor, "window": window}, end.where)
