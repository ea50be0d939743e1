"""GPT-2's configuration. Defaults for missing keys are those of `transformers`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.models import config_common as common
from engine.models.config import ModelConfig
from engine.models.config_common import CONTEXT, HEADS, LAYERS, VOCAB, activation, epsilon, switch
from engine.models.config_keys import Key, read_keys

END_OF_TEXT = 50256
KEYS = {
    "vocab_size": VOCAB,
    "n_positions": CONTEXT,
    "n_embd": Key(int, 1, common.WIDEST, multiple_of="n_head"),
    "n_layer": LAYERS,
    "n_head": HEADS,
    "n_inner": Key(int, 1, common.WIDEST_HIDDEN, default=None, null=None),
    "activation_function": activation("gelu_tanh"),
    "layer_norm_epsilon": epsilon(1e-5),
    "tie_word_embeddings": switch(True),
    "scale_attn_weights": switch(True),
    "scale_attn_by_inverse_layer_idx": switch(False),
}


def read_gpt2(raw: Mapping[str, Any], name: str, generation: object) -> ModelConfig:
    """The record of a GPT-2 configuration file."""
    values = read_keys(raw, KEYS, name)
    common.check_layer_types(raw, name, ("full_attention",) * values["n_layer"])
    width, heads, layers = values["n_embd"], values["n_head"], values["n_layer"]
    scale = 1 / math.sqrt(width // heads) if values["scale_attn_weights"] else 1.0
    is_falling = values["scale_attn_by_inverse_layer_idx"]
    return ModelConfig(
        family="gpt2",
        model_type="gpt2",
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=heads,
        head_size=width // heads,
        hidden=values["n_inner"] or 4 * width,
        vocab=values["vocab_size"],
        context=values["n_positions"],
        activation=values["activation_function"],
        norm_eps=values["layer_norm_epsilon"],
        tied=values["tie_word_embeddings"],
        attn_scale=tuple(scale / (i + 1) if is_falling else scale for i in range(layers)),
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        norm_bias=True,
        windows=(None,) * layers,
        rope_theta=None,
        rope_scaling=None,
        bos=common.begin_token(raw, name, values["vocab_size"], END_OF_TEXT),
        eos=common.end_tokens(raw, name, generation, values["vocab_size"], END_OF_TEXT),
        ignored=common.ignored_keys(raw, KEYS),
    )


def write_gpt2(config: ModelConfig) -> dict[str, Any]:
    """The file that `read_gpt2` and `transformers` read as this model."""
    is_scaled = math.isclose(config.attn_scale[0], 1 / math.sqrt(config.head_size))
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": config.vocab,
        "n_positions": config.context,
        "n_embd": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.hidden,
        "activation_function": common.ACTIVATION_NAMES[config.activation],
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tied,
        "scale_attn_weights": is_scaled,
        "scale_attn_by_inverse_layer_idx": len(set(config.attn_scale)) > 1,
        **common.written_tokens(config),
    }
