"""The training pass of a text: what it computes, of which update, and where it is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import passes
from engine.edits import Edit
from engine.errors import FileError, InputError, SurroundingsError
from engine.files import read_json
from engine.model import PRESETS, Model, open_model
from engine.models.config import read_config
from engine.passes import KINDS, PLAIN, TRAINING, after, training_pass
from engine.run import Run
from engine.session import Session
from engine.training.checkpoints import checkpoints
from engine.training.optimizer import Adam
from engine.training.parameters import FlatParameters
from engine.training.start import begin
from tests.engine.autograd.models import gradients
from tests.engine.training import bigram

WORDS = "the cat sat on the mat and the dog ran to the cat "


def finished(model, ids):
    _, program, weights, inputs = training_pass(model, None, ids)
    return Run(program, weights, inputs).run()


def test_a_key_goes_through_all_kinds_and_comes_back():
    assert [after(kind) for kind in KINDS] == [*KINDS[1:], PLAIN]


@pytest.mark.parametrize("name", ["gpt2", "llama", "sinusoidal"])
def test_every_token_but_the_last_foretells_the_next_one(make_model, text, name):
    """Loss and gradients against the independent reverse mode, on the pairs that the text holds."""
    model, ids = make_model(name), text(7)
    run = finished(model, ids)
    loss, expected = gradients(model.config, model.weights, np.array([ids[:-1]]), np.array([ids[1:]]))
    assert run["loss"] == pytest.approx(loss, rel=1e-5) and run["update.targets"] == 6
    largest = max(np.abs(d).max() for d in expected.values())
    for address, d in expected.items():
        np.testing.assert_allclose(run[f"d.{address}"], d, atol=5e-6 * largest, err_msg=address)


def test_a_model_that_is_no_checkpoint_gets_its_first_update(make_model, text):
    model, ids = make_model("gpt2"), text(6)
    run = finished(model, ids)
    assert training_pass(model, None, ids).what == "training on 6 tokens: update 1 at rate 0.001, moments from 0"
    changes = [np.abs(run[f"change.{name}"]).max() for name in model.weights]
    assert max(changes) == pytest.approx(1e-3, rel=1e-3)  # corrected, both moments are the gradient's: a step of ±rate


@pytest.fixture
def trained(tmp_path):
    """A run of six updates and the optimizer as it is then."""
    (tmp_path / "a.txt").write_text(WORDS * 40)
    plan = bigram.plan(steps=8, checkpoint_every=6, keep=9)
    trainer = begin(tmp_path / "run", plan, [tmp_path / "a.txt"], step=bigram.Bigram).trainer
    for _ in range(6):
        next(trainer)
    trainer.close()
    return checkpoints(tmp_path / "run")[-1], trainer


def test_a_checkpoint_is_updated_as_its_run_would_do_it(trained):
    path, trainer = trained
    model = open_model(str(path))
    ids = model.tokenizer.encode("the cat sat on")
    what, program, weights, inputs = training_pass(model, None, ids)
    rate = trainer.plan.rates.rate(6)
    assert f"update 7 at rate {rate:.3g}, the checkpoint's moments" in what
    run = Run(program, weights, inputs).run()
    parameters = FlatParameters(model.config, model.weights)
    adam = Adam(parameters, trainer.plan.adam)
    adam.first[:], adam.second[:], adam.step = trainer.adam.first, trainer.adam.second, 6
    for address, gradient in parameters.gradients.items():
        gradient[...] = run[f"d.{address}"]
    adam.update(rate, targets=len(ids) - 1)
    for address, value in parameters.values.items():
        np.testing.assert_allclose(run[f"new.{address}"], value, atol=2e-6, err_msg=address)


def test_moments_of_other_shapes_are_refused(trained):
    path, _ = trained
    model = open_model(str(path))
    other = open_model("random:sinusoidal-2x64")
    with pytest.raises(FileError, match=r"optimizer\.safetensors: first\..*: expected shape"):
        training_pass(replace(other, path=model.path), None, [1, 2, 3])


def test_a_pass_that_is_refused_leaves_the_plain_one(make_model, text, monkeypatch):
    session = Session(make_model("gpt2"))
    session.prompt(ids=text(1))
    with pytest.raises(InputError, match="one token"):
        session.restep(TRAINING)
    assert session.pass_kind == PLAIN and session.stepper.kind == PLAIN
    session.prompt(ids=text(5))
    session.restep(TRAINING)
    session.prompt(ids=text(1))  # a training pass that only follows the text gives way without an error
    assert session.stepper.kind == PLAIN
    session.prompt(ids=text(5))
    monkeypatch.setattr(passes, "MOST_BYTES", 1000)
    with pytest.raises(SurroundingsError, match="GB, since every gradient"):
        session.restep(TRAINING)


def test_the_largest_models_are_refused_before_anything_is_computed():
    config = read_config(read_json(PRESETS / "gpt2-124m.json"))
    zeros = {name: np.broadcast_to(np.float32(0), shape) for name, shape in config.parameters().items()}
    model = Model("large", config, zeros, None, "float32", "")
    with pytest.raises(SurroundingsError, match="take a smaller model"):
        training_pass(model, None, list(range(12)))


def test_edits_are_no_part_of_what_is_learned(make_model, text):
    session = Session(make_model("gpt2"))
    session.prompt(ids=text(5))
    session.edits.append(Edit("blocks.0.attn.out", "zero"))
    session.restep(TRAINING)
    assert "blocks.0.attn.out@before" not in session.stepper.run.program
