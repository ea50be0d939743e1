"""The update as lines: by hand, and against the optimizer that trains."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.compile import compile_program
from engine.cost import infer_shapes
from engine.models import build
from engine.ops.optimizer import (
    AdamSettings,
    adam_change,
    adam_m,
    adam_update,
    adam_v,
    clip,
    count_targets,
    decay_gradient,
    gradient_norm,
)
from engine.rewrites.differentiate import differentiate, with_loss
from engine.rewrites.update import moments_of, no_moments, with_update
from engine.run import Run, execute
from engine.training.optimizer import Adam
from engine.training.parameters import FlatParameters

TOKENS = np.array([[3, 1, 4, 1, 5, 9, 2, 6]])
TARGETS = np.array([[1, 4, 1, 5, 9, 2, 6, -1]])  # the last token's next one is not known
INPUTS = {"tokens": TOKENS, "targets": TARGETS, "position_ids": np.arange(8)}
RATES = [1e-2, 3e-3, 2e-2]


def updating(model, weights, settings, rate, step, learned=None):
    plain, _ = with_loss(build(model.config), weights)
    given = {n: w.shape for n, w in weights.items()} | {n: a.shape for n, a in INPUTS.items()}
    whole, _ = differentiate(plain, weights, infer_shapes(plain, given), learned)
    return with_update(whole, weights, settings, rate, step)[0]


def test_the_lines_of_one_weight_by_hand():
    """N = 4, ‖d‖ = 10, so ‖g‖ = 2.5 and a clip of 1 leaves g = d / 10; then the first update of W = 2."""
    d = np.array([6.0, 8.0])
    count = count_targets.forward(np.array([[5, 0, -1], [2, 7, -1]]))
    norm = gradient_norm.forward(count, d[:1], d[1:])
    scale = clip.forward(norm, count, limit=1.0)
    assert (count, norm, scale) == (4, pytest.approx(2.5), pytest.approx(0.1, rel=1e-6))
    assert clip.forward(norm, count, limit=0.0) == 0.25 and clip.forward(norm, count, limit=9.0) == 0.25
    g = np.array([0.6])
    m, v = adam_m.forward(np.array([1.0]), g, beta1=0.9), adam_v.forward(np.array([1.0]), g, beta2=0.95)
    assert (m, v) == (pytest.approx(0.96), pytest.approx(0.968))
    change = adam_change.forward(m, v, rate=0.01, step=2, beta1=0.9, beta2=0.95, eps=1e-8)
    assert change == pytest.approx(0.01 * (0.96 / 0.19) / math.sqrt(0.968 / 0.0975))
    assert adam_update.forward(np.array([2.0]), change, rate=0.01, decay=0.1) == pytest.approx(1.998 - change)
    assert adam_update.forward(np.array([2.0]), change) == 2 - change
    assert decay_gradient.forward(d, np.array(0.1), np.array([1.0, 2.0]), decay=0.5) == pytest.approx([1.1, 1.8])


@pytest.mark.parametrize("decoupled", [True, False], ids=["AdamW", "Adam"])
@pytest.mark.parametrize("limit", [0.0, 0.5])
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_stepped_updates_equal_those_of_the_trainer(make_model, name, decoupled, limit):
    """Three in a row, the moments of one the inputs of the next; the trainer does the same in place."""
    model, settings = make_model(name), AdamSettings(clip=limit, decoupled=decoupled)
    parameters = FlatParameters(model.config, model.weights)
    adam, weights, moments = Adam(parameters, settings), dict(model.weights), None
    for step, rate in enumerate(RATES, 1):
        program = updating(model, weights, settings, rate, step)
        found = execute(program, weights, INPUTS | (moments or no_moments(program, weights)))
        for address, gradient in parameters.gradients.items():
            gradient[...] = found[f"d.{address}"]
        before = parameters.value.copy()
        done = adam.update(rate, targets=7)
        assert done.norm > 0.5  # so that a clip of 0.5 matters
        largest = np.abs(parameters.value - before).max()
        assert largest > rate / 10
        made = {kind: {a: found[f"{kind}.{a}"] for a in weights} for kind in ("m", "v", "new")}
        expected = {"m": parameters.views(adam.first), "v": parameters.views(adam.second), "new": parameters.values}
        for kind, values in expected.items():
            for address, value in values.items():
                roundings = 4 * np.spacing(np.abs(value) + np.float32(largest))
                tolerance = 2e-6 * (largest if kind == "new" else np.abs(value).max()) + roundings
                assert (np.abs(made[kind][address] - value) <= tolerance).all(), (step, kind, address)
                assert made[kind][address].dtype == np.float32
        weights = made["new"]
        moments = {name: found[name.removeprefix("before.")] for name in moments_of(program)}


def test_stepped_and_compiled_updates_agree(make_model):
    model = make_model("gpt2")
    program = updating(model, model.weights, AdamSettings(eps=1e-2), 1e-2, 1)  # Adam blows mere rounding up to a step
    inputs = INPUTS | no_moments(program, model.weights)
    stepped = execute(program, model.weights, inputs)
    for name, value in compile_program(program, model.weights)(inputs).items():
        np.testing.assert_allclose(value, stepped[name], rtol=2e-4, atol=2e-6, err_msg=name)


def test_only_matrices_decay_and_only_learned_weights_are_updated(make_model):
    model = make_model("llama")
    learned = ["blocks.1.mlp.down.weight", "final.norm.weight"]
    program = updating(model, model.weights, AdamSettings(decay=0.5), 0.1, 1, learned)
    new = {line.out: dict(line.attrs) for line in program.lines if line.out.startswith("new.")}
    assert new == {f"new.{learned[0]}": {"rate": 0.1, "decay": 0.5}, f"new.{learned[1]}": {}}
    assert set(moments_of(program).values()) == {*learned}


def test_the_model_stays_as_it_is_while_its_update_is_stepped_and_taken_back(make_model):
    model = make_model("gpt2")
    before = {name: value.copy() for name, value in model.weights.items()}
    program = updating(model, model.weights, AdamSettings(), 1e-2, 1)
    run = Run(program, model.weights, INPUTS | no_moments(program, model.weights)).run()
    first = {name: value.copy() for name, value in run.values.items()}
    run.rewind("d.logits").run()
    for name, value in run.values.items():
        np.testing.assert_array_equal(value, first[name], err_msg=name)
    for name, value in model.weights.items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
