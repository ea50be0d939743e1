"""A plan comes from a preset, a file and single keys, and says which of them is wrong."""

from __future__ import annotations

import json

import pytest

from engine.errors import FileError, InputError
from engine.training.plan import load_plan, preset_names, read_plan
from engine.training.start import changed

SIZES = {"mini": 1_435_680, "phases": 4_843_104, "llama-15m": 15_733_632, "gpt2-124m": 124_439_808, "tales": 2_888_960}


def test_every_preset_is_a_plan_of_the_size_it_should_have():
    assert set(preset_names()) == {*SIZES, "char"}
    for name in preset_names():
        plan = load_plan(name)
        ids = plan.vocabulary if plan.tokenizer == "bpe" else 66
        assert SIZES.get(name, 0) in (0, plan.config(ids).parameter_count()), name
        assert read_plan(json.loads(json.dumps(plan.to_json()))) == plan


def test_later_ones_win(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('{"training": {"steps": 7, "batch": 3}, "model": {"n_layer": 1}}')
    plan = load_plan("mini", file, ["steps=9", "n_embd=80", "prompt=12", "dropout=0"])
    assert (plan.steps, plan.batch, plan.prompt, plan.dropout) == (9, 3, "12", 0)
    config = plan.config(50)
    assert (config.layers, config.width, config.heads, config.vocab) == (1, 80, 4, 50)


def test_a_file_may_bring_a_model_of_another_type(tmp_path):
    file = tmp_path / "mine.json"
    model = {"model_type": "sinusoidal", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
             "num_attention_heads": 2, "max_position_embeddings": 16}  # fmt: skip
    file.write_text(json.dumps({"model": model}))
    assert load_plan("mini", file).config(20).family == "sinusoidal"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("steps=0", "steps: expected a whole number from 1"),
        ("learning_rate=fast", 'learning_rate: expected a number from 0 to 1, got "fast"'),
        ("optimizer=sgd", "optimizer: expected one of adamw, adam"),
        ("optimiser=adam", "optimiser is no option of the trainer and no key of a gpt2 model"),
        ("steps", "expected key=value, got steps"),
        ("dropout=NaN", "dropout: expected a number"),
    ],
)
def test_a_wrong_key_is_named(setting, message):
    with pytest.raises((InputError, FileError), match=message):
        load_plan("mini", None, [setting])


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(FileError, match=r"n_embd: expected a multiple of n_head \(4\), got 90"):
        load_plan("mini", None, ["n_embd=90"]).config(65)
    with pytest.raises(InputError, match="vocab_size: expected at least the tokenizer's 65 ids, got 60"):
        load_plan("mini", None, ["vocab_size=60"]).config(65)
    with pytest.raises(InputError, match="context: expected at most the model's 128, got 129"):
        load_plan("mini", None, ["context=129"]).config(65)
    with pytest.raises(FileError, match="trainning: expected only 'model' and 'training'"):
        read_plan({"trainning": {}})
    with pytest.raises(FileError, match="speed: is no option of the trainer"):
        read_plan({"model": {}, "training": {"speed": 1}})


def test_what_makes_a_run_itself_cannot_be_changed():
    plan = load_plan("mini")
    assert changed(plan, ["steps=10", "learning_rate=0.1"]).steps == 10
    for setting in ("tokenizer=bpe", "n_layer=3", "seed=1", "context=64"):
        with pytest.raises(InputError, match="cannot be changed in a run that is under way"):
            changed(plan, [setting])
