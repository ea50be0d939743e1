"""Our three architectures again, as their papers write them, on `engine.autograd`.

Nothing here knows programs, lines, operations or builders: only the configuration and the names and layouts of the
weights are shared. It is slow and plain on purpose, and is what hand-derived gradients are compared with:

    loss, d = gradients(config, weights, tokens, targets)

Sizes: B texts, T tokens, D width, H heads of d numbers on G key heads, F hidden units, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from engine.autograd import (
    Tensor,
    concatenate,
    cross_entropy,
    embedding,
    exp,
    layer_norm,
    relu,
    softmax,
    sqrt,
    tanh,
)
from engine.models.config import Llama3Scaling, ModelConfig

Array = np.ndarray
Parameters = Mapping[str, Tensor]
Rotation = tuple[Array, Array] | None


def gradients(
    config: ModelConfig, weights: Mapping[str, Array], tokens: Array, targets: Array, dtype: type = np.float64
) -> tuple[float, dict[str, Array]]:
    """The summed loss of a batch in nats, and its gradient by every address of `config.parameters()`.

    weights  at least `config.parameters()`, in the layout of the files; they are copied to `dtype`, never written to
    tokens   (B, T) integers; positions are 0 to T-1
    targets  (B, T) integers; negative: padding. The loss and the gradients are sums, not divided by their number
    """
    parameters = {address: Tensor(np.array(weights[address], dtype)) for address in config.parameters()}
    total = loss(config, parameters, tokens, targets)
    total.backward()
    zeros = {address: np.zeros_like(p.data) for address, p in parameters.items()}
    return float(total.data), {a: zeros[a] if p.grad is None else p.grad for a, p in parameters.items()}


def loss(config: ModelConfig, parameters: Parameters, tokens: Array, targets: Array) -> Tensor:
    """-log p of every target that is not negative, summed: a single number."""
    return cross_entropy(logits(config, parameters, tokens), targets)


def logits(config: ModelConfig, parameters: Parameters, tokens: Array) -> Tensor:
    """A score for each token of the vocabulary at every place: (B, T) -> (B, T, V)."""
    family = {"gpt2": gpt2, "llama": llama, "sinusoidal": sinusoidal}[config.family]
    x = family(config, parameters, tokens)
    return x @ parameters["embed.weight" if config.tied else "unembed.weight"].transpose()


def gpt2(config: ModelConfig, p: Parameters, tokens: Array) -> Tensor:
    """Radford et al. 2019: learned positions, then blocks with LayerNorm in front of either part."""
    x = embedding(p["embed.weight"], tokens) + p["positions.weight"][: tokens.shape[1]]
    return _layer_norm_blocks(config, p, x)


def sinusoidal(config: ModelConfig, p: Parameters, tokens: Array) -> Tensor:
    """Vaswani et al. 2017: position t has sin(t w_i) in channel 2i and cos(t w_i) in 2i+1, w_i = 10000^(-2i/D)."""
    code = np.zeros((tokens.shape[1], config.width), np.float32)  # as exact as the engine's table
    for t in range(tokens.shape[1]):
        for c in range(config.width):
            angle = t / 10000 ** ((c - c % 2) / config.width)
            code[t, c] = math.cos(angle) if c % 2 else math.sin(angle)
    return _layer_norm_blocks(config, p, embedding(p["embed.weight"], tokens) + code)


def llama(config: ModelConfig, p: Parameters, tokens: Array) -> Tensor:
    """Touvron et al. 2023: RMSNorm, rotated queries and keys, a gated MLP."""
    rotation = rotary(config, tokens.shape[1])
    x = embedding(p["embed.weight"], tokens)
    for i in range(config.layers):
        block = f"blocks.{i}."
        x = x + attention(config, p, i, rms_norm(config, p, block + "attn.norm", x), rotation)
        h = rms_norm(config, p, block + "mlp.norm", x)
        gate = ACTIVATIONS[config.activation](linear(config, p, block + "mlp.gate", h))
        x = x + linear(config, p, block + "mlp.down", gate * linear(config, p, block + "mlp.up", h))
    return rms_norm(config, p, "final.norm", x)


def _layer_norm_blocks(config: ModelConfig, p: Parameters, x: Tensor) -> Tensor:
    def normed(name: str, x: Tensor) -> Tensor:
        return layer_norm(x, p[name + ".weight"], p[name + ".bias"], config.norm_eps)

    for i in range(config.layers):
        block = f"blocks.{i}."
        x = x + attention(config, p, i, normed(block + "attn.norm", x))
        h = linear(config, p, block + "mlp.up", normed(block + "mlp.norm", x))
        x = x + linear(config, p, block + "mlp.down", ACTIVATIONS[config.activation](h))
    return normed("final.norm", x)


def attention(config: ModelConfig, p: Parameters, i: int, x: Tensor, rotation: Rotation = None) -> Tensor:
    """Head by head: (B, T, D) -> (B, T, D). Query head h looks at key head h // (H / G)."""
    place, length, size = f"blocks.{i}.attn.", x.shape[1], config.head_size
    q, k, v = (linear(config, p, place + name, x) for name in "qkv")
    unseen = np.where(visible(length, config.windows[i]), 0.0, -np.inf)
    results = []
    for head in range(config.heads):
        group = head * config.kv_heads // config.heads
        query = rotate(q[..., head * size : (head + 1) * size], rotation)  # (B, T, d)
        key = rotate(k[..., group * size : (group + 1) * size], rotation)
        scores = query @ key.transpose(0, 2, 1) * config.attn_scale[i] + unseen  # -> (B, T, T)
        results.append(softmax(scores) @ v[..., group * size : (group + 1) * size])
    return linear(config, p, place + "out", concatenate(results))


