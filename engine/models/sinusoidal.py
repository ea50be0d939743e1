"""The textbook decoder: sinusoidal positions, LayerNorm before each part, ReLU, a head size free of the width.

Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762, with normalization moved in front (Xiong et al. 2020,
arXiv:2002.04745). It has no learned positions, so a learner can read every number it adds.
"""

from __future__ import annotations

from engine.models.builder import Builder
from engine.models.config import ModelConfig
from engine.models.gpt2 import attention, mlp
from engine.models.parts import layer_norm, masks, unembed
from engine.ops.embedding import embed, sinusoidal
from engine.ops.linear import add, identity
from engine.program import Program


def sinusoidal_decoder(config: ModelConfig) -> Program:
    """tokens (B, T), position_ids (T,) -> logits (B, T, V)."""
    b = Builder("tokens", "position_ids")
    seen = masks(b, config)
    tokens = b("embed", embed, "tokens", b.param("embed.weight"))  # (B, T) -> (B, T, D)
    places = b("positions", sinusoidal, "position_ids", width=config.width)  # (T,) -> (T, D)
    x = ""
    for i in range(config.layers):
        with b.at(f"blocks.{i}"):
            x = b("resid_pre", identity, x) if i else b("resid_pre", add, tokens, places)
            x = b("resid_mid", add, x, attention(b, config, i, x, seen[i]))
            x = b("resid_post", add, x, mlp(b, config, x))
    return b.program(unembed(b, config, layer_norm(b, "final", x, config.norm_eps)))
