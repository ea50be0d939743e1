"""A model directory opens with the right numbers under our addresses, or is refused in one line that says why."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.weights import open_checkpoint
from engine.weights.health import count_not_finite

REPOSITORY = Path(__file__).resolve().parents[3]
SHIPPED = sorted(path.parent for path in (REPOSITORY / "tests/golden/models").glob("*/config.json"))
SHARED = sorted(path.parent for path in (REPOSITORY.parent / "shared/models").glob("*/config.json"))

Refusal = Callable[..., str]
Saved = Callable[..., Path]
Rewritten = Callable[..., None]
INDEX = "model.safetensors.index.json"
TYPES = ("gpt2", "llama", "mistral", "qwen2", "sinusoidal")
FUSED = "transformer.h.0.attn.c_attn.weight"


@pytest.mark.parametrize("directory", SHIPPED + SHARED, ids=lambda path: path.name)
def test_real_models_open_whole(directory: Path) -> None:
    checkpoint = open_checkpoint(directory)
    shapes = {address: array.shape for address, array in checkpoint.weights.items()}
    assert shapes == checkpoint.config.parameters()
    for array in checkpoint.weights.values():
        assert array.dtype == np.float32 and not array.flags.writeable
    assert checkpoint.file_bytes == sum(path.stat().st_size for path in directory.glob("*.safetensors"))
    assert checkpoint.warnings == ()


def test_stories260k_has_its_parameters() -> None:
    directory = REPOSITORY.parent / "shared/models/stories260K"
    if not directory.is_dir():
        pytest.skip(f"no shared models beside {REPOSITORY.name}")
    assert open_checkpoint(directory).config.parameter_count() == 260_032


@pytest.mark.parametrize("model_type", TYPES)
def test_a_file_and_its_directory_are_the_same_model(saved: Saved, model_type: str) -> None:
    directory = saved(model_type)
    by_directory, by_file = open_checkpoint(directory), open_checkpoint(directory / "model.safetensors")
    assert by_directory.fingerprint == by_file.fingerprint
    assert by_directory.config == by_file.config


def test_gpt2_queries_keys_and_values_are_views_of_one_mapped_matrix(saved: Saved) -> None:
    weights = open_checkpoint(saved()).weights
    q, k, v = (weights[f"blocks.0.attn.{name}.weight"] for name in "qkv")
    fused = q.base
    assert fused is not None and k.base is fused and v.base is fused
    assert q.strides == (96, 4) and k.ctypes.data - q.ctypes.data == 32 == v.ctypes.data - k.ctypes.data


def test_gpt2_files_without_the_prefix_and_with_buffers_are_the_same_model(saved: Saved, rewritten: Rewritten) -> None:
    directory = saved()
    before = open_checkpoint(directory)

    def strip(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        plain = {name.removeprefix("transformer."): array for name, array in tensors.items()}
        return plain | {"h.0.attn.bias": np.tri(16)[None, None], "h.1.attn.masked_bias": np.float32([-1e4])}

    rewritten(directory / "model.safetensors", strip)
    after = open_checkpoint(directory)
    assert after.fingerprint == before.fingerprint
    assert all(np.array_equal(after.weights[name], before.weights[name]) for name in before.weights)


def test_the_fingerprint_sees_a_changed_weight_and_a_changed_setting(saved: Saved, rewritten: Rewritten) -> None:
    first = open_checkpoint(saved()).fingerprint
    assert open_checkpoint(saved(layer_norm_epsilon=1e-6)).fingerprint != first
    directory = saved()
    assert open_checkpoint(directory).fingerprint == first

    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors[FUSED][3, 3] += 1

    rewritten(directory / "model.safetensors", change)
    assert open_checkpoint(directory).fingerprint != first


def change_config(directory: Path, **changes: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("tensor", "change", "said"),
    [
        (FUSED, lambda a: a.T, f"{FUSED}: expected (8, 24), got (24, 8) (transposed?)"),
        (FUSED, lambda a: a[:, :8], f"{FUSED}: expected (8, 24), got (8, 8)"),
        ("transformer.ln_f.weight", lambda a: a[None], "transformer.ln_f.weight: expected (8,), got (1, 8)"),
        ("transformer.ln_f.weight", lambda a: a[:1], "transformer.ln_f.weight: expected (8,), got (1,)"),
        ("transformer.ln_f.bias", lambda a: a.astype(np.int64), "ln_f.bias: expected F32, F16, BF16, got I64"),
        ("transformer.ln_f.bias", lambda a: a.astype(np.float64), "ln_f.bias: expected F32, F16, BF16, got F64"),
        ("transformer.wpe.weight", lambda a: None, "transformer.wpe.weight: expected (16, 8), got no such tensor"),
        ("transformer.h.2.ln_1.bias", lambda a: np.ones(8), "h.2.ln_1.bias: expected no such tensor in a gpt2 of 2 l"),
        (
            "wte.weight",
            lambda a: np.ones((11, 8), np.float32),
            "wte.weight: the same tensor is there as 'transformer.wte.weight'",
        ),
        ("\x1b[2J" * 99, lambda a: np.ones(1), "\\u{001B}[2J"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    saved: Saved, rewritten: Rewritten, refusal: Refusal, tensor: str, change: Callable[..., object], said: str
) -> None:
    directory = saved()

    def apply(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        changed = change(tensors.get(tensor))
        return {k: np.ascontiguousarray(v) for k, v in (tensors | {tensor: changed}).items() if v is not None}

    rewritten(directory / "model.safetensors", apply)
    message = refusal(directory)
    assert message.startswith("model.safetensors: ") and said in message


def test_an_untied_model_without_its_head_is_refused(saved: Saved, refusal: Refusal) -> None:
    directory = saved()
    change_config(directory, tie_word_embeddings=False)
    said = "lm_head.weight: expected (11, 8), got no such tensor (the config's tie_word_embeddings is false)"
    assert refusal(directory) == f"model.safetensors: {said}"


def test_a_tied_model_whose_head_differs_is_untied_with_a_warning(saved: Saved, rewritten: Rewritten) -> None:
    directory = saved("llama")
    untied = dict(open_checkpoint(directory).weights)
    change_config(directory, tie_word_embeddings=True)
    checkpoint = open_checkpoint(directory)
    assert not checkpoint.config.tied
    assert np.array_equal(checkpoint.weights["unembed.weight"], untied["unembed.weight"])
    assert len(checkpoint.warnings) == 1 and checkpoint.warnings[0].startswith("lm_head.weight differs from the emb")


def test_a_tied_model_whose_head_equals_the_embedding_is_tied(saved: Saved, rewritten: Rewritten) -> None:
    directory = saved("llama")
    change_config(directory, tie_word_embeddings=True)

    def tie(tensors: dict[str, np.ndarray]) -> None:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]

    rewritten(directory / "model.safetensors", tie)
    checkpoint = open_checkpoint(directory)
    assert checkpoint.config.tied and checkpoint.warnings == () and "unembed.weight" not in checkpoint.weights


def test_a_tied_model_with_a_head_alone_embeds_with_it(saved: Saved, rewritten: Rewritten) -> None:
    directory = saved("llama")
    head = np.array(open_checkpoint(directory).weights["unembed.weight"])
    change_config(directory, tie_word_embeddings=True)

    def drop(tensors: dict[str, np.ndarray]) -> None:
        del tensors["model.embed_tokens.weight"]

    rewritten(directory / "model.safetensors", drop)
    assert np.array_equal(open_checkpoint(directory).weights["embed.weight"], head)


def test_weights_that_are_not_finite_load_with_a_warning(saved: Saved, rewritten: Rewritten) -> None:
    directory = saved()

    def spoil(tensors: dict[str, np.ndarray]) -> None:
        tensors[FUSED][0, :2] = np.nan, np.inf
        tensors["transformer.ln_f.bias"][0] = -np.inf

    rewritten(directory / "model.safetensors", spoil)
    assert sorted(open_checkpoint(directory).warnings) == [
        f"{FUSED}: 2 values are NaN or infinite",
        "transformer.ln_f.bias: 1 values are NaN or infinite",
    ]


def test_large_finite_values_are_not_taken_for_infinite() -> None:
    assert count_not_finite(np.full(100, np.finfo(np.float32).max, np.float32)) == 0
    assert count_not_finite(np.array([np.inf, -np.inf, 1], np.float16)) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "config.json: is empty"),
        (b"[]", "config.json: expected an object with keys, got a list"),
        (b"\xff\xfe{\0}\0", "config.json: is not UTF-8 text: byte 0 is 0xff"),
        (b'{"n_embd": 8, "n_embd": 9}', "config.json: n_embd: this key is there twice"),
        (b"version https://git-lfs.github.com/spec/v1\n", "config.json: is a Git LFS pointer"),
        (b" " * (1 << 21), "config.json: expected at most 1,048,576 bytes, got 2,097,152"),
        (None, "config.json: no such file in "),
    ],
)
def test_a_config_that_is_none_is_refused(saved: Saved, refusal: Refusal, content: bytes | None, said: str) -> None:
    directory = saved()
    (directory / "config.json").unlink()
    if content is not None:
        (directory / "config.json").write_bytes(content)
    assert refusal(directory).startswith(said)


def test_a_path_that_is_no_model_is_refused(saved: Saved, refusal: Refusal, tmp_path: Path) -> None:
    directory = saved()
    assert refusal(tmp_path / "absent").startswith("absent: no such model in ")
    assert refusal(directory / "config.json") == "config.json: expected a model directory or a .safetensors file"
    (directory / "model.safetensors").unlink()
    assert refusal(directory).startswith("model.safetensors: no such file in ")
    os.mkfifo(directory / "model.safetensors")
    assert refusal(directory) == "model.safetensors: is a FIFO (a named pipe), not a file"


def test_pickled_weights_are_refused_with_the_way_to_convert_them(saved: Saved, refusal: Refusal) -> None:
    directory = saved()
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    for path in (directory, directory / "pytorch_model.bin"):
        assert refusal(path).startswith("pytorch_model.bin: pickled weights are refused; convert them with ")


def test_shards_open_as_the_whole_model(saved: Saved) -> None:
    whole = open_checkpoint(saved())
    shutil.rmtree(whole.path)
    sharded = open_checkpoint(saved(shard_bytes=2000))
    assert len(list(sharded.path.glob("model-*-of-*.safetensors"))) > 2
    assert sharded.fingerprint == whole.fingerprint
    assert all(np.array_equal(sharded.weights[name], whole.weights[name]) for name in whole.weights)


FIRST = "model-00001-of-00005.safetensors"
WTE = "transformer.wte.weight"


@pytest.mark.parametrize(
    ("shard", "said"),
    [
        ("../outside.safetensors", "weight_map: '../outside.safetensors' is not a plain file name: refused"),
        ("/etc/x.safetensors", "weight_map: '/etc/x.safetensors' is not a plain file name: refused"),
        ("..\\x.safetensors", "weight_map: '..\\x.safetensors' is not a plain file name: refused"),
        ("a\0.safetensors", "weight_map: 'a\\u{0000}.safetensors' is not a plain file name: refused"),
        ("", "weight_map: expected names that end in .safetensors, got ''"),
        ("..", "weight_map: expected names that end in .safetensors, got '..'"),
        (INDEX, f"weight_map: expected names that end in .safetensors, got '{INDEX}'"),
        (7, "weight_map: '7' is not a plain file name: refused"),
        ("model-00002-of-00005.safetensors", f"{WTE}: says it is in model-00002-of-00005.safetensors, which does not"),
    ],
)
def test_an_index_that_lies_is_refused(saved: Saved, refusal: Refusal, shard: object, said: str) -> None:
    directory = saved(shard_bytes=2000)
    index = json.loads((directory / INDEX).read_text())
    assert index["weight_map"][WTE] == FIRST
    index["weight_map"][WTE] = shard
    (directory / INDEX).write_text(json.dumps(index))
    assert refusal(directory).startswith(f"{INDEX}: {said}")


def test_an_index_without_a_map_a_missing_shard_and_an_unlisted_tensor_are_refused(
    saved: Saved, refusal: Refusal
) -> None:
    directory = saved(shard_bytes=2000)
    index = json.loads((directory / INDEX).read_text())
    del index["weight_map"][WTE]
    (directory / INDEX).write_text(json.dumps(index))
    assert refusal(directory) == f"{FIRST}: {WTE}: the index does not say that this tensor is here"
    (directory / FIRST).unlink()
    index["weight_map"][WTE] = FIRST
    (directory / INDEX).write_text(json.dumps(index))
    assert refusal(directory).startswith(f"{FIRST}: no such file in ")
    (directory / INDEX).write_text('{"weight_map": {}}')
    assert refusal(directory).startswith(f"{INDEX}: weight_map: expected an object that says which file")
