"""Llama 3 and its relatives: rotary positions, RMSNorm, SwiGLU, grouped-query attention.

Mistral adds a sliding window, Qwen2 biases on q, k and v; SmolLM2 is Llama at other sizes. All are in the config.
Touvron et al. 2023, LLaMA, arXiv:2302.13971; Grattafiori et al. 2024, The Llama 3 Herd of Models, arXiv:2407.21783.
"""

from __future__ import annotations

from dataclasses import astuple

from engine.models.builder import Builder
from engine.models.config import ModelConfig
from engine.models.parts import attend, heads, masks, rms_norm, unembed
from engine.ops.activation import ACTIVATIONS
from engine.ops.embedding import embed
from engine.ops.linear import add, identity, multiply
from engine.ops.rope import rope_cos, rope_sin, rotate
from engine.program import Program


def llama(config: ModelConfig) -> Program:
    """tokens (B, T), position_ids (T,) -> logits (B, T, V)."""
    b = Builder("tokens", "position_ids")
    seen = masks(b, config)
    scaling = astuple(config.rope_scaling) if config.rope_scaling else None
    rope = {"head_size": config.head_size, "theta": config.rope_theta, "scaling": scaling}
    cos = b("cos", rope_cos, "position_ids", **rope)  # (T,) -> (T, d/2)
    sin = b("sin", rope_sin, "position_ids", **rope)
    x = b("embed", embed, "tokens", b.param("embed.weight"))  # (B, T) -> (B, T, D)
    for i in range(config.layers):
        with b.at(f"blocks.{i}"):
            x = b("resid_pre", identity, x)
            x = b("resid_mid", add, x, attention(b, config, i, x, seen[i], cos, sin))
            x = b("resid_post", add, x, mlp(b, config, x))
    return b.program(unembed(b, config, rms_norm(b, "final", x, config.norm_eps)))


def attention(b: Builder, config: ModelConfig, i: int, x: str, seen: str, cos: str, sin: str) -> str:
    """What attention writes into the residual stream: (B, T, D) -> (B, T, D)."""
    normed = rms_norm(b, "attn", x, config.norm_eps)
    q = heads(b, "q", normed, config.heads, bias=config.qkv_bias, transposed=True)  # -> (B, H, T, d)
    k = heads(b, "k", normed, config.kv_heads, bias=config.qkv_bias, transposed=True)  # -> (B, G, T, d)
    v = heads(b, "v", normed, config.kv_heads, bias=config.qkv_bias, transposed=True)
    q = b("attn.q_rotated", rotate, q, cos, sin)
    k = b("attn.k_rotated", rotate, k, cos, sin)
    merged = attend(b, q, k, v, seen, config.attn_scale[i])
    return b.linear("attn.out", merged, bias=config.out_bias, transposed=True)


def mlp(b: Builder, config: ModelConfig, x: str) -> str:
    """SwiGLU: one half opens the gates of the other: (B, T, D) -> (B, T, D)."""
    normed = rms_norm(b, "mlp", x, config.norm_eps)
    pre = b.linear("mlp.pre", normed, weights="mlp.gate", bias=config.mlp_bias, transposed=True)  # -> (B, T, F)
    up = b.linear("mlp.up", normed, bias=config.mlp_bias, transposed=True)
    gate = b("mlp.gate", ACTIVATIONS[config.activation], pre)
    post = b("mlp.post", multiply, gate, up)
    return b.linear("mlp.out", post, weights="mlp.down", bias=config.mlp_bias, transposed=True)  # -> (B, T, D)
