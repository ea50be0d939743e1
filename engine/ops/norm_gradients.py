"""How normalization passes gradients on: the parts along the mean and along the result itself are taken out."""

from __future__ import annotations

import numpy as np

from engine.ops.shapes import per_element, same
from engine.program import Op

Array = np.ndarray


def layer_normalize_dx_forward(d_out: Array, y: Array, x: Array, *, eps: float, out: Array | None = None) -> Array:
    """r (dy - mean(dy) - y mean(dy y)), row by row, with r = 1 / sqrt(var(x) + eps).

    d_out, y, x  (..., D); y is the result of the forward line, x its input, read for r alone
    """
    width = x.dtype.type(x.shape[-1])
    variance = _dot(x, x) / width - (x.mean(-1, keepdims=True)) ** 2
    along = _dot(d_out, y) / width
    centred = d_out - d_out.mean(-1, keepdims=True)
    centred -= y * along
    return np.divide(centred, np.sqrt(variance + x.dtype.type(eps)), out=out)


def rms_normalize_dx_forward(d_out: Array, y: Array, x: Array, *, eps: float, out: Array | None = None) -> Array:
    """r (dy - y mean(dy y)), row by row, with r = 1 / sqrt(mean(x²) + eps).

    d_out, y, x  (..., D); y is the result of the forward line, x its input, read for r alone
    """
    width = x.dtype.type(x.shape[-1])
    rest = d_out - y * (_dot(d_out, y) / width)
    return np.divide(rest, np.sqrt(_dot(x, x) / width + x.dtype.type(eps)), out=out)


def _dot(a: Array, b: Array) -> Array:
    """Row by row, keeping the axis: (..., D), (..., D) -> (..., 1)."""
    return np.einsum("...d,...d->...", a, b)[..., None]


layer_normalize_dx = Op(
    "layer_normalize_dx", "dx = (dy - mean(dy) - y mean(dy y)) / √(var(x) + ε)",
    "Shifting or stretching a row changed nothing in the result, so those parts of the error are taken out.",
    layer_normalize_dx_forward, same, per_element(11), paper="Ba et al. 2016, Layer Normalization, arXiv:1607.06450",
    alias="inplace=0",
)  # fmt: skip
rms_normalize_dx = Op(
    "rms_normalize_dx", "dx = (dy - y mean(dy y)) / √(mean(x²) + ε)",
    "Stretching a row changed nothing in the result, so that part of the error is taken out.",
    rms_normalize_dx_forward, same, per_element(8), paper="Zhang and Sennrich 2019, RMSNorm, arXiv:1910.07467",
    alias="inplace=0",
)  # fmt: skip
