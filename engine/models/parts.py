"""What the three architectures share: the middle of attention, the masks, and the way out of the network."""

from __future__ import annotations

from engine.models.builder import Builder
from engine.models.config import ModelConfig
from engine.ops.attention import causal_mask, mask, merge_heads, scores, softmax, split_heads, weighted_sum
from engine.ops.linear import linear, scale
from engine.ops.norm import layer_normalize, rms_normalize, scale_shift


def masks(b: Builder, config: ModelConfig) -> list[str]:
    """One mask per distinct window at the top of the program; returns each layer's."""
    windows = list(dict.fromkeys(config.windows))
    names = ["mask"] + [f"mask.window{w}" if w else "mask.full" for w in windows[1:]]
    made = {
        w: b(name, causal_mask, "position_ids", "position_ids", window=w)
        for w, name in zip(windows, names, strict=True)
    }
    return [made[w] for w in config.windows]


def layer_norm(b: Builder, name: str, x: str, eps: float) -> str:
    """LayerNorm in two lines: `<name>.normalized`, then gain and bias as `<name>.normed`."""
    standard = b(f"{name}.normalized", layer_normalize, x, eps=eps)
    return b(f"{name}.normed", scale_shift, standard, b.param(f"{name}.norm.weight"), b.param(f"{name}.norm.bias"))


def rms_norm(b: Builder, name: str, x: str, eps: float) -> str:
    """RMSNorm in two lines: `<name>.normalized`, then the gain as `<name>.normed`."""
    standard = b(f"{name}.normalized", rms_normalize, x, eps=eps)
    return b(f"{name}.normed", scale_shift, standard, b.param(f"{name}.norm.weight"))


def heads(b: Builder, name: str, x: str, count: int, *, bias: bool, transposed: bool) -> str:
    """Project x and cut it into heads: `attn.<name>`, (B, T, D) -> (B, count, T, d)."""
    rows = b.linear(f"attn.{name}.rows", x, weights=f"attn.{name}", bias=bias, transposed=transposed)
    return b(f"attn.{name}", split_heads, rows, heads=count)


def attend(b: Builder, q: str, k: str, v: str, seen: str, factor: float) -> str:
    """From queries, keys and values to the merged result of all heads: (B, H, T, d) -> (B, T, H*d)."""
    raw = b("attn.scores", scores, q, k)  # (B, H, T, S)
    scaled = b("attn.scaled", scale, raw, factor=factor)
    masked = b("attn.masked", mask, scaled, seen)
    pattern = b("attn.pattern", softmax, masked)
    z = b("attn.z", weighted_sum, pattern, v)  # -> (B, H, T, d)
    return b("attn.merged", merge_heads, z)  # -> (B, T, H*d)


def unembed(b: Builder, config: ModelConfig, x: str) -> str:
    """Scores for every token of the vocabulary, by the embedding's own matrix where the two are tied: -> (B, T, V)."""
    weight = "embed.weight" if config.tied else "unembed.weight"
    return b("logits", linear, x, b.param(weight), transposed=True)
