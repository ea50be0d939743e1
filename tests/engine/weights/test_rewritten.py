"""A rewritten model is saved, opens again, and is to the bit what the settings make of the plain one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import InputError, ShapeError
from engine.lane import with_words
from engine.model import open_model
from engine.models.config import read_config
from engine.models.config_rewritten import Rewritten
from engine.models.stored import added, kept
from engine.prepare import prepare
from engine.rewritten import rewritten, saved_settings
from engine.run import execute
from engine.session import Session
from engine.settings import Settings
from engine.weights import TensorFile, open_checkpoint, save_checkpoint, save_tensors

WORDS = [
    "int8=all",
    "int8=mlp,int8-embedding",
    "int8=attention,tie",
    "rank=4",
    "rank=99",
    "int8=all,rank=4,int8-embedding,tie",
]


def run(config, weights, settings, ids):
    program, made = prepare(config, weights, settings).prompt
    return execute(program, made, {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))})["logits"]


@pytest.fixture
def write(tmp_path):
    """Save a model as settings in words make it; returns the directory."""

    def write(model, words):
        directory = tmp_path / f"{model.name}-{words.replace('=', '').replace(',', '-')}"
        save_checkpoint(directory, *rewritten(model.config, model.weights, with_words(Settings(), words)))
        return directory

    return write


@pytest.mark.parametrize("words", WORDS)
def test_opened_again_it_gives_the_same_bits(model, text, write, words):
    opened, ids = open_checkpoint(write(model, words)), text(9)
    for optimize in (True, False):
        settings = with_words(Settings(), f"{words},kv=off,optimize={'on' if optimize else 'off'}")
        again = saved_settings(opened.config)
        assert (again.int8, again.low_rank_mlp) == (settings.int8, settings.low_rank_mlp)
        before = run(model.config, model.weights, settings, ids)
        after = run(
            opened.config, opened.weights, Settings(**{**vars(again), "kv_cache": False, "optimize": optimize}), ids
        )
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("words", WORDS)
def test_its_plain_program_is_the_same_model(model, text, write, words):
    opened, ids = open_checkpoint(write(model, words)), text(9)
    expected = run(model.config, model.weights, with_words(Settings(), words + ",kv=off"), ids)
    got = run(opened.config, opened.weights, Settings(kv_cache=False, optimize=False), ids)
    assert np.abs(got - expected).max() < 1e-5 * max(1, np.abs(expected).max())
    assert {name: array.shape for name, array in opened.weights.items()} == opened.config.parameters()
    assert all(opened.weights.shape(name) == array.shape for name, array in opened.weights.items())


def test_a_session_runs_it_as_it_was_saved(make_model, write, text):
    model, words = make_model("llama"), "int8=all,rank=4"
    session, plain = Session(open_model(str(write(model, words)))), Session(model, with_words(Settings(), words))
    for one in (session, plain):
        one.prompt(ids=text(9))
    assert session.settings == plain.settings
    assert [token.id for token in session.generate(5)] == [token.id for token in plain.generate(5)]
    session.change(Settings())  # and can be run otherwise: plain matrices that follow from what is there
    assert session.settings.int8 == "none" and len(session.tokens) == 14


def test_the_file_holds_int8_in_place_of_floats(make_model, write):
    directory = write(make_model("gpt2"), "int8=all")
    file = TensorFile(directory / "model.safetensors")
    types = {name: entry.dtype for name, entry in file.header.entries.items()}
    assert types["blocks.0.attn.q.weight@int8"] == "I8" and types["blocks.0.attn.q.weight@scale"] == "F32"
    assert not any(name.endswith(("c_attn.weight", "c_fc.weight")) for name in types)
    assert types["transformer.h.0.attn.c_attn.bias"] == "F32"
    section = json.loads((directory / "config.json").read_text())["minigpt"]
    assert section == {"version": 1, "int8": "all", "int8_embedding": False, "low_rank_mlp": None}


def test_a_tied_model_is_an_ordinary_one(make_model, write):
    opened = open_checkpoint(write(make_model("gpt2-erf-untied"), "tie"))
    assert opened.config.tied and opened.config.rewritten is None and "unembed.weight" not in opened.weights


def test_every_stored_tensor_is_named_by_the_configuration(model):
    for words in WORDS:
        config, weights = rewritten(model.config, model.weights, with_words(Settings(), words))
        named = kept(config) | {name: tensor.shape for name, tensor in added(config).items()}
        assert named == {name: weights[name].shape for name in weights} == {n: weights.shape(n) for n in weights}


def test_its_plain_weights_are_saved_as_a_plain_model(make_model, write, tmp_path):
    opened = open_checkpoint(write(make_model("llama"), "int8=all"))
    save_checkpoint(tmp_path / "plain", opened.config, opened.weights)
    again = open_checkpoint(tmp_path / "plain")
    assert again.config.rewritten is None and again.dtype == "float32"
    assert all(np.array_equal(array, opened.weights[name]) for name, array in again.weights.items())


def test_settings_that_change_nothing_are_not_saved(make_model):
    model = make_model("gpt2")
    with pytest.raises(InputError, match="--int8"):
        rewritten(model.config, model.weights, Settings(kv_cache=False, int8_cache=True))
    config, weights = rewritten(model.config, model.weights, Settings(int8="all"))
    with pytest.raises(ShapeError, match="missing"):
        save_checkpoint("nowhere", config, {name: weights[name] for name in list(weights)[1:]})


def damaged(directory, change):
    """The model with its tensors changed."""
    file = TensorFile(directory / "model.safetensors")
    tensors = {name: file.stored(name).copy() for name in file.header.entries}
    change(tensors)
    save_tensors(directory / "model.safetensors", tensors)


NAME = "blocks.1.mlp.down.weight@"
FAULTS = [
    (lambda t: t.pop(NAME + "scale"), "got no such tensor (the config's minigpt section asks for it)"),
    (lambda t: t.update({NAME + "int8": t[NAME + "int8"].astype(np.float32)}), "expected I8, got F32"),
    (lambda t: t.update({NAME + "scale": t[NAME + "scale"][:-1]}), "expected (12,), got (11,)"),
    (lambda t: t.update({NAME + "int8": t[NAME + "int8"].T.copy()}), "(transposed?)"),
    (lambda t: t.update({"blocks.9.mlp.up.weight@int8": np.zeros((2, 2), np.int8)}), "expected no such tensor"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_a_damaged_file_is_refused_in_one_line(make_model, write, refusal, change, said):
    directory = write(make_model("gpt2"), "int8=all")
    damaged(directory, change)
    assert said in refusal(directory)


def test_a_config_without_the_section_does_not_fit_the_file(make_model, write, refusal):
    directory = write(make_model("gpt2"), "int8=all")
    raw = json.loads((directory / "config.json").read_text())
    raw.pop("minigpt")
    (directory / "config.json").write_text(json.dumps(raw))
    assert "got no such tensor" in refusal(directory)


def test_the_section_round_trips(model):
    for done in (Rewritten("all", True, 3), Rewritten("mlp"), Rewritten(low_rank_mlp=12)):
        config = replace(model.config, rewritten=done)
        assert read_config(config.to_json()) == replace(config, ignored=read_config(config.to_json()).ignored)
