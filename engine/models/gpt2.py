"""GPT-2: learned positions, LayerNorm before each part, GELU, biases everywhere.

Radford et al. 2019, Language Models are Unsupervised Multitask Learners.
"""

from __future__ import annotations

from engine.models.builder import Builder
from engine.models.config import ModelConfig
from engine.models.parts import attend, heads, layer_norm, masks, unembed
from engine.ops.activation import ACTIVATIONS
from engine.ops.embedding import embed
from engine.ops.linear import add, identity
from engine.program import Program


def gpt2(config: ModelConfig) -> Program:
    """tokens (B, T), position_ids (T,) -> logits (B, T, V)."""
    b = Builder("tokens", "position_ids")
    seen = masks(b, config)
    tokens = b("embed", embed, "tokens", b.param("embed.weight"))  # (B, T) -> (B, T, D)
    places = b("positions", embed, "position_ids", b.param("positions.weight"))  # (T,) -> (T, D)
    x = ""
    for i in range(config.layers):
        with b.at(f"blocks.{i}"):
            x = b("resid_pre", identity, x) if i else b("resid_pre", add, tokens, places)
            x = b("resid_mid", add, x, attention(b, config, i, x, seen[i]))
            x = b("resid_post", add, x, mlp(b, config, x))
    return b.program(unembed(b, config, layer_norm(b, "final", x, config.norm_eps)))


def attention(b: Builder, config: ModelConfig, i: int, x: str, seen: str) -> str:
    """What attention writes into the residual stream: (B, T, D) -> (B, T, D)."""
    normed = layer_norm(b, "attn", x, config.norm_eps)
    q, k, v = (
        heads(b, name, normed, config.heads, bias=config.qkv_bias, transposed=False) for name in "qkv"
    )  # 3 x (B, T, D) -> (B, H, T, d)
    merged = attend(b, q, k, v, seen, config.attn_scale[i])
    return b.linear("attn.out", merged, bias=config.out_bias, transposed=False)


def mlp(b: Builder, config: ModelConfig, x: str) -> str:
    """What the MLP writes into the residual stream: (B, T, D) -> (B, T, D)."""
    normed = layer_norm(b, "mlp", x, config.norm_eps)
    pre = b.linear("mlp.pre", normed, weights="mlp.up", bias=config.mlp_bias, transposed=False)  # -> (B, T, F)
    post = b("mlp.post", ACTIVATIONS[config.activation], pre)
    return b.linear("mlp.out", post, weights="mlp.down", bias=config.mlp_bias, transposed=False)  # -> (B, T, D)
