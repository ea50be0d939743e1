"""The plain models on `engine.autograd` compute what our programs compute, and their gradients are slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.autograd import Tensor
from engine.model import Model
from engine.models import build
from engine.models.config import Llama3Scaling
from engine.run import execute
from tests.engine.autograd.models import gradients, logits, loss

LENGTH = 9
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2-tied-tanh": ("gpt2", {}),
    "gpt2-untied-erf": ("gpt2-erf-untied", {}),
    "gpt2-relu": ("gpt2", {"activation_function": "relu"}),
    "gpt2-scaled-by-layer": ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
    "llama-biases-two-groups": ("llama", {}),
    "llama-tied-no-biases": ("llama", {"tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False}),
    "llama3-rope-one-group": ("llama3-rope", {}),
    "mistral-window": ("mistral", {}),
    "qwen2-mixed-windows": ("qwen2-mixed", {}),
    "sinusoidal": ("sinusoidal", {}),
    "sinusoidal-odd-width-tied": ("sinusoidal", {"hidden_size": 13, "tie_word_embeddings": True}),
}
each_model = pytest.mark.parametrize("case", CASES)


@pytest.fixture
def in_float64(make_model: Callable[..., Model]) -> Callable[[str], Model]:
    """A tiny model whose weights are float64, so that only mistakes and no rounding can differ."""

    def make(case: str) -> Model:
        name, changes = CASES[case]
        model = make_model(name, **changes)
        weights = {address: array.astype(np.float64) for address, array in model.weights.items()}
        return Model(model.name, model.config, weights, None, "float64", case)

    return make


def batch(model: Model, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two texts; of the second, the last targets are padding."""
    ids = np.random.default_rng(seed).integers(0, model.config.vocab, (2, LENGTH + 1))
    targets = ids[:, 1:].copy()
    targets[1, -3:] = -1
    return ids[:, :-1], targets


@each_model
def test_logits_equal_those_of_our_program(in_float64, case):
    model = in_float64(case)
    tokens, _ = batch(model)
    ours = execute(model.program, model.weights, {"tokens": tokens, "position_ids": np.arange(LENGTH)})["logits"]
    plain = logits(model.config, {address: Tensor(array) for address, array in model.weights.items()}, tokens)
    assert ours.dtype == plain.data.dtype == np.float64
    assert np.abs(plain.data - ours).max() < 1e-10


def test_llama3_scaling_of_slow_middle_and_fast_waves(in_float64):
    model = in_float64("llama3-rope-one-group")  # over 60 tokens its three waves turn 9.5, 2.1 and 0.4 times
    config = replace(model.config, rope_scaling=Llama3Scaling(4.0, 1.0, 4.0, original_context=60))
    tokens, _ = batch(model)
    ours = execute(build(config), model.weights, {"tokens": tokens, "position_ids": np.arange(LENGTH)})["logits"]
    plain = logits(config, {address: Tensor(array) for address, array in model.weights.items()}, tokens)
    assert np.abs(plain.data - ours).max() < 1e-10


@each_model
def test_gradients_are_the_slope_in_a_random_direction(in_float64, case):
    model, rng, step = in_float64(case), np.random.default_rng(1), 1e-5
    tokens, targets = batch(model)
    direction = {address: rng.normal(0, 0.1, array.shape) for address, array in model.weights.items()}

    def at(t: float) -> float:
        moved = {address: Tensor(array + t * direction[address]) for address, array in model.weights.items()}
        return float(loss(model.config, moved, tokens, targets).data)

    total, found = gradients(model.config, model.weights, tokens, targets)
    slope = sum(np.vdot(found[address], direction[address]) for address in found)
    assert total == at(0)
    assert slope == pytest.approx((at(step) - at(-step)) / (2 * step), rel=1e-6)


@each_model
def test_every_weight_has_a_gradient_of_its_shape(in_float64, case):
    model = in_float64(case)
    _, found = gradients(model.config, model.weights, *batch(model))
    assert {address: d.shape for address, d in found.items()} == model.config.parameters()
    silent = {address for address, d in found.items() if not d.any()}
    assert silent == set()


def test_gradients_of_float32_weights_are_float32_on_request(make_model):
    model = make_model("llama")
    _, found = gradients(model.config, model.weights, *batch(model), dtype=np.float32)
    _, exact = gradients(model.config, model.weights, *batch(model))
    assert all(d.dtype == np.float32 for d in found.values())
    assert all(np.abs(found[a] - exact[a]).max() < 1e-4 * np.abs(exact[a]).max() for a in found)
