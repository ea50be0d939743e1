"""`fold`: constants that can be multiplied into the next matrix beforehand are, once.

A norm's gain scales the rows of the matrices that read it and its bias adds to theirs; the attention scale goes into
the matrix of the queries. Where a value in `keep` would change, the fold is left out. Values that change by a constant
are renamed, so that one address never means two numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from engine.listing import block_of
from engine.ops.int8 import linear_int8
from engine.ops.linear import linear, scale
from engine.ops.norm import scale_shift
from engine.program import Line, Program, Weights
from engine.rewrites.overlay import Overlay, Recipe, shape_of

SUFFIX = "@folded"


def fold_norms(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Drop every `scale_shift` that only matrices read: (n * g + b) W = n (g W) + b W."""
    readers = program.readers()
    recipes: dict[str, Recipe] = {}
    lines, gone = list(program.lines), set()
    for norm in program.lines:
        reading = readers.get(norm.out, [])
        only_matrices = all(lines[i].op is linear and lines[i].ins[0] == norm.out for i in reading)
        if norm.op is not scale_shift or norm.out in (*keep, *program.outputs) or not only_matrices:
            continue
        for i in reading:
            lines[i], made = _absorbed(lines[i], norm, weights)
            recipes |= made
        gone.add(norm.out)
    return program.with_lines(line for line in lines if line.out not in gone), Overlay(weights, recipes)


def fold_scale(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Multiply the attention scale into the query matrix: c (x W) k = (x (c W)) k."""
    recipes: dict[str, Recipe] = {}
    for line in program.lines:
        place = f"{block_of(line.out)}.attn."
        touched = [place + name for name in ("q.rows", "q", "q_rotated", "scores", "scaled") if place + name in program]
        if line.op is not scale or not {*touched}.isdisjoint(keep):
            continue
        names = {name: name + SUFFIX for name in touched[:-1]}
        rest = [other for other in program.lines if other.out != line.out]
        program = program.with_lines(renamed(other, {**names, line.out: names[line.ins[0]]}) for other in rest)
        program, made = multiply_into(program, names[place + "q.rows"], line.attrs["factor"], weights)
        recipes |= made
    return program, Overlay(weights, recipes)


def multiply_into(
    program: Program, address: str, factor: float, weights: Weights, bias: bool = True
) -> tuple[Program, dict[str, Recipe]]:
    """The program with the matrix that makes `address` (and, if wanted, its bias) times a factor, and the recipes.

    Of an int8 matrix the scales are multiplied: the whole numbers stay as they are.
    """
    at = program.index(address)
    line = program.lines[at]
    first = 2 if line.op is linear_int8 else 1
    recipes = {
        f"{name}@scaled": Recipe(shape_of(weights, name), partial(_times, weights, name, factor))
        for name in (line.ins[first:] if bias else line.ins[first : first + 1])
    }
    scaled = replace(line, ins=(*line.ins[:first], *recipes, *line.ins[first + len(recipes) :]))
    return program.with_lines([*program.lines[:at], scaled, *program.lines[at + 1 :]]), recipes


def _times(weights: Weights, name: str, factor: float) -> np.ndarray:
    return weights[name] * np.float32(factor)


def renamed(line: Line, names: Mapping[str, str]) -> Line:
    """The line with its result and inputs under other names."""
    return replace(line, out=names.get(line.out, line.out), ins=tuple(names.get(name, name) for name in line.ins))


def matrix_of(line: Line, weights: Weights) -> np.ndarray:
    """The weight of a linear line as (in, out)."""
    return weights[line.ins[1]].T if line.attrs["transposed"] else weights[line.ins[1]]


def matrix_shape(line: Line, weights: Weights) -> tuple[int, int]:
    """(in, out) of a linear line."""
    first, second = shape_of(weights, line.ins[1])
    return (second, first) if line.attrs["transposed"] else (first, second)


def _absorbed(reader: Line, norm: Line, weights: Weights) -> tuple[Line, dict[str, Recipe]]:
    """A matrix line that reads the normalized value directly, and the recipes of its weight (in, out) and bias."""
    shape = matrix_shape(reader, weights)

    def weight() -> np.ndarray:
        return matrix_of(reader, weights) * weights[norm.ins[1]][:, None]

    def bias() -> np.ndarray:
        own = weights[reader.ins[2]] if len(reader.ins) > 2 else np.zeros(shape[1], np.float32)
        return own + weights[norm.ins[2]] @ matrix_of(reader, weights) if len(norm.ins) > 2 else own

    recipes = {reader.ins[1] + SUFFIX: Recipe(shape, weight)}
    if len(reader.ins) > 2 or len(norm.ins) > 2:
        recipes[reader.ins[1].replace(".weight", ".bias") + SUFFIX] = Recipe(shape[1:], bias)
    return replace(reader, ins=(norm.ins[0], *recipes), attrs={**reader.attrs, "transposed": False}), recipes
