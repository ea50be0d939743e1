"""The update of the weights, line by line: Adam and AdamW, as the stepped program shows them.

    N = Σ [target >= 0]                 ‖g‖ = √(Σ d²) / N         s = min(1, c / ‖g‖) / N
    g = s d                             Adam without the W adds decay here: g = s d + λ W
    m = β1 m' + (1 - β1) g              v = β2 v' + (1 - β2) g²
    Δ = η (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + ε)
    W = (1 - η λ) W' - Δ                λ is 0 for gains and biases, and for Adam without the W

`engine.training.optimizer` does the same in place and in fewer passes; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.ops.embedding import INT_BYTES
from engine.ops.shapes import FLOAT_BYTES, elements, per_element, same
from engine.program import Cost, Op, Shape

Array = np.ndarray
KINGMA = "Kingma and Ba 2015, Adam, arXiv:1412.6980"


@dataclass(frozen=True)
class AdamSettings:
    """What is fixed during a run. `clip` is the largest allowed norm of the gradient; 0 means no limit."""

    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8
    decay: float = 0.1
    clip: float = 1.0
    decoupled: bool = True  # AdamW


def clip_scale(norm: float, clip: float) -> float:
    """What the gradient is multiplied by so that its norm is at most `clip`; as PyTorch has it.

    Pascanu et al. 2013, On the difficulty of training recurrent neural networks, arXiv:1211.5063.
    """
    return min(1.0, clip / (norm + 1e-6)) if clip else 1.0


def count_targets_forward(targets: Array, *, out: Array | None = None) -> Array:
    """How many tokens were to be foretold: all but the padding, which is negative. (...) -> ()"""
    return _number((targets >= 0).sum(), np.float32, out)


def gradient_norm_forward(count: Array, *gradients: Array, out: Array | None = None) -> Array:
    """The length of the whole gradient per target, over all weights together.

    count      () targets that the gradients are sums over
    gradients  one array per weight, of any shape
    """
    squares = sum(float(np.vdot(d, d)) for d in gradients)
    return _number(math.sqrt(squares) / float(count), gradients[0].dtype, out)


def clip_forward(norm: Array, count: Array, *, limit: float, out: Array | None = None) -> Array:
    """What every gradient is multiplied by: 1 over the number of targets, and less where the norm is above `limit`.

    limit 0 means none. Two () -> ()
    """
    return _number(clip_scale(float(norm), limit) / float(count), norm.dtype, out)


def clip_gradient_forward(d: Array, scale: Array, *, out: Array | None = None) -> Array:
    """The gradient per target, clipped: d times one number, in the weight's shape."""
    return np.multiply(d, scale, out=out)


def decay_gradient_forward(d: Array, scale: Array, weight: Array, *, decay: float, out: Array | None = None) -> Array:
    """The gradient per target, clipped, plus `decay` times the weight, as Adam without the W has it."""
    out = np.multiply(d, scale, out=out)
    out += weight * weight.dtype.type(decay)
    return out


def adam_m_forward(before: Array, g: Array, *, beta1: float, out: Array | None = None) -> Array:
    """The first moment: a running mean of the gradient that forgets a share 1 - beta1 at each update."""
    out = np.multiply(before, g.dtype.type(beta1), out=out)
    out += g * g.dtype.type(1 - beta1)
    return out


def adam_v_forward(before: Array, g: Array, *, beta2: float, out: Array | None = None) -> Array:
    """The second moment: a running mean of the squared gradient."""
    out = np.multiply(before, g.dtype.type(beta2), out=out)
    out += g * g * g.dtype.type(1 - beta2)
    return out


def adam_change_forward(
    m: Array, v: Array, *, rate: float, step: int, beta1: float, beta2: float, eps: float, out: Array | None = None
) -> Array:
    """How far each weight goes: the mean gradient over its own usual size, times the rate.

    m, v   moments after this update; both began at 0, which dividing by 1 - beta^step corrects
    rate   the learning rate of this update       step  its number, from 1
    """
    kind = m.dtype.type
    out = np.multiply(v, kind(1 / (1 - beta2**step)), out=out)
    np.sqrt(out, out=out)
    out += kind(eps)
    np.divide(m, out, out=out)
    out *= kind(rate / (1 - beta1**step))
    return out


def adam_update_forward(
    weight: Array, change: Array, *, rate: float = 0.0, decay: float = 0.0, out: Array | None = None
) -> Array:
    """The new weight: the old one, shrunk by rate * decay if it is a matrix, less the change."""
    return np.subtract(weight * weight.dtype.type(1 - rate * decay), change, out=out)


def count_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    return Cost(elements(ins[0]), INT_BYTES * elements(ins[0]), FLOAT_BYTES)


def norm_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """A multiplication and an addition for each number read."""
    read = sum(map(elements, ins))
    return Cost(2 * read, FLOAT_BYTES * read, FLOAT_BYTES)


def _number(value: float, dtype: Any, out: Array | None) -> Array:
    """A 0-dimensional array."""
    if out is None:
        return np.asarray(value, dtype)
    out[...] = value
    return out


count_targets = Op(
    "count_targets", "N = Σ [target >= 0]",
    "Loss and gradients are sums; they are divided once, by the number of tokens that were to be foretold.",
    count_targets_forward, lambda targets: (), count_cost,
)  # fmt: skip
gradient_norm = Op(
    "gradient_norm", "‖g‖ = √(Σ d²) / N",
    "How long the whole gradient is, over all weights: the first thing to grow when training fails.",
    gradient_norm_forward, lambda *shapes: (), norm_cost,
)  # fmt: skip
clip = Op(
    "clip", "s = min(1, c / (‖g‖ + 1e-6)) / N",
    "One number for all weights: a gradient longer than c is made as long as c, in the same direction.",
    clip_forward, lambda *shapes, limit: (), per_element(4),
    paper="Pascanu et al. 2013, On the difficulty of training recurrent neural networks, arXiv:1211.5063",
)  # fmt: skip
clip_gradient = Op(
    "clip_gradient", "g = s d", "The gradient per target, clipped: what the moments are made of.",
    clip_gradient_forward, same, per_element(1),
)  # fmt: skip
decay_gradient = Op(
    "decay_gradient", "g = s d + λ W", "The gradient per target, clipped, and a pull towards 0, as Adam had it first.",
    decay_gradient_forward, lambda d, *_, decay: d, per_element(3), paper=KINGMA,
)  # fmt: skip
adam_m = Op(
    "adam_m", "m = β1 m' + (1 - β1) g",
    "Where the gradient has pointed lately: what differs from batch to batch cancels, what stays adds up.",
    adam_m_forward, lambda before, g, beta1: g, per_element(3), paper=KINGMA,
)  # fmt: skip
adam_v = Op(
    "adam_v", "v = β2 v' + (1 - β2) g²",
    "How large the gradient of each single weight has been lately, whatever its sign.",
    adam_v_forward, lambda before, g, beta2: g, per_element(4), paper=KINGMA,
)  # fmt: skip
adam_change = Op(
    "adam_change", "Δ = η (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + ε)",
    "Each weight's own step: about the rate η where the gradient keeps its sign, little where it does not.",
    adam_change_forward, lambda m, v, **_: m, per_element(6), paper=KINGMA,
)  # fmt: skip
adam_update = Op(
    "adam_update", "W = (1 - η λ) W' - Δ",
    "The weights after the update. Matrices also shrink a little (λ), so that only what is used stays large.",
    adam_update_forward, lambda weight, change, rate=0.0, decay=0.0: weight, per_element(2),
    paper="Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv:1711.05101",
)  # fmt: skip
