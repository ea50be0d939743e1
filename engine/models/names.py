"""Where each of our parameters lies in a Hugging Face file: one table per family, and GPT-2's fused matrices.

A file may name its tensors with the prefix of the full model (`transformer.wte.weight`) or without (`wte.weight`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.models.config import ModelConfig
from engine.models.stored import kept

PREFIXES = {"gpt2": "transformer.", "llama": "model.", "sinusoidal": ""}
HEAD = "lm_head.weight"  # outside of the prefix, and not there when tied

GPT2 = {
    "embed": "wte",
    "positions": "wpe",
    "attn.norm": "h.{i}.ln_1",
    "attn.q": "h.{i}.attn.c_attn",
    "attn.k": "h.{i}.attn.c_attn",
    "attn.v": "h.{i}.attn.c_attn",
    "attn.out": "h.{i}.attn.c_proj",
    "mlp.norm": "h.{i}.ln_2",
    "mlp.up": "h.{i}.mlp.c_fc",
    "mlp.down": "h.{i}.mlp.c_proj",
    "final.norm": "ln_f",
    "unembed": "lm_head",
}
LLAMA = {
    "embed": "embed_tokens",
    "attn.norm": "layers.{i}.input_layernorm",
    "attn.q": "layers.{i}.self_attn.q_proj",
    "attn.k": "layers.{i}.self_attn.k_proj",
    "attn.v": "layers.{i}.self_attn.v_proj",
    "attn.out": "layers.{i}.self_attn.o_proj",
    "mlp.norm": "layers.{i}.post_attention_layernorm",
    "mlp.gate": "layers.{i}.mlp.gate_proj",
    "mlp.up": "layers.{i}.mlp.up_proj",
    "mlp.down": "layers.{i}.mlp.down_proj",
    "final.norm": "norm",
    "unembed": "lm_head",
}
TABLES = {"gpt2": GPT2, "llama": LLAMA}
FUSED = {"gpt2": ("attn.q", "attn.k", "attn.v")}  # side by side in one matrix, in this order

# constants that older files carry along; they are computed here
BUFFERS = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)|(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq")
ADDRESS = re.compile(r"(?:blocks\.(\d+)\.)?(.+)\.(weight|bias)")


@dataclass(frozen=True)
class Place:
    """A tensor of a file, and which of its columns are meant: None for all, else (first, one past the last)."""

    tensor: str  # without the family's prefix
    columns: tuple[int, int] | None = None


def places(config: ModelConfig) -> dict[str, Place]:
    """For the address of each parameter that the file has as it is, where it has it."""
    found = {}
    for address, shape in kept(config).items():
        tensor, part = _tensor(config.family, address)
        columns = None if part is None else (part * shape[-1], (part + 1) * shape[-1])
        found[address] = Place(tensor, columns)
    return found


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The tensors a file of this model must have, without prefix, in the order in which we write them."""
    shapes: dict[str, tuple[int, ...]] = {}
    for address, shape in kept(config).items():
        tensor, part = _tensor(config.family, address)
        shapes[tensor] = (*shape[:-1], shape[-1] * ((part or 0) + 1))  # the last part of a fused matrix sets its width
    return shapes


def without_prefix(family: str, name: str) -> str:
    """A tensor's name as our tables have it."""
    return name.removeprefix(PREFIXES[family])


def with_prefix(family: str, tensor: str) -> str:
    """A tensor's name as the full model's file has it."""
    return tensor if tensor == HEAD else PREFIXES[family] + tensor


def is_buffer(family: str, tensor: str) -> bool:
    """Whether a tensor is a constant that may be in a file but is no parameter."""
    return family in TABLES and BUFFERS.fullmatch(tensor) is not None


def parts(family: str, addresses: Iterable[str]) -> dict[str, list[str]]:
    """For each tensor of a file, the addresses whose arrays it holds side by side."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        found.setdefault(_tensor(family, address)[0], []).append(address)
    return found


def _tensor(family: str, address: str) -> tuple[str, int | None]:
    """The name, without prefix, of the tensor with this parameter, and which part of it if it is a fused one."""
    if family not in TABLES:
        return address, None
    match = ADDRESS.fullmatch(address)
    assert match, address
    layer, module, kind = match.groups()
    fused = FUSED.get(family, ())
    return f"{TABLES[family][module].format(i=layer)}.{kind}", fused.index(module) if module in fused else None
