"""What a stage should have and do, worked out from the configuration and the settings alone.

It stands beside what was measured. The bytes have their formula in `memory_formula`; here are the counts.

    matrix products  8 for each layer (q, k, v, scores, mixing, out, up, down; 9 with a gate), and 1 for the logits
    FLOPs            2 x rows x numbers of a matrix, for every matrix, and 4 x rows x S x H x d for each layer
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.models.config import ModelConfig
from engine.program import Shape
from engine.settings import Settings


def expected_parameters(config: ModelConfig, settings: Settings) -> int:
    """How many numbers the model has; whole numbers count like others, their scales not."""
    shapes = list(_shapes(config, settings))
    return sum(math.prod(shape) for _, shape in shapes)


def expected_products(config: ModelConfig, settings: Settings) -> int:
    """How many matrix products make one token."""
    gates = 2 if config.family == "llama" else 1
    mlp = (gates + 1) * (1 if settings.low_rank_mlp is None else 2)
    projections = 2 if settings.fuse_qkv or settings.optimize else 4
    return config.layers * (projections + 2 + mlp) + 1


def expected_flops(config: ModelConfig, settings: Settings, tokens: int) -> int:
    """Floating point operations of all matrix products for the last of so many tokens: of one row with a cache, of all
    without."""
    rows = 1 if settings.kv_cache else tokens
    in_blocks = (math.prod(s) for name, s in _shapes(config, settings) if len(s) == 2 and name.startswith("blocks."))
    attention = sum(4 * min(w or tokens, tokens) * config.heads * config.head_size for w in config.windows)
    return rows * (2 * sum(in_blocks) + 2 * config.vocab * config.width + attention)


def _shapes(config: ModelConfig, settings: Settings) -> Iterator[tuple[str, Shape]]:
    """The shape of every weight under the settings; where low rank makes two of one, both under its name."""
    for address, shape in config.parameters().items():
        if address == "unembed.weight" and settings.tie_embeddings:
            continue
        rank = settings.low_rank_mlp
        if rank is None or len(shape) == 1 or ".mlp." not in address:
            yield address, shape
            continue
        kept = min(rank, *shape)
        yield address, (shape[0], kept)
        yield address, (kept, shape[1])
