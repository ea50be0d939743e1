"""Opening MODEL: a directory, a shipped name, or random weights in a known shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InputError, MiniGPTError
from engine.model import default_model, open_model, presets, shipped_models
from engine.session import Session
from engine.weights import save_checkpoint


def test_every_preset_is_a_model(monkeypatch):
    assert {"gpt2-2x240", "llama-6x384", "llama-6x288-v32k", "gpt2-124m", "sinusoidal-2x64"} <= set(presets())
    model = open_model("random:sinusoidal-2x64")
    assert set(model.weights) == set(model.config.parameters())
    session = Session(model)
    session.prompt(ids=[1, 2, 3])
    assert len(list(session.generate(5))) == 5


def test_a_seed_makes_the_same_weights_again():
    first, again, other = (open_model(f"random:sinusoidal-2x64:{seed}") for seed in (3, 3, 4))
    name = "blocks.0.attn.q.weight"
    assert np.array_equal(first.weights[name], again.weights[name]) and first.fingerprint == again.fingerprint
    assert not np.array_equal(first.weights[name], other.weights[name]) and first.fingerprint != other.fingerprint
    assert open_model("random:sinusoidal-2x64").fingerprint == open_model("random:sinusoidal-2x64:0").fingerprint


def test_random_weights_are_those_of_a_fresh_gpt2():
    weights = open_model("random:sinusoidal-2x64").weights
    assert weights["embed.weight"].std() == pytest.approx(0.02, rel=0.05)
    assert (weights["final.norm.weight"] == 1).all() and not weights["final.norm.bias"].any()
    assert not any(array.flags.writeable for array in weights.values())


@pytest.mark.parametrize(
    "spec",
    [
        "random:",
        "random:nothing",
        "random:gpt2-2x240:x",
        "random:gpt2-2x240:1:2",
        "random:gpt2-2x240:-1",
        "random:../x",
    ],
)
def test_a_preset_that_is_none_is_refused_with_those_there_are(spec):
    with pytest.raises(InputError, match=r"random:PRESET\[:SEED\] with one of .*gpt2-2x240"):
        open_model(spec)


@pytest.mark.parametrize(
    ("shipped", "opened"),
    [((), None), (("shakespeare",), "shakespeare"), (("alpha", "tales", "zeta"), "tales"), (("b", "c"), "b")],
)
def test_tales_opens_where_no_model_was_named_else_the_first(tmp_path, monkeypatch, shipped, opened):
    monkeypatch.setattr("engine.model.SHIPPED", tmp_path)
    for name in shipped:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    assert shipped_models() == shipped and default_model() == opened


def test_what_is_shipped_opens_by_name():
    assert all(open_model(name).name == name for name in shipped_models())


@pytest.mark.parametrize("spec", ["", "nowhere", "./nowhere", "/nowhere/at/all", "a\x1bb"])
def test_what_is_not_there_is_said_in_one_line(spec):
    with pytest.raises(MiniGPTError) as caught:
        open_model(spec)
    assert "\n" not in str(caught.value)


def test_the_line_of_a_model_of_one_layer_does_not_count_several(make_model):
    made = make_model("llama")
    assert ", 1 layer x 4 heads on 2, " in replace(made, config=replace(made.config, layers=1)).line


def test_a_directory_is_opened_by_its_path(tmp_path, make_model):
    made = make_model("llama")
    save_checkpoint(tmp_path / "mine", made.config, made.weights)
    for path in (tmp_path / "mine", tmp_path / "mine" / "model.safetensors"):
        model = open_model(str(path))
        assert model.name == "mine" and model.tokenizer is None and "2 layers x 4 heads on 2" in model.line
        assert all(np.array_equal(model.weights[name], made.weights[name]) for name in made.weights)
