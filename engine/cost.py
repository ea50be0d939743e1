"""What a program costs, without running it: shapes, FLOPs and bytes of every line, from the ops' own formulas."""

from __future__ import annotations

from collections.abc import Mapping

from engine.program import Cost, Program, Shape


def infer_shapes(program: Program, known: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shape of every value, given those of the inputs and weights.

    Raises ShapeError with the line and its builder as a note where shapes do not fit.
    """
    shapes = {name: tuple(known[name]) for name in (*program.inputs, *program.params)}
    for line in program.lines:
        ins = [shapes[name] for name in line.ins]
        try:
            shapes[line.out] = line.op.shape(*ins, **line.attrs)
        except Exception as error:
            error.add_note(f"in line {line}\nwith {', '.join(map(str, ins))}\nwritten by {line.where}")
            raise
    return shapes


def price(program: Program, shapes: Mapping[str, Shape]) -> dict[str, Cost]:
    """The cost of every line, by address."""
    return {
        line.out: line.op.cost(tuple(shapes[name] for name in line.ins), shapes[line.out], line.attrs)
        for line in program.lines
    }


def total(costs: Mapping[str, Cost]) -> Cost:
    """The sum over all lines."""
    return sum(costs.values(), Cost(0, 0, 0))
