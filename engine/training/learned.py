"""What is learned: the parameters of the plain model, or of a model of low rank the thin matrices in their place.

A plan asks for low rank as a saved model says it, with the section `"minigpt": {"version": 1, "low_rank_mlp": 12}` of
its model. The factors are then trained from their own first weights, and no large matrix ever exists.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.errors import InputError
from engine.models import build
from engine.models.config import ModelConfig
from engine.models.stored import added
from engine.prepare import LOW_RANK_PARTS
from engine.program import Program, Shape
from engine.rewrites.factors import FactorStore
from engine.rewrites.low_rank import low_rank


class LearnedWeights(dict[str, np.ndarray]):
    """The weights that are learned, by name; it also knows the shapes of the matrices that some of them stand for."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__(weights)
        self._shapes = _all_shapes(config)

    def shape(self, name: str) -> Shape:
        """The shape of a weight, learned or stood for."""
        return self._shapes[name]


def learned_shapes(config: ModelConfig) -> dict[str, Shape]:
    """Every array that is learned, by name, in the order of `config.parameters()`.

    Raises InputError for a model of whole numbers, which have no slope.
    """
    done = config.rewritten
    if done is None:
        return config.parameters()
    if done.int8 != "none" or done.int8_embedding:
        raise InputError("a model of INT8 cannot be trained: train the plain one, then write it with minigpt quantize")
    thin, found = added(config), dict[str, Shape]()
    for address, shape in config.parameters().items():
        instead = {name: tensor.shape for name, tensor in thin.items() if name.startswith(f"{address}@")}
        found |= instead or {address: shape}
    return found


def learned_model(config: ModelConfig) -> Program:
    """The program that is trained: the plain one, with two lines for each matrix of low rank."""
    program, done = build(config), config.rewritten
    if done is None or done.low_rank_mlp is None:
        return program
    shapes = _Shapes(_all_shapes(config))
    return low_rank(program, shapes, LOW_RANK_PARTS, done.low_rank_mlp, FactorStore())[0]  # type: ignore[arg-type]


class _Shapes(dict[str, Shape]):
    """Weights of which only the shapes are asked for."""

    def shape(self, name: str) -> Shape:
        return self[name]


def _all_shapes(config: ModelConfig) -> dict[str, Shape]:
    return config.parameters() | learned_shapes(config)
