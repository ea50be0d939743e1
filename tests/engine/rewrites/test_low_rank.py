"""Factors are the best there are (Eckart and Young), found once, and at full rank nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

from engine.prepare import prepare
from engine.rewrites.factors import FactorStore, factors_of
from engine.rewrites.tie import distance
from engine.rewritten import errors
from engine.run import execute
from engine.settings import Settings

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(7, 12), (12, 7), (9, 9), (1, 5), (5, 1)])
def test_what_is_lost_is_what_the_later_singular_values_hold(shape):
    matrix = RNG.standard_normal(shape).astype(np.float32)
    values = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    factors = factors_of(matrix)
    assert factors.strengths == pytest.approx(values, rel=1e-5)
    for rank in range(1, min(shape) + 1):
        left, right = factors.left[:, :rank], factors.right[:rank]
        off = np.linalg.norm(matrix - left.astype(np.float64) @ right)
        assert off == pytest.approx(np.sqrt((values[rank:] ** 2).sum()), rel=1e-4, abs=1e-5)
        assert factors.error(rank) == pytest.approx(off / np.linalg.norm(matrix), rel=1e-4, abs=1e-6)
    assert factors.error(min(shape)) == 0


@pytest.mark.parametrize("matrix", [np.zeros((3, 5)), np.ones((5, 3)), np.diag([1e10, 1, 1e-10])])
def test_matrices_without_full_rank_come_back_too(matrix):
    matrix = matrix.astype(np.float32)
    factors = factors_of(matrix)
    assert np.abs(factors.left @ factors.right - matrix).max() <= 1e-6 * np.abs(matrix).max()
    assert 0 <= factors.error(1) < 1e-6


def test_what_is_not_finite_cannot_be_taken_apart():
    assert np.isnan(factors_of(np.array([[1, np.nan], [0, 1]], np.float32)).left).all()


def test_factors_are_found_once():
    store, asked = FactorStore(), []
    for _ in range(3):
        store.of("w", lambda: asked.append(1) or np.eye(3, dtype=np.float32))
    assert asked == [1]


@pytest.mark.parametrize("optimize", [True, False])
def test_at_full_rank_nothing_is_lost(model, text, optimize):
    ids = text(9)
    inputs = {"tokens": np.array([ids]), "position_ids": np.arange(9)}
    settings = Settings(low_rank_mlp=10_000, optimize=optimize, kv_cache=False)
    got = execute(*prepare(model.config, model.weights, settings).prompt, inputs)["logits"]
    expected = execute(model.program, model.weights, inputs)["logits"]
    assert np.abs(got - expected).max() < 1e-4 * max(1, np.abs(expected).max())


def test_another_rank_takes_the_same_factors(make_model):
    model, store = make_model("llama"), FactorStore()
    made = [prepare(model.config, model.weights, Settings(low_rank_mlp=r), factors=store).changed for r in (3, 6)]
    name = "blocks.0.mlp.up.weight@A"
    (_, few), (_, many) = made
    assert np.array_equal(few[f"{name}3"], many[f"{name}6"][:, :3])


def test_each_matrix_reports_its_error(make_model):
    model = make_model("gpt2")
    told = errors(model.config, model.weights, Settings(low_rank_mlp=4))
    assert set(told) == {f"blocks.{i}.mlp.{m}.weight" for i in (0, 1) for m in ("up", "down")}
    matrix = model.weights["blocks.1.mlp.down.weight"].astype(np.float64)
    values = np.linalg.svd(matrix, compute_uv=False)
    assert told["blocks.1.mlp.down.weight"] == pytest.approx(np.linalg.norm(values[4:]) / np.linalg.norm(values))
    rounded = errors(model.config, model.weights, Settings(int8="attention"))
    assert len(rounded) == 8 and all(0.001 < error < 0.01 for error in rounded.values())


def test_tying_says_how_far_the_two_matrices_were_apart(make_model):
    model = make_model("gpt2-erf-untied")
    own, embedding = model.weights["unembed.weight"], model.weights["embed.weight"]
    expected = np.sqrt(((own - embedding) ** 2).sum() / (own**2).sum())
    assert distance(model.program, model.weights) == pytest.approx(expected, rel=1e-5)
    assert errors(model.config, model.weights, Settings(tie_embeddings=True))["unembed.weight"] == pytest.approx(
        expected
    )
    same = {**model.weights, "unembed.weight": embedding}
    assert distance(model.program, same) == 0 and errors(model.config, same, Settings(tie_embeddings=True)) == {}
    assert distance(make_model("gpt2").program, make_model("gpt2").weights) == 0
