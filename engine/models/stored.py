"""Which tensors the file of a rewritten model has: parameters that are as they were, and what stands for the others."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.models.config import ModelConfig
from engine.models.config_rewritten import Rewritten
from engine.ops.int8 import NUMBERS, SCALES
from engine.ops.linear import LEFT, RIGHT

Shape = tuple[int, ...]
MATRIX = re.compile(r"blocks\.\d+\.(attn|mlp)\.(q|k|v|out|up|gate|down)\.weight")


class Added(NamedTuple):
    """A tensor that is no parameter of the plain model: its shape, and whether it is of int8."""

    shape: Shape
    is_int8: bool = False


def kept(config: ModelConfig) -> dict[str, Shape]:
    """The parameters that the file has as they are, by address."""
    rewritten = config.rewritten
    if rewritten is None:
        return config.parameters()
    return {a: shape for a, shape in config.parameters().items() if not _instead(a, shape, config, rewritten)}


def added(config: ModelConfig) -> dict[str, Added]:
    """The further tensors, by name."""
    found: dict[str, Added] = {}
    if config.rewritten is not None:
        for address, shape in config.parameters().items():
            found |= _instead(address, shape, config, config.rewritten)
    return found


def factor_names(address: str, rank: int) -> tuple[str, str]:
    """The names of a matrix's two factors."""
    return f"{address}{LEFT}{rank}", f"{address}{RIGHT}{rank}"


def int8_names(name: str) -> tuple[str, str]:
    """The names of a matrix's whole numbers and of their scales."""
    return name + NUMBERS, name + SCALES


def kept_rank(shape: Shape, rank: int) -> int:
    """The rank that a matrix can have: at most its smaller side."""
    return min(rank, *shape)


def is_by_output(address: str, config: ModelConfig) -> bool:
    """Whether the rows of a stored matrix are outputs, as a row of the token table is its token's."""
    return config.out_first or not address.startswith("blocks.")


def part_of(address: str) -> str | None:
    """The part of a model that a matrix belongs to; None for what is never rewritten."""
    if address in ("embed.weight", "unembed.weight"):
        return "embedding"
    match = MATRIX.fullmatch(address)
    return {"attn": "attention", "mlp": "mlp"}[match[1]] if match else None


def _instead(address: str, shape: Shape, config: ModelConfig, rewritten: Rewritten) -> dict[str, Added]:
    """What the file has in place of one parameter; empty if it has the parameter."""
    part = part_of(address)
    if part is None:
        return {}
    by_output = shape if is_by_output(address, config) else shape[::-1]
    matrices = {address: by_output}  # (out, in)
    rank = rewritten.low_rank_mlp
    if part == "mlp" and rank is not None:
        kept = kept_rank(shape, rank)
        left, right = factor_names(address, kept)
        matrices = {left: (kept, by_output[1]), right: (by_output[0], kept)}
    if not rewritten.is_int8(part):
        return {} if address in matrices else {name: Added(size[::-1]) for name, size in matrices.items()}
    found: dict[str, Added] = {}
    for name, size in matrices.items():
        numbers, scales = int8_names(name)
        found |= {numbers: Added(size, True), scales: Added(size[:1])}
    return found
