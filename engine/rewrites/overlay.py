"""Weights that a rewrite adds, as recipes laid over those it found.

A recipe is worked out when its weight is asked for, and not kept: a chain of rewrites folds, joins and lays out one
matrix at a time, so that the model is never held twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from engine.program import Program, Shape, Weights


class Recipe(NamedTuple):
    """How to make a weight, and the shape it will have."""

    shape: Shape
    make: Callable[[], np.ndarray]


@runtime_checkable
class Shaped(Protocol):
    """Weights that know their shapes before they are made."""

    def shape(self, name: str) -> Shape: ...


class Overlay(Mapping[str, np.ndarray]):
    """The base weights, with recipes by name on top."""

    def __init__(self, base: Weights, recipes: Mapping[str, Recipe]) -> None:
        self._base, self._recipes = base, dict(recipes)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._recipes[name].make() if name in self._recipes else self._base[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._base), **dict.fromkeys(self._recipes)})

    def __len__(self) -> int:
        return len({*self._base, *self._recipes})

    def shape(self, name: str) -> Shape:
        return self._recipes[name].shape if name in self._recipes else shape_of(self._base, name)


def holds(weights: Weights, name: str) -> bool:
    """Whether there is a weight of this name, without making it."""
    if isinstance(weights, Overlay):
        return name in weights._recipes or holds(weights._base, name)
    return name in weights


def shape_of(weights: Weights, name: str) -> Shape:
    """The shape of a weight, without making it."""
    return weights.shape(name) if isinstance(weights, Shaped) else weights[name].shape


def made(program: Program, weights: Weights) -> dict[str, np.ndarray]:
    """The weights a program reads, every recipe worked out, read-only."""
    arrays = {name: weights[name].view() for name in program.params}  # views: the base itself stays as it is
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
