"""`minigpt phases`: three models trained for an instant, measured, found again; and a given model as it is."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil

import pytest

from app.cli.phases_training import train
from engine.training.plan import read_plan
from engine.training.variants import Texts, variants

SMALL = ("vocabulary=300", "n_embd=28", "n_inner=56", "n_positions=24", "batch=2", "sample_tokens=2")
FEW = ("--stories", 6, "--held-out", 1, "--minutes", 1e-6)
ARGUMENTS = (*FEW, *(word for setting in SMALL for word in ("--set", setting)))
RUNS = ("plain", "tied", "tied-low-rank-12")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A directory where the three models were trained for one update each."""
    from app.cli.main import main

    directory = tmp_path_factory.mktemp("phases") / "made"
    assert main(["phases", "-o", str(directory), *map(str, ARGUMENTS)]) == 0
    return directory


def table(directory):
    return list(csv.DictReader((directory / "phases.csv").read_text().splitlines()))


def go_on(directory, minutes):
    """Train the tied model again, as the command does it, without measuring."""
    texts = Texts(directory / "tales-6.txt", directory / "held-out-1.txt")
    return train(directory, variants(12)[1], texts, minutes, ())


def test_three_models_of_one_text_and_one_tokenizer_are_trained(trained):
    plans = {name: read_plan(json.loads((trained / name / "run.json").read_text())) for name in RUNS}
    assert [plans[name].steps for name in RUNS] == [1, 1, 1]
    assert [plans[name].model["tie_word_embeddings"] for name in RUNS] == [False, True, True]
    assert plans["tied-low-rank-12"].model["minigpt"] == {"version": 1, "low_rank_mlp": 12}
    tokenizers = {(trained / name / "data" / "tokenizer.json").read_bytes() for name in RUNS}
    assert len(tokenizers) == 1
    for name in RUNS:
        config = json.loads((trained / name / "step-000001" / "config.json").read_text())
        assert config["vocab_size"] == 300 and ("minigpt" in config) == (name == RUNS[2])


def test_the_files_say_the_same_and_each_stage_is_of_its_model(trained):
    rows = table(trained)
    assert [row["variant"] for row in rows] == ["plain"] * 3 + ["tied"] * 3 + ["tied-low-rank"] * 4
    assert len({row["perplexity"] for row in rows}) >= 3  # of three models
    for row in rows:
        for name in ("parameters", "weight_bytes", "cache_bytes", "peak_bytes", "products"):
            assert row[name] == row[f"{name}_expected"], (row["stage"], name)
        assert float(row["perplexity"]) == pytest.approx(300, rel=0.2)  # nothing was learned yet
    page = (trained / "phases.md").read_text()
    assert f"{int(rows[9]['total_bytes']):,}" in page and "where each was trained on its own" in page
    assert "plain: 1 update in" in page and "tied-low-rank: 1 update in" in page
    assert (trained / "phase_metrics.png").read_bytes().startswith(b"\x89PNG")


def test_called_again_it_measures_without_training(minigpt, trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("step-*/model.safetensors")}
    done = minigpt("phases", "-o", copy, *ARGUMENTS, "--json")
    assert done.code == 0 and done.err.count("trained before, as step-000001") == 3
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("step-*/model.safetensors")} == before
    was = table(trained)
    assert [float(row["perplexity"]) for row in was] == [row["figures"]["perplexity"] for row in done.json]


def with_steps(trained, directory, steps):
    """A copy whose tied model is to make so many updates."""
    copy = shutil.copytree(trained, directory)
    path = copy / "tied" / "run.json"
    path.write_text(path.read_text().replace('"steps": 1,', f'"steps": {steps},'))
    return copy


def test_a_run_that_was_stopped_goes_on(trained, tmp_path, capsys):
    copy = with_steps(trained, tmp_path / "copy", 3)
    assert go_on(copy, minutes=5) == copy / "tied" / "step-000003"
    assert "tied: 28,868 parameters, 2 updates" in capsys.readouterr().err


def test_what_takes_too_long_ends_and_counts_as_done(trained, tmp_path):
    copy = with_steps(trained, tmp_path / "copy", 500)
    assert go_on(copy, minutes=1e-6) == go_on(copy, minutes=1e-6) == copy / "tied" / "step-000002"
    assert read_plan(json.loads((copy / "tied" / "run.json").read_text())).steps == 2


def test_a_given_model_is_measured_as_it_is(minigpt, reader, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("What does it cost to be small? " * 5)
    done = minigpt("phases", reader, "-o", tmp_path / "out", "--text", text, "--rank", 2, "--json")
    assert done.code == 0 and "tie them makes another model" in done.err
    assert sorted(os.listdir(tmp_path / "out")) == ["phase_metrics.png", "phases.csv", "phases.md"]
    page = (tmp_path / "out" / "phases.md").read_text()
    assert "nothing was trained" in page
    assert re.search(r"low-rank MLP: \*\*(worse)\*\*|low-rank MLP: better", page)
    first = minigpt("eval", reader, "--text", text, "--no-kv", "--no-optimize", "--json").json
    assert done.json[0]["figures"]["perplexity"] == pytest.approx(first["perplexity"])
    last = minigpt("eval", reader, "--text", text, *done.json[9]["settings"], "--json").json
    assert done.json[9]["figures"]["perplexity"] == pytest.approx(last["perplexity"])


def test_ctrl_c_keeps_what_was_measured(minigpt, reader, tmp_path, monkeypatch):
    import engine.analysis.phase_metrics as metrics

    whole, count = metrics.measure, 0

    def measure(*given):
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        return whole(*given)

    monkeypatch.setattr(metrics, "measure", measure)
    text = tmp_path / "text.txt"
    text.write_text("What does it cost to be small? " * 5)
    done = minigpt("phases", reader, "-o", tmp_path / "out", "--text", text)
    assert done.code == 130
    assert len((tmp_path / "out" / "phases.csv").read_text().splitlines()) == 1 + 3
    assert "3 of 10 stages were measured" in (tmp_path / "out" / "phases.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minutes", "0"], "--minutes: expected more than 0, got 0"),
        (["--set", "nonsense=1"], "nonsense is no option of the trainer"),
        (["random:gpt2-2x240", "--text", "x.txt"], "has no tokenizer, so it cannot read x.txt"),
        (["--rank", "0"], "expected a whole number from 1 up"),
    ],
)
def test_refusals(minigpt, tmp_path, arguments, message):
    done = minigpt("phases", "-o", tmp_path / "out", *FEW[:4], *arguments)
    assert done.code == 2 and message in done.err.splitlines()[-1]
