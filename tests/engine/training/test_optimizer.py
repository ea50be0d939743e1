"""The optimizer against its formulas in float64, as PyTorch's Adam and AdamW have them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine.ops.optimizer import AdamSettings, clip_scale
from engine.training.optimizer import CHUNK, Adam, square_sum
from engine.training.parameters import FlatParameters
from engine.training.schedule import Schedule

TARGETS = 8


@pytest.fixture
def parameters(make_model):
    model = make_model("gpt2")
    return FlatParameters(model.config, model.weights)


def reference(parameters, settings, gradients, rates):
    """The same updates as `torch.optim.AdamW` (or Adam) makes them, line by line, in float64."""
    w = parameters.value.astype(np.float64)
    m, v = np.zeros_like(w), np.zeros_like(w)
    matrix = np.zeros(len(w), bool)
    for start, stop in parameters.matrices:
        matrix[start:stop] = True
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        g = gradient.astype(np.float64) / TARGETS
        g = g * min(1.0, settings.clip / (math.sqrt((g**2).sum()) + 1e-6)) if settings.clip else g
        decay = settings.decay * matrix
        w, g = (w * (1 - rate * decay), g) if settings.decoupled else (w, g + decay * w)
        m = settings.beta1 * m + (1 - settings.beta1) * g
        v = settings.beta2 * v + (1 - settings.beta2) * g * g
        w = w - rate * (m / (1 - settings.beta1**t)) / (np.sqrt(v / (1 - settings.beta2**t)) + settings.eps)
    return w


@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_updates_equal_the_formula_in_double_precision(parameters, decoupled, clip):
    settings = AdamSettings(0.9, 0.95, 1e-8, 0.1, clip, decoupled)
    rng = np.random.default_rng(1)
    gradients = [rng.standard_normal(parameters.size).astype(np.float32) for _ in range(5)]
    rates = [1e-3, 3e-3, 0.0, 2e-3, 1e-2]
    expected = reference(parameters, settings, gradients, rates)
    start = parameters.value.copy()
    adam = Adam(parameters, settings)
    for gradient, rate in zip(gradients, rates, strict=True):
        parameters.gradient[:] = gradient
        adam.update(rate, TARGETS)
    assert np.abs(expected - start).max() > 5e-3
    assert np.abs(parameters.value - expected).max() < 1e-6


def test_the_first_update_by_hand(parameters):
    """Whatever the gradient's size, the first step is rate * sign(g): both moments are corrected to g and g²."""
    parameters.gradient[:] = 0
    parameters.gradients["blocks.0.attn.q.bias"][0] = 4.0
    before = float(parameters.values["blocks.0.attn.q.bias"][0])
    Adam(parameters, AdamSettings(clip=0)).update(0.01, targets=4)
    assert parameters.values["blocks.0.attn.q.bias"][0] == pytest.approx(before - 0.01, abs=1e-7)


def test_a_zero_gradient_shrinks_matrices_only(parameters):
    before = {address: value.copy() for address, value in parameters.values.items()}
    Adam(parameters, AdamSettings(decay=0.5)).update(0.1, targets=1)
    for address, value in parameters.values.items():
        expected = before[address] * np.float32(0.95) if value.ndim == 2 else before[address]
        assert np.array_equal(value, expected), address


def test_threads_and_measuring_do_not_change_a_bit(make_model):
    model = make_model("gpt2", n_embd=192, n_layer=3)
    rng = np.random.default_rng(2)
    results = []
    with ThreadPoolExecutor(2) as workers:
        for how in ({}, {"workers": workers}, {"workers": workers, "measure": True}):
            parameters = FlatParameters(model.config, model.weights)
            assert parameters.size > 10 * CHUNK > 1 << 19
            rng = np.random.default_rng(2)
            adam, said = Adam(parameters, AdamSettings()), []
            for _ in range(3):
                parameters.gradient[:] = rng.standard_normal(parameters.size)
                said.append(adam.update(1e-3, 10, **how))
            results.append((parameters.value.tobytes(), adam.second.tobytes(), [(u.norm, u.norms) for u in said]))
    assert results[0] == results[1] == results[2]


def test_norms_and_ratios_are_those_of_each_layer(parameters):
    parameters.gradient[:] = np.random.default_rng(3).standard_normal(parameters.size)
    before = parameters.value.copy()
    update = Adam(parameters, AdamSettings()).update(1e-2, TARGETS, measure=True)
    change = parameters.value - before
    assert update.norm == pytest.approx(np.linalg.norm(parameters.gradient / TARGETS), rel=1e-5)
    for group in parameters.groups:
        part = slice(group.start, group.stop)
        assert update.norms[group.name] == pytest.approx(np.linalg.norm(parameters.gradient[part]) / TARGETS, rel=1e-5)
        ratio = np.linalg.norm(change[part]) / np.linalg.norm(parameters.value[part])
        assert update.ratios[group.name] == pytest.approx(ratio, rel=1e-4)


def test_clipping_scales_only_what_is_too_long():
    assert clip_scale(0.5, 1.0) == 1.0 and clip_scale(3.0, 0) == 1.0
    assert clip_scale(4.0, 1.0) == pytest.approx(0.25, rel=1e-5)


def test_square_sum_of_any_length():
    x = np.random.default_rng(4).standard_normal(3 * 8192 + 5).astype(np.float32)
    for size in (0, 1, 8191, 8192, len(x)):
        assert square_sum(x[:size]) == pytest.approx((x[:size].astype(np.float64) ** 2).sum(), rel=1e-5)


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine():
    schedule = Schedule(peak=1.0, warmup=4, steps=14, floor=0.1)
    assert [schedule.rate(u) for u in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedule.rate(9) == pytest.approx(0.55)  # half-way down
    assert schedule.rate(14) == schedule.rate(99) == pytest.approx(0.1)
    assert all(schedule.rate(u) > schedule.rate(u + 1) for u in range(4, 14))


def test_a_constant_rate_only_warms_up():
    schedule = Schedule(peak=2.0, warmup=2, steps=10, kind="constant")
    assert [schedule.rate(u) for u in (0, 1, 2, 9, 50)] == [1.0, 2.0, 2.0, 2.0, 2.0]
