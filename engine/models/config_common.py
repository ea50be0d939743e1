"""What every family's configuration shares: bounds, activations, harmless keys, keys that must be neutral, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.files import refused
from engine.models.config import ModelConfig
from engine.models.config_keys import Key, as_object, shown, unexpected

MOST_LAYERS = 1_000
WIDEST = 1 << 17
WIDEST_HIDDEN = 1 << 20
MOST_HEADS = 4_096
LARGEST_HEAD = 4_096
MOST_TOKENS = 1 << 22
LONGEST_CONTEXT = 1 << 24

ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu": "gelu_erf",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
ACTIVATION_NAMES = {"gelu_tanh": "gelu_new", "gelu_erf": "gelu", "relu": "relu", "silu": "silu"}

SIZE = Key(int, 1, WIDEST)
LAYERS = Key(int, 1, MOST_LAYERS)
HEADS = Key(int, 1, MOST_HEADS)
VOCAB = Key(int, 1, MOST_TOKENS)
CONTEXT = Key(int, 1, LONGEST_CONTEXT)
HEAD_SIZE = Key(int, 1, LARGEST_HEAD, default=None, null=None)
FULL, SLIDING = "full_attention", "sliding_attention"


def epsilon(default: float) -> Key:
    """What keeps a norm from dividing by zero."""
    return Key(float, 1e-30, 1.0, default=default)


def switch(default: bool) -> Key:
    """A key that is true or false."""
    return Key(bool, default=default)


def activation(default: str) -> Key:
    """The name of the function between the two matrices of a block's MLP; `default` is our name of it."""
    return Key(str, choices=ACTIVATIONS, default=default)


# Keys read elsewhere, and keys that change nothing in a forward pass: dropout, bookkeeping, other heads than ours.
KNOWN_KEYS = """
    model_type bos_token_id eos_token_id rope_parameters rope_scaling rope_theta layer_types
    architectures dtype torch_dtype transformers_version _name_or_path name_or_path use_cache pad_token_id
    initializer_range attention_dropout attn_pdrop embd_pdrop resid_pdrop pretraining_tp reorder_and_upcast_attn n_ctx
    summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout
    task_specific_params output_attentions output_hidden_states return_dict minigpt
"""
KNOWN = frozenset(KNOWN_KEYS.split())

# key -> the values with which it means nothing, and what it would mean otherwise
MUST_BE_NEUTRAL: dict[str, tuple[tuple[object, ...], str]] = {
    "auto_map": ((None, {}), "asks to run code that came with the model: refused"),
    "quantization_config": ((None, {}), "the weights are quantized in a way we do not read; use the original model"),
    "is_encoder_decoder": ((None, False), "an encoder with a decoder; only decoders are supported"),
    "add_cross_attention": ((None, False), "cross-attention is not supported"),
    "cross_attention_hidden_size": ((None,), "cross-attention is not supported"),
    "pruned_heads": ((None, {}, []), "pruned heads are not supported"),
    "partial_rotary_factor": ((None, 1), "rotating a part of each head is not supported"),
}


def check_meaning(raw: Mapping[str, Any], name: str) -> None:
    """Refuse keys that would change the mathematics in a way that we do not know."""
    for key, (neutral, meaning) in MUST_BE_NEUTRAL.items():
        value = raw.get(key)
        if not any(value == allowed and isinstance(value, bool) == isinstance(allowed, bool) for allowed in neutral):
            raise refused(name, f"got {shown(value)}: {meaning}", key)


def ignored_keys(raw: Mapping[str, Any], table: Mapping[str, Key]) -> tuple[str, ...]:
    """The keys of a file that we neither read nor know to be harmless."""
    return tuple(sorted(raw.keys() - table.keys() - KNOWN - MUST_BE_NEUTRAL.keys()))


def read_layer_types(raw: Mapping[str, Any], name: str, layers: int) -> tuple[str, ...] | None:
    """The kind of attention of each layer, if the file lists them."""
    types = raw.get("layer_types")
    if types is None:
        return None
    if not isinstance(types, list) or not all(kind in (FULL, SLIDING) for kind in types):
        raise unexpected(name, "layer_types", f"a list of {FULL} and {SLIDING}", types)
    if len(types) != layers:
        raise refused(name, f"expected one for each of {layers} layers, got {len(types)}", "layer_types")
    return tuple(types)


def check_layer_types(raw: Mapping[str, Any], name: str, needed: tuple[str, ...]) -> None:
    """Refuse a list of layer types that says something else than this model type does."""
    types = read_layer_types(raw, name, len(needed))
    if types is not None and types != needed:
        layer = next(i for i in range(len(needed)) if types[i] != needed[i])
        raise refused(name, f"expected {needed[layer]} in layer {layer}, got {types[layer]}", "layer_types")


def begin_token(raw: Mapping[str, Any], name: str, vocab: int, default: int | None) -> int | None:
    """The id that begins a text; an id outside the vocabulary cannot occur and counts as none."""
    inside = _token_ids(raw.get("bos_token_id", default), name, "bos_token_id", vocab)
    return inside[0] if inside else None


def end_tokens(
    raw: Mapping[str, Any], name: str, generation: object, vocab: int, default: int | None
) -> tuple[int, ...]:
    """The ids that end a text, from the generation file if it has them."""
    if generation is not None:
        of_generation = as_object(generation, "generation_config.json").get("eos_token_id")
        if of_generation is not None:
            return _token_ids(of_generation, "generation_config.json", "eos_token_id", vocab)
    return _token_ids(raw.get("eos_token_id", default), name, "eos_token_id", vocab)


def _token_ids(value: object, name: str, key: str, vocab: int) -> tuple[int, ...]:
    ids: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    if not all(type(i) is int for i in ids):
        raise unexpected(name, key, "a token id, a list of them or null", value)
    return tuple(dict.fromkeys(i for i in ids if 0 <= i < vocab))


def written_tokens(config: ModelConfig) -> dict[str, Any]:
    """The keys of a file for the tokens that begin and end a text."""
    ends = config.eos
    return {"bos_token_id": config.bos, "eos_token_id": list(ends) if len(ends) > 1 else ends[0] if ends else None}
