"""The configurations of Llama 2 and 3, Mistral and Qwen2, which differ in biases, windows and defaults.

Defaults for missing keys are those of `transformers`: an old Mistral file without `sliding_window` means 4096, one
that says null means none, and Qwen2 slides only if `use_sliding_window` says so, from layer `max_window_layers` on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.files import refused
from engine.models import config_common as common
from engine.models.config import ModelConfig
from engine.models.config_common import CONTEXT, FULL, HEADS, LAYERS, SIZE, SLIDING, VOCAB, activation, epsilon, switch
from engine.models.config_keys import Key, check_multiple, read_keys
from engine.models.config_rope import read_rope, write_rope

WINDOW = Key(int, 1, common.LONGEST_CONTEXT, default=4096, null=None)


def kv_heads(default: int | None) -> Key:
    """`num_key_value_heads`; None stands for as many as there are query heads."""
    return Key(int, 1, common.MOST_HEADS, default=default, null=None)


SHARED_KEYS = {
    "vocab_size": VOCAB,
    "hidden_size": SIZE,
    "intermediate_size": Key(int, 1, common.WIDEST_HIDDEN),
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "head_dim": common.HEAD_SIZE,
    "max_position_embeddings": CONTEXT,
    "hidden_act": activation("silu"),
    "rms_norm_eps": epsilon(1e-6),
    "tie_word_embeddings": switch(False),
}
LLAMA_KEYS = SHARED_KEYS | {
    "num_key_value_heads": kv_heads(None),
    "attention_bias": switch(False),
    "mlp_bias": switch(False),
}
MISTRAL_KEYS = SHARED_KEYS | {"num_key_value_heads": kv_heads(8), "sliding_window": WINDOW}
QWEN2_KEYS = SHARED_KEYS | {
    "num_key_value_heads": kv_heads(32),
    "sliding_window": WINDOW,
    "use_sliding_window": switch(False),
    "max_window_layers": Key(int, 0, common.LONGEST_CONTEXT, default=28),
}


def read_llama(raw: Mapping[str, Any], name: str, generation: object) -> ModelConfig:
    """The record of a Llama configuration file (SmolLM2's too)."""
    values = read_keys(raw, LLAMA_KEYS, name)
    common.check_layer_types(raw, name, (FULL,) * values["num_hidden_layers"])
    tokens = _tokens(raw, name, generation, values["vocab_size"], (1, 2))
    biases = {
        "qkv_bias": values["attention_bias"],
        "out_bias": values["attention_bias"],
        "mlp_bias": values["mlp_bias"],
    }
    return _config(raw, name, values, (None,) * values["num_hidden_layers"], model_type="llama", **tokens, **biases)


def read_mistral(raw: Mapping[str, Any], name: str, generation: object) -> ModelConfig:
    """The record of a Mistral configuration file: every layer has the same window."""
    values = read_keys(raw, MISTRAL_KEYS, name)
    windows = (values["sliding_window"],) * values["num_hidden_layers"]
    common.check_layer_types(raw, name, tuple(FULL if window is None else SLIDING for window in windows))
    tokens = _tokens(raw, name, generation, values["vocab_size"], (1, 2))
    return _config(raw, name, values, windows, model_type="mistral", **tokens)


def read_qwen2(raw: Mapping[str, Any], name: str, generation: object) -> ModelConfig:
    """The record of a Qwen2 configuration file: biased queries, keys and values; upper layers may have a window."""
    values = read_keys(raw, QWEN2_KEYS, name)
    window = values["sliding_window"] if values["use_sliding_window"] else None
    first = values["max_window_layers"] if window else values["num_hidden_layers"]
    by_default = tuple(SLIDING if i >= first else FULL for i in range(values["num_hidden_layers"]))
    types = common.read_layer_types(raw, name, values["num_hidden_layers"]) or by_default
    if window is None and SLIDING in types:
        raise refused(name, "has sliding_attention, but use_sliding_window or sliding_window says none", "layer_types")
    windows = tuple(window if kind == SLIDING else None for kind in types)
    tokens = _tokens(raw, name, generation, values["vocab_size"], (None, None))
    return _config(raw, name, values, windows, model_type="qwen2", qkv_bias=True, **tokens)


def write_llama(config: ModelConfig) -> dict[str, Any]:
    """The file that `read_llama` and `transformers` read as this model."""
    biases = {"attention_bias": config.qkv_bias, "mlp_bias": config.mlp_bias}
    return _written(config, "LlamaForCausalLM") | biases


def write_mistral(config: ModelConfig) -> dict[str, Any]:
    """The file that `read_mistral` and `transformers` read as this model."""
    return _written(config, "MistralForCausalLM") | {"sliding_window": config.windows[0]}


def write_qwen2(config: ModelConfig) -> dict[str, Any]:
    """The file that `read_qwen2` and `transformers` read as this model."""
    window = next((window for window in config.windows if window), None)
    return _written(config, "Qwen2ForCausalLM") | {
        "use_sliding_window": window is not None,
        "sliding_window": window,
        "layer_types": [SLIDING if window else FULL for window in config.windows],
    }


def _tokens(
    raw: Mapping[str, Any], name: str, generation: object, vocab: int, defaults: tuple[int | None, int | None]
) -> dict[str, Any]:
    bos, eos = defaults
    return {
        "bos": common.begin_token(raw, name, vocab, bos),
        "eos": common.end_tokens(raw, name, generation, vocab, eos),
    }


def _config(
    raw: Mapping[str, Any],
    name: str,
    values: dict[str, Any],
    windows: tuple[int | None, ...],
    *,
    model_type: str,
    bos: int | None,
    eos: tuple[int, ...],
    qkv_bias: bool = False,
    out_bias: bool = False,
    mlp_bias: bool = False,
) -> ModelConfig:
    head_size = _check_heads(values, name)
    theta, scaling = read_rope(raw, name)
    return ModelConfig(
        family="llama",
        model_type=model_type,
        layers=values["num_hidden_layers"],
        width=values["hidden_size"],
        heads=values["num_attention_heads"],
        kv_heads=values["num_key_value_heads"],
        head_size=head_size,
        hidden=values["intermediate_size"],
        vocab=values["vocab_size"],
        context=values["max_position_embeddings"],
        activation=values["hidden_act"],
        norm_eps=values["rms_norm_eps"],
        tied=values["tie_word_embeddings"],
        attn_scale=(1 / math.sqrt(head_size),) * values["num_hidden_layers"],
        qkv_bias=qkv_bias,
        out_bias=out_bias,
        mlp_bias=mlp_bias,
        norm_bias=False,
        windows=windows,
        rope_theta=theta,
        rope_scaling=scaling,
        bos=bos,
        eos=eos,
        ignored=common.ignored_keys(raw, KEYS[model_type]),
    )


def _check_heads(values: dict[str, Any], name: str) -> int:
    """The size of a head, once the heads are known to fit together; fills in the number of key/value heads."""
    values["num_key_value_heads"] = values["num_key_value_heads"] or values["num_attention_heads"]
    check_multiple(values, "num_attention_heads", "num_key_value_heads", name)
    if values["head_dim"] is None:
        check_multiple(values, "hidden_size", "num_attention_heads", name)
    head_size = values["head_dim"] or values["hidden_size"] // values["num_attention_heads"]
    if head_size % 2:
        raise refused(name, f"expected an even size to rotate in pairs, got {head_size}", "head_dim")
    return head_size


def _written(config: ModelConfig, architecture: str) -> dict[str, Any]:
    return {
        "architectures": [architecture],
        "model_type": config.model_type,
        "vocab_size": config.vocab,
        "hidden_size": config.width,
        "intermediate_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_size,
        "max_position_embeddings": config.context,
        "hidden_act": common.ACTIVATION_NAMES[config.activation],
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tied,
        **write_rope(config.rope_theta, config.rope_scaling),
        **common.written_tokens(config),
    }


KEYS = {"llama": LLAMA_KEYS, "mistral": MISTRAL_KEYS, "qwen2": QWEN2_KEYS}
