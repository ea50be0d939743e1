"""What a model is, apart from its weights: one frozen record for every family, read from Hugging Face's config.json.

`read_config` either understands everything that changes the mathematics or refuses, in one line; `to_json` writes
the record back so that `transformers` opens it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from engine.files import refused
from engine.models.config_keys import as_object, unexpected
from engine.models.config_rewritten import SECTION, Rewritten, read_rewritten

MOST_PARAMETERS = 10**12


@dataclass(frozen=True)
class Llama3Scaling:
    """How Llama 3.1 stretches slow rotations to reach a longer context than it was first trained on."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int


@dataclass(frozen=True)
class ModelConfig:
    """The sizes and choices of one model."""

    family: str  # which builder: "gpt2", "llama" or "sinusoidal"
    model_type: str  # as in the file: gpt2, llama, mistral, qwen2, sinusoidal
    layers: int
    width: int  # D
    heads: int  # H
    kv_heads: int  # G
    head_size: int  # d
    hidden: int  # F
    vocab: int  # V
    context: int
    activation: str  # gelu_tanh, gelu_erf, relu or silu
    norm_eps: float
    tied: bool  # the logits read the embedding
    attn_scale: tuple[float, ...]  # what the scores are multiplied by, per layer
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    norm_bias: bool
    windows: tuple[int | None, ...]  # keys a token may see, itself included, per layer; None: all before it
    rope_theta: float | None
    rope_scaling: Llama3Scaling | None
    bos: int | None
    eos: tuple[int, ...]
    ignored: tuple[str, ...] = ()  # keys of the file that were not understood and do not matter
    rewritten: Rewritten | None = None  # what was done to the matrices before the model was saved

    @property
    def out_first(self) -> bool:
        """Whether the matrices are stored (out, in), as Llama's are, rather than (in, out)."""
        return self.family == "llama"

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Every parameter by our address, with its shape as it is stored in the file."""
        shapes: dict[str, tuple[int, ...]] = {"embed.weight": (self.vocab, self.width)}
        if self.family == "gpt2":
            shapes["positions.weight"] = (self.context, self.width)
        for layer in range(self.layers):
            shapes.update(self._block(f"blocks.{layer}."))
        shapes.update(self._norm("final.norm"))
        if not self.tied:
            shapes["unembed.weight"] = (self.vocab, self.width)
        return shapes

    def parameter_count(self) -> int:
        """How many numbers the model has; a tied embedding counts once."""
        return sum(math.prod(shape) for shape in self.parameters().values())

    def to_json(self) -> dict[str, Any]:
        """The Hugging Face configuration of this model."""
        from engine.models.config_families import MODEL_TYPES

        section = {SECTION: self.rewritten.to_json()} if self.rewritten else {}
        return MODEL_TYPES[self.model_type].write(self) | section

    def _block(self, block: str) -> dict[str, tuple[int, ...]]:
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        shapes = self._norm(block + "attn.norm")
        shapes |= self._linear(block + "attn.q", self.width, queries, self.qkv_bias)
        shapes |= self._linear(block + "attn.k", self.width, keys, self.qkv_bias)
        shapes |= self._linear(block + "attn.v", self.width, keys, self.qkv_bias)
        shapes |= self._linear(block + "attn.out", queries, self.width, self.out_bias)
        shapes |= self._norm(block + "mlp.norm")
        shapes |= self._linear(block + "mlp.up", self.width, self.hidden, self.mlp_bias)
        if self.family == "llama":
            shapes |= self._linear(block + "mlp.gate", self.width, self.hidden, self.mlp_bias)
        return shapes | self._linear(block + "mlp.down", self.hidden, self.width, self.mlp_bias)

    def _linear(self, address: str, n_in: int, n_out: int, bias: bool) -> dict[str, tuple[int, ...]]:
        weight = (n_out, n_in) if self.out_first else (n_in, n_out)
        return {address + ".weight": weight} | ({address + ".bias": (n_out,)} if bias else {})

    def _norm(self, address: str) -> dict[str, tuple[int, ...]]:
        names = (".weight", ".bias") if self.norm_bias else (".weight",)
        return {address + name: (self.width,) for name in names}


def read_config(raw: object, name: str = "config.json", generation: object = None) -> ModelConfig:
    """The model that a configuration describes.

    raw         the value of config.json, old style (`rope_theta`, `torch_dtype`) or new (`rope_parameters`, `dtype`)
    name        the file, for messages
    generation  the value of generation_config.json if there is one; its end tokens win

    Raises FileError for a missing or impossible value and for every key that would change the mathematics in a way
    that we do not know.
    """
    from engine.models.config_common import check_meaning
    from engine.models.config_families import MODEL_TYPES

    found = as_object(raw, name)
    model_type = found.get("model_type")
    if not isinstance(model_type, str) or model_type not in MODEL_TYPES:
        raise unexpected(name, "model_type", "one of " + ", ".join(MODEL_TYPES), model_type)
    check_meaning(found, name)
    config = MODEL_TYPES[model_type].read(found, name, generation)
    config = replace(config, rewritten=read_rewritten(found, name))
    if (count := config.parameter_count()) > MOST_PARAMETERS:
        raise refused(name, f"expected at most {MOST_PARAMETERS:,} parameters, got sizes that make {count:,}")
    return config