def visible(length: int, window: int | None) -> Array:
    """[t, s]: whether the token at t may look at the one at s."""
    reach = length if window is None else window
    return np.array([[t - reach < s <= t for s in range(length)] for t in range(length)])


def linear(config: ModelConfig, p: Parameters, name: str, x: Tensor) -> Tensor:
    weight = p[name + ".weight"].transpose() if config.family == "llama" else p[name + ".weight"]  # -> (in, out)
    return x @ weight + p[name + ".bias"] if name + ".bias" in p else x @ weight


def rms_norm(config: ModelConfig, p: Parameters, name: str, x: Tensor) -> Tensor:
    return x / sqrt((x**2).mean(-1, keepdims=True) + config.norm_eps) * p[name + ".weight"]


def rotary(config: ModelConfig, length: int) -> Rotation:
    """cos and sin, each (T, d/2), of position * theta^(-2i/d). In float32 all along, as the models were trained."""
    exponents = np.arange(0, config.head_size, 2, dtype=np.float32) / np.float32(config.head_size)
    frequencies = np.float32(1) / np.float32(config.rope_theta or 0) ** exponents
    if config.rope_scaling:
        frequencies = slowed(frequencies, config.rope_scaling)
    angles = np.arange(length, dtype=np.float32)[:, None] * frequencies
    return np.cos(angles), np.sin(angles)


def slowed(frequencies: Array, scaling: Llama3Scaling) -> Array:
    """Llama 3.1: waves longer than context / low turn `factor` times slower, short ones as before, between: a blend."""
    turns = np.float32(scaling.original_context) / (np.float32(2 * math.pi) / frequencies)
    low, high = np.float32(scaling.low_freq_factor), np.float32(scaling.high_freq_factor)
    slow, share = frequencies / np.float32(scaling.factor), (turns - low) / (high - low)
    blend = (1 - share) * frequencies / np.float32(scaling.factor) + share * frequencies
    return np.where(turns < low, slow, np.where(turns > high, frequencies, blend))


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Su et al. 2021: channel i and channel i + d/2 are a point in the plane, turned by its position's angle."""
    if rotation is None:
        return x
    (c, s), half = rotation, x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return concatenate([a * c - b * s, a * s + b * c])


def gelu_tanh(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_erf(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def silu(x: Tensor) -> Tensor:
    return x / (1 + exp(-x))


def erf(x: Tensor) -> Tensor:
    """A function the library lacks takes two lines: its value, and its derivative 2/sqrt(pi) exp(-x²)."""
    value = np.vectorize(math.erf, otypes=[x.data.dtype])(x.data)
    return Tensor(value, (x,), lambda d: (d * (2 / math.sqrt(math.pi)) * np.exp(-(x.data**2)),))


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_tanh": gelu_tanh,
    "gelu_erf": gelu_erf,
    "relu": relu,
    "silu": silu,
}
