"""Low rank from the first update on: the thin matrices themselves are learned, saved and opened."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InputError
from engine.model import open_model
from engine.models.config_rewritten import Rewritten
from engine.recording import record_text
from engine.training.learned import learned_shapes
from engine.training.parameters import FlatParameters, initial_weights
from engine.training.plan import load_plan
from engine.training.start import begin, resume
from engine.training.step import TrainingStep

RANK = 3
NAMES = ("gpt2-erf-untied", "llama", "sinusoidal")


def of_low_rank(config):
    return replace(config, rewritten=Rewritten(low_rank_mlp=RANK))


def thin_weights(config, seed=1):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in learned_shapes(config).items()}


def multiplied(config, thin):
    """The plain weights: W = A B, in the layout of the file."""
    found = {}
    for address in config.parameters():
        if address in thin:
            found[address] = thin[address]
        else:
            product = thin[f"{address}@A{RANK}"] @ thin[f"{address}@B{RANK}"]
            found[address] = product.T if config.out_first else product
    return found


@pytest.fixture
def batch(text):
    tokens = np.array([text(9, seed) for seed in range(4)])
    return tokens, np.roll(tokens, -1, axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_the_factors_is_that_of_their_product(make_model, batch, name):
    """By the chain rule: of W = A B, dA = dW Bᵀ and dB = Aᵀ dW."""
    config = make_model(name).config
    low = of_low_rank(config)
    thin = thin_weights(low)
    plain, factors = FlatParameters(config, multiplied(config, thin)), FlatParameters(low, thin)
    steps = TrainingStep(plain, threads=1), TrainingStep(factors)
    losses = [step.gradients(*batch).loss_sum for step in steps]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5) and steps[1].loss(*batch)[0] == pytest.approx(losses[0])
    assert factors.size < plain.size
    largest = max(float(np.abs(d).max()) for d in plain.gradients.values())
    for address, d in plain.gradients.items():
        if address in factors.gradients:
            expected = {address: d}
        else:
            a, b = (f"{address}@{side}{RANK}" for side in "AB")
            whole = d.T if config.out_first else d  # (in, out)
            expected = {a: whole @ thin[b].T, b: thin[a].T @ whole}
        for key, slope in expected.items():
            np.testing.assert_allclose(factors.gradients[key], slope, atol=1e-5 * largest, err_msg=key)
    for step in steps:
        step.close()


def test_the_first_product_is_as_large_as_the_first_matrix(make_model):
    config = make_model("gpt2-erf-untied", n_embd=120, n_inner=200).config
    thin = initial_weights(of_low_rank(config), np.random.default_rng(0))
    found = multiplied(config, thin)
    for part, deviation in (("up", 0.02), ("down", 0.02 / np.sqrt(2 * config.layers))):
        assert found[f"blocks.0.mlp.{part}.weight"].std() == pytest.approx(deviation, rel=0.15)


def test_whole_numbers_are_not_trained(make_model):
    with pytest.raises(InputError, match="INT8 cannot be trained"):
        learned_shapes(replace(make_model("llama").config, rewritten=Rewritten("mlp")))


def test_a_run_of_low_rank_is_saved_opened_and_goes_on_bit_for_bit(corpus, tmp_path):
    section = '{"version": 1, "low_rank_mlp": 3}'
    small = ["n_embd=16", "n_head=2", "n_inner=40", "n_positions=16", "batch=4", "checkpoint_every=2", "steps=4",
             "sample_tokens=3", f"minigpt={section}"]  # fmt: skip
    plan = load_plan("mini", None, small)
    whole, half = (begin(tmp_path / name, plan, [corpus]).trainer for name in ("whole", "half"))
    reports = list(whole)
    next(half), next(half)
    half.close()
    resumed = resume(tmp_path / "half").trainer
    assert [r.loss for r in resumed] == [r.loss for r in reports[2:]]
    assert resumed.parameters.value.tobytes() == whole.parameters.value.tobytes()
    model = open_model(str(tmp_path / "whole" / "step-000004"))
    assert model.settings.low_rank_mlp == 3
    ids = whole.data.tokens.train[:10].tolist()
    judged = -record_text(model, ids, model.settings).token_logprobs[1:].sum()
    loss, count = whole.step.loss(np.array([ids[:-1]]), np.array([ids[1:]]))
    assert count == 9 and judged == pytest.approx(loss, rel=1e-4)
    whole.close(), resumed.close()
