"""Rotary positions: a query and a key are turned by angles that depend on where they stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, elements, per_element, require
from engine.program import Cost, Op, Shape

Array = np.ndarray


def frequencies(head_size: int, theta: float, scaling: tuple[float, float, float, int] | None = None) -> Array:
    """Radians per position for each of the d/2 channel pairs, float32: theta**(-2i/d).

    `scaling` is Llama 3's (factor, low_freq_factor, high_freq_factor, original context): waves longer than
    original / low are slowed by `factor`, those shorter than original / high stay, between them it is blended.
    Computed in float32 in the order of the reference implementation, so that angles agree far out as well.
    """
    exponents = np.arange(0, head_size, 2, dtype=np.float32) / np.float32(head_size)
    frequency = np.float32(1) / np.float32(theta) ** exponents
    if scaling is None:
        return frequency
    factor, low, high, original = scaling
    waves = np.float32(original) / (np.float32(2 * math.pi) / frequency)  # how many turns fit in the original context
    blend = np.clip((waves - np.float32(low)) / np.float32(high - low), 0, 1)
    return ((1 - blend) * frequency / np.float32(factor) + blend * frequency).astype(np.float32)


def rope_cos_forward(position_ids: Array, *, out: Array | None = None, **rope: Any) -> Array:
    """cos of position * frequency: (T,) -> (T, d/2)."""
    return np.cos(_angles(position_ids, **rope), out=out)


def rope_sin_forward(position_ids: Array, *, out: Array | None = None, **rope: Any) -> Array:
    """sin of position * frequency: (T,) -> (T, d/2)."""
    return np.sin(_angles(position_ids, **rope), out=out)


def _angles(position_ids: Array, *, head_size: int, theta: float, scaling: Any = None) -> Array:
    return position_ids.astype(np.float32)[:, None] * frequencies(head_size, theta, scaling)


def rotate_forward(x: Array, cos: Array, sin: Array, *, out: Array | None = None) -> Array:
    """Rotate each pair of channels by an angle proportional to its token's position.

    x          (B, H, T, d) queries or keys; d even; channel i is paired with channel i + d/2
    cos, sin   (T, d/2) of position * theta**(-2i/d), radians
    returns    (B, H, T, d), same norm as x

    Saves nothing: the gradient is the rotation by the opposite angle.
    Raises ShapeError if d is odd.
    """
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    out = np.empty(x.shape, x.dtype) if out is None else out
    np.subtract(a * cos, b * sin, out=out[..., :half])
    np.add(a * sin, b * cos, out=out[..., half:])
    return out


def rotate_shape(x: Shape, cos: Shape, sin: Shape) -> Shape:
    require(x[-1] % 2 == 0, f"rotary positions need an even head size, got {x[-1]}")
    require(cos[-1] == x[-1] // 2, f"{cos[-1]} angles do not fit heads of {x[-1]}")
    return x


def table_shape(position_ids: Shape, *, head_size: int, **_: Any) -> Shape:
    return (*position_ids, head_size // 2)


def rotate_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    return Cost(3 * elements(out), FLOAT_BYTES * sum(map(elements, ins)), FLOAT_BYTES * elements(out))


PAPER = "Su et al. 2021, RoFormer, arXiv:2104.09864"
rope_cos = Op(
    "rope_cos", "c[p,i] = cos(p θ^(-2i/d))", "The cosine of every position's angle, one per channel pair.",
    rope_cos_forward, table_shape, per_element(2), paper=PAPER,
)  # fmt: skip
rope_sin = Op(
    "rope_sin", "s[p,i] = sin(p θ^(-2i/d))", "The sine of every position's angle, one per channel pair.",
    rope_sin_forward, table_shape, per_element(2), paper=PAPER,
)  # fmt: skip
rotate = Op(
    "rotate", "(a, b) -> (a c - b s, a s + b c)",
    "Turns each channel pair by its position's angle: a dot product then depends on the distance of two tokens only.",
    rotate_forward, rotate_shape, rotate_cost, paper=PAPER,
)  # fmt: skip
