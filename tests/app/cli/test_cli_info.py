"""`info`, `check` and `paths`: what they say is what the model and the machine are."""

from __future__ import annotations

import json

import numpy as np

from engine import fits
from engine.model import open_model
from engine.session import open_session


def test_bytes_and_parameters_add_up(minigpt, golden):
    told = minigpt("info", golden / "models" / "smollm2-like", "--json").json
    model = open_model(str(golden / "models" / "smollm2-like"))
    assert sum(told["bytes_by_part"].values()) == told["memory"]["weights_bytes"] == 4 * told["parameters"]
    assert told["parameters"] == sum(np.size(array) for array in model.weights.values())
    assert told["dtype"] == "bfloat16" and told["fingerprint"] == model.fingerprint


def test_every_family_is_told_in_full(minigpt, golden):
    for model in sorted((golden / "models").iterdir()):
        told = minigpt("info", model, "--json")
        assert told.code == 0 and told.json["config"]["layers"] in (2, 3)
        assert minigpt("info", model).code == 0


def test_the_cache_is_priced_as_it_is_allocated(minigpt, golden):
    for name in ("llama-sharded", "mistral-no-window"):
        told = minigpt("info", golden / "models" / name, "--json").json["memory"]
        session = open_session(str(golden / "models" / name))
        session.prompt(ids=list(range(50)))
        assert session.decoder.cache.used_bytes == 50 * told["cache_bytes_per_token"]


def test_flops_grow_with_the_text_and_shrink_with_a_cache(minigpt, golden):
    model = golden / "models" / "llama-sharded"
    cached = minigpt("info", model, "--json").json["program"]
    whole = minigpt("info", model, "--json", "--no-kv").json["program"]
    assert cached["first_token"]["flops"] < cached["last_token"]["flops"] < whole["last_token"]["flops"] / 10
    assert whole["settings"] == ["--no-kv"] and cached["settings"] == []


def test_a_person_reads_the_same_numbers(minigpt, golden):
    out = minigpt("info", golden / "models" / "gpt2-relu").out
    count = open_model(str(golden / "models" / "gpt2-relu")).config.parameter_count()
    assert f"{count:,} parameters" in out and "fits" in out and "none: give ids" in out


def test_a_model_larger_than_memory_is_refused_before_it_is_loaded(minigpt, golden, monkeypatch):
    monkeypatch.setattr(fits, "available_bytes", lambda: 1000)
    model = golden / "models" / "gpt2-relu"
    for command in (["generate", model, "--ids", "1"], ["step", model, "--ids", "1"]):
        result = minigpt(*command)
        assert result.code == 3 and "memory" in result.error
    assert minigpt("check", model).code == 0
    told = minigpt("info", model, "--json")
    assert told.code == 0 and told.json["memory"]["fits"] is False
    assert told.json["program"]["settings"] == ["--no-optimize"]


def test_sizes_that_the_file_does_not_have_are_the_inputs_fault_not_the_memorys(minigpt, make_reader):
    directory = make_reader(num_hidden_layers=1)
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(config | {"intermediate_size": 10**9}))
    for command in (["info", directory], ["generate", directory, "-p", "a"], ["check", directory]):
        result = minigpt(*command)
        assert result.code == 2 and "expected" in result.error


def test_check_says_yes_and_what_it_is(minigpt, golden, reader):
    result = minigpt("check", golden / "models" / "llama-sharded")
    assert result.code == 0 and result.out.startswith("yes: llama-sharded: llama, 2 layers") and result.err == ""
    told = minigpt("check", reader, "--json").json
    assert told["ok"] and told["has_tokenizer"]


def test_check_says_no_and_why(minigpt, golden, tmp_path):
    (tmp_path / "config.json").write_bytes((golden / "models" / "gpt2-relu" / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    result = minigpt("check", tmp_path)
    assert result.code == 2 and result.out == "no\n" and "git lfs pull" in result.error
    assert "git lfs pull" in json.loads(minigpt("check", tmp_path, "--json").out)["reason"]


def test_weights_that_are_not_numbers_are_a_warning_not_a_refusal(minigpt, make_reader):
    directory = make_reader(vocab_size=256, num_hidden_layers=1)
    path = directory / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-4:] = np.float32(np.nan).tobytes()
    path.write_bytes(data)
    result = minigpt("check", directory)
    assert result.code == 0 and "NaN or infinite" in result.err
    assert minigpt("generate", directory, "-p", "a").code == 2


def test_paths_are_where_the_user_keeps_things(minigpt, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    told = minigpt("paths", "--json").json
    assert told["state"] == str(tmp_path / "minigpt")
    assert "gpt2-2x240" in told["preset_names"]
    assert told["state"] in minigpt("paths").out
