"""The memory of a step: the formula, the plan, and the arena that a step really allocates."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from engine.training.parameters import FlatParameters
from engine.training.step import TrainingStep
from engine.training.step_memory import step_memory

BATCH, LENGTH = 5, 24


def measured(model, **how):
    """The arena after a step on five texts, split between two threads."""
    step = TrainingStep(FlatParameters(model.config, model.weights), **how)
    with closing(step):
        texts = np.ones((BATCH, LENGTH), np.int64)
        step.gradients(texts, texts)
        return step.arena_bytes


@pytest.mark.parametrize("recompute", [0, 1, 2])
@pytest.mark.parametrize("name", ["gpt2", "llama", "sinusoidal"])
def test_what_is_planned_is_allocated_and_little_more_than_needed(make_model, name, recompute):
    model, blocks = make_model(name), range(recompute)
    told = step_memory(model.config, model.weights, BATCH, LENGTH, checkpointed=blocks)
    assert told.allocated == measured(model, checkpointed=blocks)
    assert told.needed <= told.allocated <= 1.2 * told.needed


def test_recomputing_all_of_a_deep_model_keeps_little_more_than_one_block(make_model):
    """By hand: kept are the streams between blocks and the inside of one; of 8 blocks that is under a third."""
    model = make_model("gpt2", n_layer=8)
    kept, saving = (
        step_memory(model.config, model.weights, 4, LENGTH, checkpointed=range(blocks)).needed for blocks in (0, 8)
    )
    assert saving < kept / 3
    assert measured(model, checkpointed=range(8)) < measured(model) / 2.5


def test_dropout_keeps_its_own_values(make_model):
    model = make_model("gpt2")
    with_dropout = step_memory(model.config, model.weights, BATCH, LENGTH, drop=0.2)
    assert with_dropout.allocated == measured(model, drop=0.2)
