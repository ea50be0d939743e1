"""A model as some settings change it, in the form in which it is saved and opened again.

Only what changes the numbers goes into a file: tied, low rank, INT8. How a model is run (cache, window, optimized) does
not: it can be chosen anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from engine.errors import InputError
from engine.models.config import ModelConfig
from engine.models.config_rewritten import Rewritten
from engine.prepare import LOW_RANK_PARTS, int8_targets, prepare
from engine.program import Program, Weights
from engine.rewrites import low_rank, quantize
from engine.rewrites.factors import FactorStore
from engine.rewrites.overlay import shape_of
from engine.rewrites.tie import distance, tie_embeddings
from engine.settings import SAVED, Settings


class Picked(Mapping[str, np.ndarray]):
    """The weights that a program reads, each made when it is asked for."""

    def __init__(self, program: Program, weights: Weights) -> None:
        self._names, self._weights = program.params, weights

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        return self._weights[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a weight, without making it."""
        return shape_of(self._weights, name)


def rewritten(
    config: ModelConfig, weights: Weights, settings: Settings, factors: FactorStore | None = None
) -> tuple[ModelConfig, Picked]:
    """The configuration and the weights of the changed model. Raises InputError if the settings change nothing."""
    if all(getattr(settings, name) == getattr(Settings(), name) for name in SAVED):
        raise InputError("these settings leave the model as it is: give --int8, --int8-embedding, --rank or --tie")
    wanted = Settings(**{name: getattr(settings, name) for name in SAVED})
    program, changed = prepare(config, weights, wanted, factors=factors).changed
    done = Rewritten(wanted.int8, wanted.int8_embedding, wanted.low_rank_mlp)
    section = None if done == Rewritten() else done
    return replace(config, tied=config.tied or wanted.tie_embeddings, rewritten=section), Picked(program, changed)


def saved_settings(config: ModelConfig) -> Settings:
    """The settings under which an opened model runs as it was saved."""
    done = config.rewritten
    return Settings() if done is None else Settings(**vars(done))


def errors(
    config: ModelConfig, weights: Weights, settings: Settings, factors: FactorStore | None = None
) -> dict[str, float]:
    """What each rewrite does to each matrix it touches, as a relative error (Frobenius): of low rank against the matrix
    itself, of INT8 against what is rounded (the matrix or its factors), of tying against the output's own matrix."""
    from engine.models import build

    store, found = factors or FactorStore(), dict[str, float]()
    program = build(config)
    if settings.tie_embeddings:
        if off := distance(program, weights):
            found["unembed.weight"] = off
        program, weights = tie_embeddings(program, weights)
    if (rank := settings.low_rank_mlp) is not None:
        found |= low_rank.errors(program, weights, LOW_RANK_PARTS, rank, store)
        program, weights = low_rank.low_rank(program, weights, LOW_RANK_PARTS, rank, store)
    return found | quantize.errors(program, weights, int8_targets(settings))
