"""The numbers of `logits` and `generate` are those of an independent implementation, under every setting."""

from __future__ import annotations

import numpy as np
import pytest

MODELS = ["gpt2-tied-old-style", "gpt2-f16", "llama-sharded", "llama3-rope-old-style", "mistral-window", "smollm2-like"]
SETTINGS = [[], ["--no-kv"], ["--no-optimize"], ["--no-kv", "--no-optimize"]]
CLOSE = 5e-5


def recorded(golden, name):
    return np.load(golden / "recorded" / f"{name}.npz")


def ids_flag(ids):
    return ",".join(map(str, ids))


@pytest.mark.parametrize("flags", SETTINGS, ids=" ".join)
@pytest.mark.parametrize("name", MODELS)
def test_logits_are_the_recorded_ones(minigpt, golden, tmp_path, name, flags):
    want = recorded(golden, name)
    target = tmp_path / "logits.npy"
    result = minigpt("logits", golden / "models" / name, "--ids", ids_flag(want["ids"]), "-o", target, *flags)
    assert result.code == 0 and result.out == ""
    logits = np.load(target)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, want["logits"], rtol=0, atol=CLOSE)


@pytest.mark.parametrize("flags", SETTINGS, ids=" ".join)
@pytest.mark.parametrize("name", MODELS)
def test_greedy_text_is_the_recorded_one(minigpt, golden, name, flags):
    want = recorded(golden, name)
    greedy = ["-n", len(want["greedy"]), "--temperature", 0, "--ignore-eos", "--json"]
    result = minigpt("generate", golden / "models" / name, "--ids", ids_flag(want["ids"]), *greedy, *flags)
    assert result.json["ids"] == want["greedy"].tolist()
    assert result.json["prompt_ids"] == want["ids"].tolist()


def test_a_window_changes_the_logits_alike_with_and_without_cache(minigpt, golden, tmp_path):
    arrays = []
    for flags in (["--kv"], ["--no-kv"]):
        model, target = golden / "models" / "llama-sharded", tmp_path / "w.npy"
        minigpt("logits", model, "--ids", ids_flag(range(40)), "-o", target, "--kv-window", 4, *flags)
        arrays.append(np.load(target))
    np.testing.assert_allclose(arrays[0], arrays[1], rtol=0, atol=CLOSE)
    minigpt("logits", model, "--ids", ids_flag(range(40)), "-o", target)
    assert np.abs(np.load(target) - arrays[0]).max() > 0.01


def test_logits_of_a_real_model_are_the_recorded_ones(minigpt, shared, tmp_path):
    want = np.load(shared / "models" / "recorded" / "stories260K.0.npz")
    model, target = shared / "models" / "stories260K", tmp_path / "logits.npy"
    assert minigpt("logits", model, "--ids", ids_flag(want["ids"]), "-o", target).code == 0
    np.testing.assert_allclose(np.load(target), want["logits"], rtol=0, atol=CLOSE)


def test_a_failed_save_leaves_the_old_file(minigpt, golden, tmp_path):
    target = tmp_path / "logits.npy"
    target.write_bytes(b"old")
    result = minigpt("logits", golden / "models" / "gpt2-relu", "--ids", "1,61", "-o", target)
    assert result.code == 2 and "expected an id from 0 to 60" in result.error
    assert target.read_bytes() == b"old" and list(tmp_path.iterdir()) == [target]


def test_a_directory_that_is_not_there_is_the_surroundings(minigpt, golden, tmp_path):
    result = minigpt("logits", golden / "models" / "gpt2-relu", "--ids", "1", "-o", tmp_path / "no" / "x.npy")
    assert result.code == 3 and "cannot be written" in result.error
