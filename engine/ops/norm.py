"""Normalization, cut in two: `normalize` makes each row standard, `scale_shift` applies the learned gain and bias."""

from __future__ import annotations

import numpy as np

from engine.ops.shapes import broadcast, per_element, same
from engine.program import Op

Array = np.ndarray


def layer_normalize_forward(x: Array, *, eps: float, out: Array | None = None) -> Array:
    """Shift and stretch each row to mean 0 and variance 1.

    x        (..., D)
    returns  (x - mean) / sqrt(variance + eps), row by row; the variance is that of the population (divided by D)

    The gradient needs the result and one number per row, 1 / sqrt(variance + eps).
    """
    out = np.subtract(x, x.mean(-1, keepdims=True), out=out)
    variance = np.einsum("...d,...d->...", out, out)[..., None] / x.dtype.type(x.shape[-1])
    return np.divide(out, np.sqrt(variance + x.dtype.type(eps)), out=out)


def rms_normalize_forward(x: Array, *, eps: float, out: Array | None = None) -> Array:
    """Stretch each row to a root mean square of 1, without moving its mean.

    x        (..., D)
    returns  x / sqrt(mean(x**2) + eps), row by row
    """
    mean_square = np.einsum("...d,...d->...", x, x)[..., None] / x.dtype.type(x.shape[-1])
    return np.divide(x, np.sqrt(mean_square + x.dtype.type(eps)), out=out)


def scale_shift_forward(x: Array, gain: Array, bias: Array | None = None, *, out: Array | None = None) -> Array:
    """x * gain + bias, with one gain and one bias per channel: gain and bias (D,), x (..., D)."""
    out = np.multiply(x, gain, out=out)
    return out if bias is None else np.add(out, bias, out=out)


layer_normalize = Op(
    "layer_normalize", "y = (x - mean(x)) / √(var(x) + ε)",
    "Each token's vector is centred and brought to unit variance, so that the next matrix always sees the same spread.",
    layer_normalize_forward, same, per_element(6), paper="Ba et al. 2016, Layer Normalization, arXiv:1607.06450",
    alias="inplace=0",
)  # fmt: skip
rms_normalize = Op(
    "rms_normalize", "y = x / √(mean(x²) + ε)",
    "Each token's vector is brought to unit root mean square; its mean is left alone, which saves a pass.",
    rms_normalize_forward, same, per_element(4), paper="Zhang and Sennrich 2019, RMSNorm, arXiv:1910.07467",
    alias="inplace=0",
)  # fmt: skip
scale_shift = Op(
    "scale_shift", "y = g * x + b", "A learned gain (and bias) per channel gives back the freedom normalization took.",
    scale_shift_forward, broadcast, per_element(2), paper="Ba et al. 2016, Layer Normalization, arXiv:1607.06450",
    alias="inplace=0",
)  # fmt: skip
