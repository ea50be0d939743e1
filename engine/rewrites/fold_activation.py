"""`fold_activations`: the constants inside GELU and SiLU go into the matrices before and after.

GELU's tanh form is u (1 + tanh(u (u² + b))) / 2a of u = a x, with a³ = 0.044715 √(2/π) and a b = √(2/π); SiLU is
u (1 + tanh(u)) of u = x / 2. The first matrix takes a (or 1/2), the second 1/2a: each element costs fewer operations.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from engine.ops.activation import GELU_INNER, gelu_tanh, gelu_tanh_folded, silu, silu_folded
from engine.ops.int8 import linear_int8
from engine.ops.linear import linear
from engine.program import Line, Op, Program, Weights
from engine.rewrites.fold import SUFFIX, multiply_into, renamed
from engine.rewrites.overlay import Overlay, Recipe


def fold_activations(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Fold every GELU and SiLU between matrices; what changes by a constant is renamed."""
    recipes: dict[str, Recipe] = {}
    for line in program.lines:
        before = line.ins[0] if line.ins else ""
        if line.op is silu and before not in keep:
            program = _with_op(program, line, silu_folded, [before])
            program, made = multiply_into(program, before + SUFFIX, 0.5, weights)
            recipes |= made
        elif line.op is gelu_tanh and {before, line.out}.isdisjoint(keep) and (after := _only_reader(program, line)):
            program = _with_op(program, line, gelu_tanh_folded, [before, line.out])
            program, first = multiply_into(program, before + SUFFIX, GELU_INNER, weights)
            program, second = multiply_into(program, after.out, 0.5 / GELU_INNER, weights, bias=False)
            recipes |= first | second
    return program, Overlay(weights, recipes)


def _only_reader(program: Program, activation: Line) -> Line | None:
    """The matrix that alone reads an activation's result."""
    readers = [line for line in program.lines if activation.out in line.ins]
    return readers[0] if len(readers) == 1 and readers[0].op in (linear, linear_int8) else None


def _with_op(program: Program, line: Line, op: Op, changed: list[str]) -> Program:
    """The program with another operation in one line, and new names for the values that change with it."""
    names = {name: name + SUFFIX for name in changed}
    lines = (replace(other, op=op) if other.out == line.out else other for other in program.lines)
    return program.with_lines(renamed(other, names) for other in lines)
