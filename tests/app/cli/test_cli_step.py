"""`step`: the listing is the engine's own program, with its prices and its values."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from engine.cost import infer_shapes, price
from engine.model import open_model

IDS = "5,6,7,8"


@pytest.fixture(scope="module")
def model(golden):
    return golden / "models" / "llama-sharded"


def test_the_plain_program_is_listed_with_its_prices(minigpt, model):
    told = minigpt("step", model, "--ids", IDS, "--json").json
    opened = open_model(str(model))
    known = {name: opened.weights[name].shape for name in opened.program.params}
    costs = price(opened.program, infer_shapes(opened.program, known | {"tokens": (1, 4), "position_ids": (4,)}))
    assert [row["address"] for row in told["lines"]] == [line.out for line in opened.program.lines]
    for row in told["lines"]:
        assert (row["flops"], row["bytes_read"], row["bytes_written"]) == costs[row["address"]]
        assert row["ms"] > 0


def test_csv_says_the_same_as_json(minigpt, model):
    told = minigpt("step", model, "--ids", IDS, "--json").json["lines"]
    rows = list(csv.DictReader(io.StringIO(minigpt("step", model, "--ids", IDS, "--csv").out)))
    assert [row["address"] for row in rows] == [row["address"] for row in told]
    assert [row["shape"] for row in rows] == ["x".join(map(str, row["shape"])) for row in told]


def test_until_stops_there_and_the_value_is_shown(minigpt, model, golden):
    address = "blocks.1.attn.pattern"
    told = minigpt("step", model, "--ids", IDS, "--until", address, "--json").json
    assert told["lines"][-1]["address"] == address and len(told["lines"]) < told["lines_in_program"]
    value = minigpt("step", model, "--ids", IDS, "--until", address, "--value", "--json").json
    assert value["shape"] == [1, 4, 4, 4]
    np.testing.assert_allclose(np.array(value["values"]).sum(-1), 1, atol=1e-6)
    assert address in minigpt("step", model, "--ids", IDS, "--until", address, "--value").out


def test_the_training_pass_goes_on_to_the_new_weights(minigpt, model):
    """The new gain is what the change leaves of the old one; the loss is the text's, summed."""
    told = minigpt("step", model, "--ids", IDS, "--training", "--json").json
    assert "training on 4 tokens: update 1" in told["what"]
    sections = [row["address"].split(".")[0] for row in told["lines"]]
    assert sections.count("new") == len(open_model(str(model)).config.parameters()) and "d" in sections

    def value(address):
        return np.array(minigpt("step", model, "--ids", IDS, "--training", "--until", address, "--value", "--json")
                        .json["values"])  # fmt: skip

    change, new = value("change.final.norm.weight"), value("new.final.norm.weight")
    np.testing.assert_allclose(new, open_model(str(model)).weights["final.norm.weight"] - change, atol=1e-7)
    logits = value("logits")[0]
    surprises = np.log(np.exp(logits).sum(-1))[:3] - logits[range(3), [6, 7, 8]]
    assert value("loss") == pytest.approx(surprises.sum(), rel=1e-5)


def test_what_does_not_go_with_training_is_refused(minigpt, model):
    for more in (["--program"], ["--no-kv"]):
        done = minigpt("step", model, "--ids", IDS, "--training", *more)
        assert done.code == 2 and "--training runs the plain program" in done.error
    assert "has one token" in minigpt("step", model, "--ids", "5", "--training").error


def test_masked_scores_are_json_without_infinities(minigpt, model):
    value = minigpt("step", model, "--ids", IDS, "--until", "blocks.0.attn.masked", "--value", "--json").json
    assert value["not_finite"] == 4 * 6 and value["values"][0][0][0][1] == "-inf"


def test_the_last_value_is_the_logits_of_the_recording(minigpt, model, golden):
    want = np.load(golden / "recorded" / "llama-sharded.npz")
    ids = ",".join(map(str, want["ids"]))
    value = minigpt("step", model, "--ids", ids, "--value", "--json").json
    np.testing.assert_allclose(value["values"][0], want["logits"], atol=5e-5)


@pytest.mark.parametrize("flag", ["--optimize", "--kv", "--no-kv", "--no-optimize"])
def test_a_settings_flag_lists_the_program_that_it_runs(minigpt, model, flag):
    result = minigpt("step", model, "--ids", IDS, flag, "--json")
    assert "as generation runs it" in result.json["what"]
    has_cache = any(row["op"] == "append" for row in result.json["lines"])
    assert has_cache == (flag != "--no-kv")


def test_program_and_diff_run_nothing(minigpt, model):
    program = minigpt("step", model, "--program").out
    for line in open_model(str(model)).program.lines:
        assert line.out in program and line.op.equation in program
    changes = minigpt("step", model, "--diff", "--json").json
    kinds = {change["kind"] for change in changes["changes"]}
    assert {"gone", "new"} <= kinds and sum(changes["counts"].values()) == len(changes["changes"])
    same = minigpt("step", model, "--diff", "--no-kv", "--no-optimize", "--json").json
    assert {change["kind"] for change in same["changes"]} == {"same"}


def test_an_address_that_is_not_there_names_near_ones(minigpt, model):
    result = minigpt("step", model, "--ids", IDS, "--until", "blocks.0.attn.patern")
    assert result.code == 2 and "did you mean blocks.0.attn.pattern" in result.error


@pytest.mark.parametrize("flags", [[], ["--program", "--csv"], ["--diff", "--until", "mask"], ["--value", "--csv"]])
def test_what_does_not_go_together_is_refused(minigpt, model, flags):
    assert "minigpt step --help" in minigpt("step", model, *flags).error


def test_json_is_strict(minigpt, model):
    def refuse(text):
        raise ValueError(text)

    out = minigpt("step", model, "--ids", IDS, "--value", "--until", "mask", "--json").out
    json.loads(out, parse_constant=refuse)
