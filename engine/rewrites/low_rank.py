"""`low_rank`: one matrix product becomes two thin ones, W ~ A B, and what the matrix did least is lost.

(in, out) numbers become r (in + out). Both factors are ordinary matrices and can be trained afterwards.
Denton et al. 2014, Exploiting Linear Structure Within Convolutional Networks, arXiv:1404.0736.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial

import numpy as np

from engine.ops.linear import LEFT, RIGHT, linear
from engine.program import Line, Program, Weights
from engine.rewrites.factors import FactorStore
from engine.rewrites.fold import matrix_of, matrix_shape
from engine.rewrites.overlay import Overlay, Recipe, holds

THIN = "@thin"


def low_rank(
    program: Program, weights: Weights, targets: Collection[str], rank: int, store: FactorStore
) -> tuple[Program, Weights]:
    """Every linear of the parts in `targets` ("mlp", "attn") in two lines, `<address>@thin` and the address itself.

    A rank beyond the smaller side of a matrix is that side: then nothing is lost. Factors that the weights bring along
    at this rank are used as they are.
    """
    recipes: dict[str, Recipe] = {}
    lines: list[Line] = []
    for line in program.lines:
        if not _is_meant(line, targets):
            lines.append(line)
            continue
        wide, narrow = matrix_shape(line, weights)
        kept = min(rank, wide, narrow)
        names = f"{line.ins[1]}{LEFT}{kept}", f"{line.ins[1]}{RIGHT}{kept}"
        if not holds(weights, names[0]):
            recipes[names[0]] = Recipe((wide, kept), partial(_left, store, line, weights, kept))
            recipes[names[1]] = Recipe((kept, narrow), partial(_right, store, line, weights, kept))
        thin = Line(line.out + THIN, linear, (line.ins[0], names[0]), {"transposed": False}, line.where)
        lines += [thin, replace(line, ins=(thin.out, names[1], *line.ins[2:]), attrs={"transposed": False})]
    return program.with_lines(lines), Overlay(weights, recipes)


def errors(
    program: Program, weights: Weights, targets: Collection[str], rank: int, store: FactorStore
) -> dict[str, float]:
    """For each matrix that `low_rank` would replace, the relative error (Frobenius) that it makes."""
    meant = [line for line in program.lines if _is_meant(line, targets)]
    return {line.ins[1]: store.of(line.ins[1], partial(matrix_of, line, weights)).error(rank) for line in meant}


def _is_meant(line: Line, targets: Collection[str]) -> bool:
    return line.op is linear and any(f".{target}." in line.out for target in targets)


def _left(store: FactorStore, line: Line, weights: Weights, rank: int) -> np.ndarray:
    return store.of(line.ins[1], partial(matrix_of, line, weights)).left[:, :rank].copy()


def _right(store: FactorStore, line: Line, weights: Weights, rank: int) -> np.ndarray:
    return store.of(line.ins[1], partial(matrix_of, line, weights)).right[:rank].copy()
