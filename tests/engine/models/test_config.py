"""A configuration means here what it means elsewhere, or it is refused in one line that names the key."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import LONGEST_MESSAGE, FileError
from engine.files import read_json
from engine.models.config import Llama3Scaling, ModelConfig, read_config
from engine.text import visible

REPOSITORY = Path(__file__).resolve().parents[3]
SHIPPED = sorted((REPOSITORY / "tests/golden/models").glob("*/config.json"))
SHARED = sorted((REPOSITORY.parent / "shared/models").glob("*/config.json"))

GPT2 = {"model_type": "gpt2", "vocab_size": 11, "n_positions": 16, "n_embd": 8, "n_layer": 2, "n_head": 2}
SIZES = {
    "vocab_size": 11,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
}
LLAMA = SIZES | {"model_type": "llama"}
MISTRAL = SIZES | {"model_type": "mistral", "num_key_value_heads": 1}
QWEN2 = SIZES | {"model_type": "qwen2", "num_key_value_heads": 1}
SINUSOIDAL = SIZES | {"model_type": "sinusoidal"}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8}
EVERY = (GPT2, LLAMA, MISTRAL, QWEN2, SINUSOIDAL)


def refusal(raw: object, generation: object = None) -> str:
    with pytest.raises(FileError) as caught:
        read_config(raw, "config.json", generation)
    message = str(caught.value)
    assert len(message) <= LONGEST_MESSAGE and visible(message) == message
    return message


@pytest.mark.parametrize("raw", EVERY, ids=lambda raw: raw["model_type"])
def test_what_is_written_reads_back_the_same(raw: dict[str, Any]) -> None:
    config = read_config(raw)
    assert read_config(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize("path", SHIPPED + SHARED, ids=lambda path: path.parent.name)
def test_real_configurations_read_back_the_same(path: Path) -> None:
    config = read_config(read_json(path))
    assert read_config(config.to_json()) == replace(config, ignored=())


def test_gpt2_defaults_are_those_of_transformers() -> None:
    config = read_config(GPT2)
    assert (config.hidden, config.activation, config.norm_eps, config.tied) == (32, "gelu_tanh", 1e-5, True)
    assert config.attn_scale == (0.5, 0.5)
    assert (config.bos, config.eos) == (None, ()), "50256 lies outside this vocabulary"
    assert read_config(GPT2 | {"vocab_size": 50257}).eos == (50256,)


def test_gpt2_scales_its_scores_as_told() -> None:
    assert read_config(GPT2 | {"scale_attn_weights": False}).attn_scale == (1.0, 1.0)
    assert read_config(GPT2 | {"scale_attn_by_inverse_layer_idx": True}).attn_scale == (0.5, 0.25)


def test_llama_defaults_are_those_of_transformers() -> None:
    config = read_config(LLAMA)
    assert (config.kv_heads, config.head_size, config.norm_eps, config.tied) == (2, 4, 1e-6, False)
    assert (config.rope_theta, config.rope_scaling, config.bos, config.eos) == (10_000.0, None, 1, (2,))
    assert config.windows == (None,) * 4


def test_a_head_may_have_any_even_size() -> None:
    config = read_config(LLAMA | {"hidden_size": 9, "head_dim": 10})
    assert config.attn_scale == (1 / math.sqrt(10),) * 4
    assert config.parameters()["blocks.0.attn.out.weight"] == (9, 20)


def test_old_and_new_rope_keys_mean_the_same() -> None:
    old = LLAMA | {"rope_theta": 5e5, "rope_scaling": LLAMA3 | {"type": "llama3"}, "torch_dtype": "bfloat16"}
    new = LLAMA | {"rope_parameters": LLAMA3 | {"rope_type": "llama3", "rope_theta": 5e5}, "dtype": "bfloat16"}
    assert read_config(old) == read_config(new)
    assert read_config(new).rope_scaling == Llama3Scaling(8.0, 1.0, 4.0, 8)


def test_a_missing_mistral_window_is_4096_and_null_is_none() -> None:
    assert read_config(MISTRAL).windows == (4096,) * 4
    assert read_config(MISTRAL | {"sliding_window": None}).windows == (None,) * 4


def test_qwen2_slides_only_if_told_and_only_in_upper_layers() -> None:
    window = QWEN2 | {"sliding_window": 7, "max_window_layers": 3}
    assert read_config(window).windows == (None,) * 4
    assert read_config(window | {"use_sliding_window": True}).windows == (None, None, None, 7)
    listed = window | {"use_sliding_window": True, "layer_types": ["sliding_attention"] + ["full_attention"] * 3}
    assert read_config(listed).windows == (7, None, None, None)


def test_biases_are_where_each_model_type_has_them() -> None:
    def biased(raw: dict[str, Any]) -> tuple[bool, bool, bool]:
        config = read_config(raw)
        return config.qkv_bias, config.out_bias, config.mlp_bias

    assert biased(LLAMA) == biased(MISTRAL) == (False, False, False)
    assert biased(LLAMA | {"attention_bias": True}) == (True, True, False)
    assert biased(QWEN2) == (True, False, False)
    assert biased(SINUSOIDAL) == biased(GPT2) == (True, True, True)


@pytest.mark.parametrize(("value", "ids"), [(3, (3,)), ([3, 4], (3, 4)), (None, ()), (-1, ()), ([3, 99], (3,))])
def test_end_tokens_are_one_or_several_and_the_generation_file_wins(value: object, ids: tuple[int, ...]) -> None:
    assert read_config(LLAMA | {"eos_token_id": value}).eos == ids
    expected = ids if value is not None else (2,)
    assert read_config(LLAMA, generation={"eos_token_id": value}).eos == expected


def test_unknown_keys_are_listed_and_known_harmless_ones_are_not() -> None:
    config = read_config(GPT2 | {"zebra": 1, "attn_pdrop": 0.1, "use_cache": True, "apple": [NASTY]})
    assert config.ignored == ("apple", "zebra")


NASTY = "\x1b[2J\u202e<b>\ud800\n" * 200
WHOLE = "expected a whole number from"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ([], "config.json: expected an object with keys, got a list"),
        (None, "config.json: expected an object with keys, got null"),
        ({}, "config.json: model_type: expected one of gpt2, llama, mistral, qwen2, sinusoidal, got null"),
        ({"model_type": ["gpt2"]}, "got a list"),
        (GPT2 | {"model_type": "mamba"}, 'got "mamba"'),
        (GPT2 | {"model_type": NASTY}, "\\u001b[2J\\u{202E}"),
        (GPT2 | {"n_embd": 8, "n_head": 3}, "config.json: n_embd: expected a multiple of n_head (3), got 8"),
        (GPT2 | {"n_embd": 10**12}, f"config.json: n_embd: {WHOLE} 1 to 131072, got 1000000000000"),
        (GPT2 | {"n_layer": 0}, f"config.json: n_layer: {WHOLE} 1 to 1000, got 0"),
        (GPT2 | {"n_layer": True}, f"config.json: n_layer: {WHOLE} 1 to 1000, got true"),
        (GPT2 | {"n_layer": 2.0}, f"config.json: n_layer: {WHOLE} 1 to 1000, got 2.0"),
        (GPT2 | {"n_layer": "2"}, f'config.json: n_layer: {WHOLE} 1 to 1000, got "2"'),
        (GPT2 | {"vocab_size": None}, f"config.json: vocab_size: {WHOLE} 1 to 4194304, got null"),
        (LLAMA | {"hidden_size": [8]}, f"config.json: hidden_size: {WHOLE} 1 to 131072, got a list"),
        (GPT2 | {"layer_norm_epsilon": 0}, "layer_norm_epsilon: expected a number from 1e-30 to 1, got 0"),
        (GPT2 | {"tie_word_embeddings": 1}, "config.json: tie_word_embeddings: expected true or false, got 1"),
        (GPT2 | {"activation_function": "mish"}, "activation_function: expected one of gelu_new"),
        (GPT2 | {"eos_token_id": [1, "a"]}, "eos_token_id: expected a token id, a list of them or null, got a list"),
        (GPT2 | {"auto_map": {"AutoModel": "code.py"}}, "auto_map: got an object: asks to run code"),
        (GPT2 | {"quantization_config": {"bits": 4}}, "config.json: quantization_config: got an object: the weights"),
        (GPT2 | {"add_cross_attention": True}, "config.json: add_cross_attention: got true: cross-attention"),
        (GPT2 | {"is_encoder_decoder": True}, "config.json: is_encoder_decoder: got true"),
        (GPT2 | {"pruned_heads": {"0": [1]}}, "config.json: pruned_heads: got an object"),
        (GPT2 | {"minigpt": 3}, "config.json: minigpt: expected an object with keys, got 3"),
        (GPT2 | {"minigpt": {"rank": 8}}, "minigpt: rank: a rewrite that this version does not know"),
        (GPT2 | {"minigpt": {"int8": "all"}}, "minigpt: version: expected a whole number from 1 to 1, got no such key"),
        (GPT2 | {"minigpt": {"version": 2}}, "minigpt: version: expected a whole number from 1 to 1, got 2"),
        (
            GPT2 | {"minigpt": {"version": 1, "int8": "most"}},
            "minigpt: int8: expected one of none, attention, mlp, all",
        ),
        (
            GPT2 | {"minigpt": {"version": 1, "low_rank_mlp": 0}},
            "minigpt: low_rank_mlp: expected a whole number from 1",
        ),
        (GPT2 | {"minigpt": {"version": 1, "int8_embedding": 1}}, "int8_embedding: expected true or false, got 1"),
        (LLAMA | {"partial_rotary_factor": 0.5}, "config.json: partial_rotary_factor: got 0.5"),
        (LLAMA | {"num_key_value_heads": 3}, "num_attention_heads: expected a multiple of num_key_value_heads (3)"),
        (LLAMA | {"hidden_size": 9}, "hidden_size: expected a multiple of num_attention_heads (2), got 9"),
        (LLAMA | {"head_dim": 3}, "config.json: head_dim: expected an even size to rotate in pairs, got 3"),
        (LLAMA | {"rope_theta": "1e4"}, 'rope_theta: expected a number from 1 to 1e+12, got "1e4"'),
        (LLAMA | {"rope_scaling": {"type": "yarn"}}, 'rope_scaling: rope_type: expected default or llama3, got "yarn"'),
        (LLAMA | {"rope_scaling": [1]}, "config.json: rope_scaling: expected an object with keys, got a list"),
        (LLAMA | {"rope_parameters": {"full_attention": {}}}, "rope_parameters: rope_type: expected default or llama3"),
        (LLAMA | {"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor: expected 1, got 0.5"),
        (
            LLAMA | {"rope_parameters": {"rope_type": "llama3"}},
            "factor: expected a number from 1 to 1e+06, got no such",
        ),
        (LLAMA | {"rope_scaling": LLAMA3 | {"type": "llama3", "high_freq_factor": 1}}, "more than low_freq_factor (1)"),
        (LLAMA | {"rope_scaling": LLAMA3, "rope_parameters": LLAMA3}, "either rope_parameters or rope_scaling, got"),
        (
            LLAMA | {"layer_types": ["sliding_attention"] * 4},
            "expected full_attention in layer 0, got sliding_attention",
        ),
        (LLAMA | {"layer_types": ["chunked"]}, "layer_types: expected a list of full_attention and sliding_attention"),
        (QWEN2 | {"layer_types": ["full_attention"]}, "layer_types: expected one for each of 4 layers, got 1"),
        (QWEN2 | {"layer_types": ["sliding_attention"] * 4}, "layer_types: has sliding_attention, but"),
        (MISTRAL | {"sliding_window": 0}, f"sliding_window: {WHOLE} 1 to 16777216, got 0"),
        (MISTRAL | {"layer_types": ["full_attention"] * 4}, "layer_types: expected sliding_attention in layer 0"),
        (SINUSOIDAL | {"hidden_size": 9}, "hidden_size: expected a multiple of num_attention_heads (2), got 9"),
        (GPT2 | {"n_layer": 1000, "n_embd": 131072, "n_head": 1}, "expected at most 1,000,000,000,000 parameters"),
    ],
)
def test_faults_are_refused_by_key(raw: object, said: str) -> None:
    assert said in refusal(raw)


@pytest.mark.parametrize("key", sorted(GPT2.keys() - {"model_type"}))
def test_a_missing_size_is_refused(key: str) -> None:
    raw = {other: value for other, value in GPT2.items() if other != key}
    assert refusal(raw).startswith(f"config.json: {key}: {WHOLE} 1 to ")


def test_a_fault_in_the_generation_file_names_that_file() -> None:
    assert refusal(GPT2, []) == "generation_config.json: expected an object with keys, got a list"
    assert refusal(GPT2, {"eos_token_id": "x"}).startswith("generation_config.json: eos_token_id: ")


def addresses(config: ModelConfig) -> set[str]:
    return {name for name in config.parameters() if not name.startswith("blocks.") or name.startswith("blocks.0.")}


def test_the_parameters_of_each_family_have_our_addresses_and_the_shapes_of_the_file() -> None:
    gpt2 = read_config(GPT2).parameters()
    assert gpt2["positions.weight"] == (16, 8) and "unembed.weight" not in gpt2
    assert gpt2["blocks.1.mlp.up.weight"] == (8, 32) and gpt2["blocks.1.mlp.up.bias"] == (32,)
    llama = read_config(LLAMA | {"num_key_value_heads": 1})
    assert addresses(llama) == {
        "embed.weight",
        "unembed.weight",
        "final.norm.weight",
        *(f"blocks.0.attn.{name}.weight" for name in ("norm", "q", "k", "v", "out")),
        *(f"blocks.0.mlp.{name}.weight" for name in ("norm", "gate", "up", "down")),
    }
    assert llama.parameters()["blocks.0.attn.k.weight"] == (4, 8)
    assert llama.parameters()["blocks.0.mlp.down.weight"] == (8, 12)
    sinusoidal = read_config(SINUSOIDAL | {"tie_word_embeddings": False, "head_dim": 3})
    assert sinusoidal.parameters()["blocks.0.attn.q.weight"] == (8, 6)
    assert sinusoidal.parameters()["unembed.weight"] == (11, 8)


def test_parameters_are_counted_as_elsewhere() -> None:
    small = GPT2 | {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
    assert read_config(small).parameter_count() == 124_439_808  # GPT-2 small, Radford et al. 2019
