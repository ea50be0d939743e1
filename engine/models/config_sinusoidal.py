"""The configuration of our own family: sinusoidal positions, as in the first transformer, before each block a norm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.models import config_common as common
from engine.models.config import ModelConfig
from engine.models.config_common import CONTEXT, HEADS, LAYERS, SIZE, VOCAB, activation, epsilon, switch
from engine.models.config_keys import Key, check_multiple, read_keys

KEYS = {
    "vocab_size": VOCAB,
    "hidden_size": SIZE,
    "intermediate_size": Key(int, 1, common.WIDEST_HIDDEN),
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "head_dim": common.HEAD_SIZE,
    "max_position_embeddings": CONTEXT,
    "hidden_act": activation("relu"),
    "layer_norm_epsilon": epsilon(1e-5),
    "tie_word_embeddings": switch(True),
}


def read_sinusoidal(raw: Mapping[str, Any], name: str, generation: object) -> ModelConfig:
    """The record of a `sinusoidal` configuration file; a given `head_dim` need not be the width over the heads."""
    values = read_keys(raw, KEYS, name)
    if values["head_dim"] is None:
        check_multiple(values, "hidden_size", "num_attention_heads", name)
    layers, heads = values["num_hidden_layers"], values["num_attention_heads"]
    head_size = values["head_dim"] or values["hidden_size"] // heads
    return ModelConfig(
        family="sinusoidal",
        model_type="sinusoidal",
        layers=layers,
        width=values["hidden_size"],
        heads=heads,
        kv_heads=heads,
        head_size=head_size,
        hidden=values["intermediate_size"],
        vocab=values["vocab_size"],
        context=values["max_position_embeddings"],
        activation=values["hidden_act"],
        norm_eps=values["layer_norm_epsilon"],
        tied=values["tie_word_embeddings"],
        attn_scale=(1 / math.sqrt(head_size),) * layers,
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        norm_bias=True,
        windows=(None,) * layers,
        rope_theta=None,
        rope_scaling=None,
        bos=common.begin_token(raw, name, values["vocab_size"], None),
        eos=common.end_tokens(raw, name, generation, values["vocab_size"], None),
        ignored=common.ignored_keys(raw, KEYS),
    )


def write_sinusoidal(config: ModelConfig) -> dict[str, Any]:
    """The file that `read_sinusoidal` reads as this model; no other program knows it."""
    return {
        "model_type": "sinusoidal",
        "vocab_size": config.vocab,
        "hidden_size": config.width,
        "intermediate_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "head_dim": config.head_size,
        "max_position_embeddings": config.context,
        "hidden_act": common.ACTIVATION_NAMES[config.activation],
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tied,
        **common.written_tokens(config),
    }
