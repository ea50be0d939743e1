"""How the nonlinear functions pass gradients on: times their slope."""

from __future__ import annotations

import math

import numpy as np

from engine.ops.activation import SQRT_2_OVER_PI, erf
from engine.ops.shapes import per_element, same
from engine.program import Op

Array = np.ndarray


def gelu_tanh_dx_forward(d_out: Array, x: Array, *, out: Array | None = None) -> Array:
    """dy * slope of GELU's tanh form at x: (1 + t)/2 + x (1 - t²)/2 * √(2/π)(1 + 3 * 0.044715 x²), t = tanh(...)."""
    kind = x.dtype.type
    square = x * x
    t = np.tanh(x * (square * kind(0.044715 * SQRT_2_OVER_PI) + kind(SQRT_2_OVER_PI)))
    square *= kind(3 * 0.044715 * SQRT_2_OVER_PI)
    square += kind(SQRT_2_OVER_PI)  # the slope of tanh's argument
    square *= x
    square *= kind(1) - t * t
    square += t
    square += kind(1)
    square *= kind(0.5)
    return np.multiply(d_out, square, out=out)


def gelu_erf_dx_forward(d_out: Array, x: Array, *, out: Array | None = None) -> Array:
    """dy * slope of the exact GELU at x: Φ(x) + x φ(x), with the normal distribution and its density."""
    kind = x.dtype.type
    slope = erf(x * kind(math.sqrt(0.5)))
    slope += kind(1)
    slope *= kind(0.5)
    slope += x * np.exp(x * x * kind(-0.5)) * kind(1 / math.sqrt(2 * math.pi))
    return np.multiply(d_out, slope, out=out)


def relu_dx_forward(d_out: Array, y: Array, *, out: Array | None = None) -> Array:
    """dy where the unit was on, 0 where it was silent; y is the forward result."""
    return np.multiply(d_out, y > 0, out=out)


def silu_dx_forward(d_out: Array, x: Array, *, out: Array | None = None) -> Array:
    """dy * slope of x σ(x): σ (1 + x (1 - σ)), with σ = (1 + tanh(x/2)) / 2."""
    kind = x.dtype.type
    sigmoid = np.tanh(x * kind(0.5))
    sigmoid += kind(1)
    sigmoid *= kind(0.5)
    slope = kind(1) - sigmoid
    slope *= x
    slope += kind(1)
    slope *= sigmoid
    return np.multiply(d_out, slope, out=out)


gelu_tanh_dx = Op(
    "gelu_tanh_dx", "dx = dy GELU'(x)",
    "The error passes as far as the unit was open: times the slope of the curve there.",
    gelu_tanh_dx_forward, same, per_element(15), paper="Hendrycks and Gimpel 2016, GELUs, arXiv:1606.08415",
    alias="inplace=0",
)  # fmt: skip
gelu_erf_dx = Op(
    "gelu_erf_dx", "dx = dy (Φ(x) + x φ(x))",
    "The error passes as far as the unit was open: times the slope of the curve.",
    gelu_erf_dx_forward, same, per_element(60), paper="Hendrycks and Gimpel 2016, GELUs, arXiv:1606.08415",
    alias="inplace=0",
)  # fmt: skip
relu_dx = Op(
    "relu_dx", "dx = dy if y > 0 else 0", "A unit that was on passes the error, a silent one stops it.",
    relu_dx_forward, same, per_element(1), paper="Nair and Hinton 2010, Rectified Linear Units", alias="inplace=0",
)  # fmt: skip
silu_dx = Op(
    "silu_dx", "dx = dy σ(x) (1 + x (1 - σ(x)))",
    "The error passes as far as the gate was open: times the slope there.",
    silu_dx_forward, same, per_element(8), paper="Elfwing et al. 2017, arXiv:1702.03118", alias="inplace=0",
)  # fmt: skip
