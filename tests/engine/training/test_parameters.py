"""The flat array is the model: every weight has its place, and training begins as it should."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.errors import ShapeError
from engine.training.parameters import FlatParameters, initial_weights


def flat(model):
    return FlatParameters(model.config, model.weights)


def test_every_weight_is_a_view_of_the_flat_array(model):
    parameters = flat(model)
    assert parameters.size == model.config.parameter_count() == len(parameters.value) == len(parameters.gradient)
    for address, weight in model.weights.items():
        assert np.array_equal(parameters.values[address], weight)
        assert np.shares_memory(parameters.values[address], parameters.value)
        assert np.shares_memory(parameters.gradients[address], parameters.gradient)
    assert list(parameters.values) == list(model.config.parameters())
    assert np.array_equal(np.concatenate([w.reshape(-1) for w in parameters.values.values()]), parameters.value)


def test_exactly_the_matrices_are_decayed(model):
    parameters = flat(model)
    marks = np.zeros(parameters.size, np.float32)
    for start, stop in parameters.matrices:
        marks[start:stop] = 1
    for view in parameters.views(marks).values():
        assert (view == (view.ndim == 2)).all()


def test_groups_cover_everything_layer_by_layer(model):
    groups = flat(model).groups
    assert groups[0].start == 0 and groups[-1].stop == model.config.parameter_count()
    assert all(a.stop == b.start for a, b in pairwise(groups))
    names = [group.name for group in groups]
    assert len(set(names)) == len(names)
    assert [n for n in names if n.startswith("blocks")] == [f"blocks.{i}" for i in range(model.config.layers)]


def test_initial_weights_have_the_spread_of_gpt2(make_model):
    config = make_model("gpt2", n_embd=120, vocab_size=500).config
    weights = initial_weights(config, np.random.default_rng(0))
    assert abs(weights["embed.weight"].std() / 0.02 - 1) < 0.02
    assert abs(weights["blocks.1.mlp.up.weight"].std() / 0.02 - 1) < 0.02
    for name in ("attn.out", "mlp.down"):
        assert abs(weights[f"blocks.0.{name}.weight"].std() / (0.02 / 2) - 1) < 0.02  # sqrt(2 x 2 layers) = 2
    assert (weights["final.norm.weight"] == 1).all() and (weights["blocks.0.attn.q.bias"] == 0).all()
    assert all(weight.dtype == np.float32 for weight in weights.values())


@pytest.mark.parametrize(("family", "sizes"), [("gpt2", {"n_embd": 120}), ("llama", {"hidden_size": 128})])
def test_inclined_heads_match_their_like_and_hand_it_on(make_model, family, sizes):
    """Of K K^T, its entries of variance match / width, the diagonal is match d / width and the rest zero on average."""
    config = make_model(family, **sizes).config
    plain, inclined = (initial_weights(config, np.random.default_rng(0), 1e-6, *leaning) for leaning in ((), (2, 0.5)))
    d, per_group = config.head_size, config.heads // config.kv_heads
    for layer in range(config.layers):
        names = [f"blocks.{layer}.attn.{name}.weight" for name in ("q", "k", "v", "out")]
        q, k, v, out = (inclined[name].T if config.out_first else inclined[name] for name in names)
        for head in range(config.heads):
            own, shared = slice(head * d, (head + 1) * d), slice(head // per_group * d, (head // per_group + 1) * d)
            for product, share in ((q[:, own] @ k[:, shared].T, 2), (v[:, shared] @ out[own], 0.5)):
                expected = share * d / config.width
                assert np.trace(product) / config.width == pytest.approx(expected, rel=0.15)
                assert abs(product[~np.eye(config.width, dtype=bool)].mean()) < 0.05 * expected
    others = [name for name in plain if "attn" not in name]
    assert all(np.array_equal(plain[name], inclined[name]) for name in others)


def test_the_same_generator_gives_the_same_weights(make_model):
    config = make_model("llama").config
    first, second = (initial_weights(config, np.random.default_rng(7)) for _ in range(2))
    assert all(np.array_equal(first[address], second[address]) for address in first)


def test_weights_of_another_model_are_refused_and_change_nothing(make_model):
    model, other = make_model("gpt2"), make_model("gpt2", n_embd=24)
    parameters = flat(model)
    before = parameters.value.copy()
    with pytest.raises(ShapeError, match=r"embed\.weight: expected \(19, 12\), got \(19, 24\)"):
        parameters.load(other.weights)
    with pytest.raises(ShapeError, match="missing"):
        parameters.load({"embed.weight": model.weights["embed.weight"]})
    assert np.array_equal(parameters.value, before)
