"""What is saved is what is opened again; a save that fails leaves the old model as it was."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InputError, MiniGPTError, ShapeError, SurroundingsError
from engine.models.config import ModelConfig
from engine.weights import open_checkpoint, save_checkpoint
from engine.weights.writing import save_tensors

TYPES = ("gpt2", "llama", "mistral", "qwen2", "sinusoidal")
Saved = Callable[..., Path]
Tiny = Callable[..., tuple[ModelConfig, dict[str, np.ndarray]]]


@pytest.mark.parametrize("shard_bytes", [None, 1500])
@pytest.mark.parametrize("model_type", TYPES)
def test_saved_and_opened_is_the_same_model(
    tmp_path: Path, tiny: Tiny, model_type: str, shard_bytes: int | None
) -> None:
    config, weights = tiny(model_type)
    written = save_checkpoint(tmp_path / "m", config, weights, shard_bytes=shard_bytes)
    assert {path.name for path in written} == set(os.listdir(tmp_path / "m"))
    opened = open_checkpoint(tmp_path / "m")
    assert opened.config == config and opened.dtype == "float32"
    assert list(opened.weights) == list(weights)
    assert all(opened.weights[name].tobytes() == weights[name].tobytes() for name in weights)


@pytest.mark.parametrize("model_type", TYPES)
def test_saving_what_was_opened_gives_the_same_bytes(saved: Saved, tmp_path: Path, model_type: str) -> None:
    first = open_checkpoint(saved(model_type))
    save_checkpoint(tmp_path / "again", first.config, first.weights)
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (first.path / name).read_bytes()


def test_a_model_may_be_saved_over_the_file_it_is_mapped_from(saved: Saved) -> None:
    opened = open_checkpoint(saved())
    before = {name: array.copy() for name, array in opened.weights.items()}
    save_checkpoint(opened.path, opened.config, opened.weights)
    again = open_checkpoint(opened.path)
    for name, array in before.items():
        assert np.array_equal(opened.weights[name], array) and np.array_equal(again.weights[name], array)


@pytest.mark.parametrize(("dtype", "largest_error"), [("float16", 2**-11), ("bfloat16", 2**-8)])
def test_half_precision_is_half_the_size_and_opens_as_float32(
    saved: Saved, tmp_path: Path, dtype: str, largest_error: float
) -> None:
    full = open_checkpoint(saved("llama"))
    save_checkpoint(tmp_path / "half", full.config, full.weights, dtype)
    half = open_checkpoint(tmp_path / "half")
    assert half.dtype == dtype and half.file_bytes < 0.7 * full.file_bytes
    assert json.loads((tmp_path / "half/config.json").read_text())["torch_dtype"] == dtype
    for name, array in half.weights.items():
        assert array.dtype == np.float32 and not array.flags.writeable
        np.testing.assert_allclose(array, full.weights[name], rtol=largest_error, atol=1e-7)
    save_checkpoint(tmp_path / "again", half.config, half.weights, dtype)
    assert (tmp_path / "again/model.safetensors").read_bytes() == (tmp_path / "half/model.safetensors").read_bytes()


def test_a_value_too_large_for_float16_is_refused_and_nothing_is_left(tmp_path: Path, tiny: Tiny) -> None:
    config, weights = tiny()
    weights["final.norm.bias"][0] = -70_000
    said = r"^transformer\.ln_f\.bias: 70000 is too large for float16; save as bfloat16 or float32$"
    with pytest.raises(InputError, match=said):
        save_checkpoint(tmp_path / "m", config, weights, "float16")
    assert os.listdir(tmp_path / "m") == []


def test_the_names_are_those_of_hugging_face(saved: Saved) -> None:
    from safetensors.numpy import load_file

    gpt2 = load_file(saved("gpt2") / "model.safetensors")
    assert gpt2["transformer.h.1.attn.c_attn.weight"].shape == (8, 24) and "lm_head.weight" not in gpt2
    llama = load_file(saved("llama") / "model.safetensors")
    assert llama["model.layers.1.self_attn.k_proj.bias"].shape == (4,) and "lm_head.weight" in llama
    assert load_file(saved("sinusoidal") / "model.safetensors")["unembed.weight"].shape == (11, 8)


def test_weights_that_are_not_the_configs_are_refused(tmp_path: Path, tiny: Tiny) -> None:
    config, weights = tiny()
    for changed, said in (
        (weights | {"more": weights["embed.weight"]}, "^more: not a parameter of this model$"),
        ({name: weights[name] for name in list(weights)[1:]}, "^embed.weight: missing$"),
        (weights | {"embed.weight": np.ones(3)}, r"^embed.weight: expected \(11, 8\), got \(3,\)$"),
    ):
        with pytest.raises(ShapeError, match=said):
            save_checkpoint(tmp_path / "m", config, changed)
    with pytest.raises(InputError, match=r"^dtype: expected one of float32, float16, bfloat16, got int8$"):
        save_checkpoint(tmp_path / "m", config, weights, "int8")
    with pytest.raises(InputError, match="an array of complex128 cannot be saved"):
        save_tensors(tmp_path / "a.safetensors", {"a": np.ones(2, np.complex128)})
    assert not (tmp_path / "m").exists()


def test_one_layout_is_not_saved_over_the_other(saved: Saved) -> None:
    opened = open_checkpoint(saved())
    with pytest.raises(InputError, match=r"already holds a model with model\.safetensors; choose another directory"):
        save_checkpoint(opened.path, opened.config, opened.weights, shard_bytes=1500)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("shard_bytes", [None, 1500])
def test_a_disk_that_is_full_at_any_write_leaves_the_old_model(
    saved: Saved, tiny: Tiny, monkeypatch, shard_bytes: int | None
) -> None:
    directory = saved(shard_bytes=shard_bytes)
    before, (config, after) = contents(directory), tiny(seed=1)
    refusals = 0
    for k in range(100):
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full_after(k))
            try:
                save_checkpoint(directory, config, after, shard_bytes=shard_bytes)
                break
            except SurroundingsError as error:
                assert str(error).endswith(": cannot be written: No space left on device; the old file is untouched")
                refusals += 1
        if k < len(before) - 1:  # all files but the small texts are on the disk before the first takes its name
            assert contents(directory) == before
        assert not [name for name in os.listdir(directory) if name.endswith(".tmp")]
    assert refusals >= len(before)
    assert np.array_equal(open_checkpoint(directory).weights["embed.weight"], after["embed.weight"])


def full_after(successes: int) -> Callable[[int], None]:
    left = [successes]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    return fsync


def test_a_write_that_reads_back_differently_is_not_kept(tmp_path: Path, monkeypatch) -> None:
    save_tensors(tmp_path / "a.safetensors", {"a": np.ones(2, np.float32)})
    before = contents(tmp_path)
    with monkeypatch.context() as patched, pytest.raises(SurroundingsError, match="reads back differently"):
        patched.setattr("engine.weights.writing._checksum", lambda file: 0)
        save_tensors(tmp_path / "a.safetensors", {"a": np.zeros(2, np.float32)})
    assert contents(tmp_path) == before


def test_a_directory_that_cannot_be_made_is_the_surroundings_fault(tmp_path: Path, tiny: Tiny) -> None:
    (tmp_path / "file").touch()
    config, weights = tiny()
    with pytest.raises(MiniGPTError) as caught:
        save_checkpoint(tmp_path / "file", config, weights)
    assert type(caught.value) is SurroundingsError and caught.value.exit_code == 3
