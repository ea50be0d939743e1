"""`diff`: what it names first, what it prints and tells machines, its exit codes and refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from app.cli import diff
from app.cli.lanes import split
from engine.errors import InputError
from engine.model import open_model
from engine.weights import save_checkpoint

TEXT = "The cat sat"
MATRIX = "blocks.1.mlp.up.weight"


@pytest.fixture(scope="session")
def changed(reader: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader with one matrix times 1.001."""
    model = open_model(str(reader))
    directory = tmp_path_factory.mktemp("changed")
    weights = {name: np.array(array) for name, array in model.weights.items()}
    weights[MATRIX] *= np.float32(1.001)
    save_checkpoint(directory, model.config, weights)
    shutil.copy(reader / "tokenizer.json", directory)
    return directory


def test_the_first_reader_of_a_changed_matrix_is_named(minigpt, reader, changed):
    told = minigpt("diff", reader, changed, "-p", TEXT, "--json").json
    assert told["parted"] and told["first"] == "blocks.1.mlp.up" and told["positions"] == len(TEXT)
    at = next(place for place in told["addresses"] if place["address"] == "blocks.1.mlp.up")
    assert at["relative"] == pytest.approx(1e-3, rel=1e-3) and at["shape"] == [1, len(TEXT), 24]
    assert ".py:" in at["where"] and at["b"] == pytest.approx(1.001 * at["a"])
    before = told["addresses"][: told["addresses"].index(at)]
    assert before and all(place["max_difference"] == 0 for place in before)
    assert told["along"][0] == "embed" and told["along"][-1] == "logits"


def test_the_page_says_where_how_much_and_what_it_does_to_the_text(minigpt, reader, changed):
    page = minigpt("diff", reader, changed, "-p", TEXT, "--limit", 3).out
    lines = page.splitlines()
    first = lines[lines.index("first address over the threshold") + 1]
    assert first.startswith("  blocks.1.mlp.up = linear(") and ".py:" in first
    assert "drift along the residual stream" in page and "KL(A||B)" in page
    assert f"{len(TEXT)} tokens, the same in both" in page
    listed = lines[lines.index(next(line for line in lines if line.startswith("worst addresses"))) + 2 :][:3]
    assert all(line.startswith("  ") for line in listed) and "worst addresses (3 of " in page


def test_a_model_and_itself_do_not_part(minigpt, reader):
    result = minigpt("diff", reader, reader, "-p", TEXT, "--check")
    assert result.code == 0 and "no address is over the threshold" in result.out
    assert "every value that was compared is equal" in result.out


def test_a_difference_is_an_exit_code_only_when_it_is_asked_for(minigpt, reader, changed):
    assert minigpt("diff", reader, changed, "-p", TEXT).code == 0
    assert minigpt("diff", reader, changed, "-p", TEXT, "--check").code == diff.PARTED == 4
    assert minigpt("diff", reader, changed, "-p", TEXT, "--check", "--threshold", "0.5").code == 0


def test_models_of_other_shapes_have_parted_though_nothing_can_be_subtracted(minigpt, reader, make_reader):
    result = minigpt("diff", reader, make_reader(hidden_size=24), "-p", TEXT, "--check", "--threshold", "1e9")
    assert result.code == diff.PARTED and "have other shapes" in result.out
    assert "embed 1×11×16 and 1×11×24" in result.out


def test_settings_stand_behind_a_colon(minigpt, reader):
    told = minigpt("diff", reader, f"{reader}:kv-window=3", "-p", TEXT, "--json").json
    assert told["first"] == "mask" and told["next_token"]["kl"][:3] == [0, 0, 0] and told["next_token"]["mean_kl"] > 0
    lowered = minigpt("diff", reader, f"{reader}:optimize", "-p", TEXT, "--json", "--threshold", "1e-4").json
    assert not lowered["parted"] and lowered["only_b"] and "logits" in lowered["along"]


def test_two_prompts_are_compared_on_the_common_positions(minigpt, reader):
    result = minigpt("diff", reader, reader, "-p", "The cat sat", "--prompt-b", "The dog")
    assert "A has 11 tokens and B 7: the first 7 are compared; not the same token at 4, 5, 6" in result.out
    told = minigpt("diff", reader, reader, "--ids", "1,2,3", "--ids-b", "1,5,3", "--json").json
    assert told["unequal_tokens"] == [1] and told["first"] == "embed" and told["next_token"]["kl"][0] == 0


def test_numbers_that_are_none_are_told_in_words(minigpt, reader):
    told = minigpt("diff", reader, f"{reader}:kv-window=3", "-p", TEXT, "--json").json
    mask = next(place for place in told["addresses"] if place["address"] == "mask")
    assert (mask["max_difference"], mask["b"]) == ("inf", "-inf") and mask["not_finite_on_one_side"] == 36


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("{r}", "{r}"), "one of -p/--prompt and --ids is required"),
        (("{r}", "{r}:int4", "-p", "a"), "setting 'int4': expected one of kv,"),
        (("{r}", "nowhere", "-p", "a"), "nowhere: no such directory or file"),
        (("{r}", "{r}", "-p", "a", "--threshold", "nan"), "--threshold"),
        (("{r}", "{r}", "--ids", "999"), "999"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(minigpt, reader, arguments, problem):
    result = minigpt("diff", *(word.format(r=reader) for word in arguments))
    assert result.code == 2 and problem in result.error and result.out == ""


def test_a_colon_of_a_path_or_a_seed_is_no_setting(tmp_path):
    odd = tmp_path / "a:b"
    odd.mkdir()
    assert split(str(odd)) == (str(odd), "") and split(f"{odd}:rank=3") == (str(odd), "rank=3")
    assert split("random:gpt2-2x240") == ("random:gpt2-2x240", "")
    assert split("random:gpt2-2x240:7") == ("random:gpt2-2x240:7", "")
    assert split("random:gpt2-2x240:7:rank=3,no-kv") == ("random:gpt2-2x240:7", "rank=3,no-kv")
    assert split("random:gpt2-2x240:optimize") == ("random:gpt2-2x240", "optimize")
    assert split("tales:int8=all") == ("tales", "int8=all") and split("x" * 9999)[1] == ""


def test_hostile_tokens_are_shown_and_not_obeyed(minigpt, reader):
    result = minigpt("diff", reader, f"{reader}:kv-window=1", "-p", "\x1b[2Ja\u202eb")
    assert result.code == 0 and "\x1b" not in result.out and "\u202e" not in result.out


def test_a_trace_is_compared_with_the_model_that_made_it(minigpt, reader, tmp_path):
    from engine.lane import PLAIN, Lane
    from engine.trace_file import save_trace

    path = tmp_path / "a.trace.safetensors"
    save_trace(Lane(open_model(str(reader)), PLAIN, (1, 2, 3)).record(), path)
    page = minigpt("diff", path, reader).out
    assert "3 tokens, the same in both" in page and f"({reader.name}, llama, " in page
    assert "nowhere" in minigpt("diff", path, "nowhere.trace.safetensors").error
    assert minigpt("diff", path, path, "--json").json["parted"] is False
    assert minigpt("diff", path, f"{reader}:kv-window=1", "--json").json["first"] == "mask"


def test_a_setting_that_is_none_is_refused_before_anything_is_opened(monkeypatch, minigpt):
    monkeypatch.setattr("app.cli.lanes.open_for", lambda *_: pytest.fail("opened"))
    assert minigpt("diff", "a", "b:rank=none=1", "-p", "x").code == InputError.exit_code
