"""Weights that a rewrite adds, laid over those it found; nothing of the base is copied or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from engine.program import Program, Weights


class Overlay(Mapping[str, np.ndarray]):
    """The base weights, with more by name on top."""

    def __init__(self, base: Weights, more: Mapping[str, np.ndarray]) -> None:
        self._base, self._more = base, dict(more)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._more[name] if name in self._more else self._base[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._base), **dict.fromkeys(self._more)})

    def __len__(self) -> int:
        return len({*self._base, *self._more})


def only(program: Program, weights: Weights) -> dict[str, np.ndarray]:
    """Just the weights a program reads, so that what a rewrite replaced can be let go."""
    return {name: weights[name] for name in program.params}


def read_only(array: np.ndarray) -> np.ndarray:
    """The same array, refusing writes."""
    array.flags.writeable = False
    return array
