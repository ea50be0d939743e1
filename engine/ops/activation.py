"""The nonlinear functions between the two matrices of an MLP."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from engine.ops.shapes import per_element, same
from engine.program import Op

Array = np.ndarray
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
ERF_LAST, ERF_DEGREE, ERF_PIECE = 4.0, 20, 4096
GELU_INNER = (0.044715 * SQRT_2_OVER_PI) ** (1 / 3)
"""What x is multiplied by beforehand in the folded GELU, so that the cubic inside tanh needs no constant."""


def gelu_tanh_forward(x: Array, *, out: Array | None = None) -> Array:
    """GELU by its tanh approximation, the one GPT-2 was trained with ("gelu_new"). x of any shape."""
    kind = x.dtype.type
    inner = x * x
    inner *= kind(0.044715)
    inner += kind(1)
    inner *= x
    inner *= kind(SQRT_2_OVER_PI)
    np.tanh(inner, out=inner)
    inner += kind(1)
    inner *= kind(0.5)
    return np.multiply(x, inner, out=out)


def gelu_erf_forward(x: Array, *, out: Array | None = None) -> Array:
    """GELU by its definition: x times the chance that a standard normal number is below x. x of any shape."""
    inner = erf(x * x.dtype.type(math.sqrt(0.5)))
    inner += x.dtype.type(1)
    inner *= x.dtype.type(0.5)
    return np.multiply(x, inner, out=out)


def relu_forward(x: Array, *, out: Array | None = None) -> Array:
    """max(x, 0). x of any shape."""
    return np.maximum(x, x.dtype.type(0), out=out)


def silu_forward(x: Array, *, out: Array | None = None) -> Array:
    """x times its logistic sigmoid. x of any shape. A large negative x gives exp = inf and the right limit, -0."""
    kind = x.dtype.type
    with np.errstate(over="ignore"):
        inner = np.exp(-x)
    inner += kind(1)
    return np.divide(x, inner, out=out)


def gelu_tanh_folded_forward(x: Array, *, out: Array | None = None) -> Array:
    """u (1 + tanh(u (u² + b))) of u = x: GELU of x / GELU_INNER, times 2 GELU_INNER. x of any shape."""
    kind = x.dtype.type
    inner = x * x
    inner += kind(SQRT_2_OVER_PI / GELU_INNER)
    inner *= x
    np.tanh(inner, out=inner)
    inner += kind(1)
    return np.multiply(x, inner, out=out)


def silu_folded_forward(x: Array, *, out: Array | None = None) -> Array:
    """u (1 + tanh(u)) of u = x: SiLU of 2x. x of any shape."""
    inner = np.tanh(x)
    inner += x.dtype.type(1)
    return np.multiply(x, inner, out=out)


def erf(x: Array) -> Array:
    """The error function, to the precision of x's type. NumPy has none.

    float32 is what models run in: a polynomial in x² of erf(x) / x, from a Chebyshev series, evaluated in float64 and
    rounded once, a piece at a time so that it stays in the processor's cache; beyond 4, erf is 1 in float32. float64
    is for checking gradients: the math module, number by number.
    """
    if x.dtype != np.float32:
        return np.array([math.erf(v) for v in x.ravel().tolist()], x.dtype).reshape(x.shape)
    result = np.empty(x.shape, np.float32)
    given, flat = x.reshape(-1), result.reshape(-1)
    first, *rest = _erf_polynomial()
    for start in range(0, given.size, ERF_PIECE):
        piece = np.clip(given[start : start + ERF_PIECE], np.float32(-ERF_LAST), np.float32(ERF_LAST), dtype=np.float64)
        t = piece * piece
        t *= 2 / ERF_LAST**2
        t -= 1  # x² in [0, ERF_LAST²] -> t in [-1, 1]
        y = np.full_like(t, first)
        for c in rest:
            y *= t
            y += c
        y *= piece
        flat[start : start + ERF_PIECE] = y
    return result


@cache
def _erf_polynomial() -> tuple[float, ...]:
    """Coefficients in t, the highest power first."""

    def ratio(t: float) -> float:
        x = ERF_LAST * math.sqrt((t + 1) / 2)
        return math.erf(x) / x

    def ratios(ts: Any) -> Any:
        return np.array([ratio(t) for t in ts])

    series = np.polynomial.chebyshev.chebinterpolate(ratios, ERF_DEGREE)
    return tuple(np.polynomial.chebyshev.cheb2poly(series)[::-1].tolist())


gelu_tanh = Op(
    "gelu_tanh", "y = x/2 (1 + tanh(√(2/π)(x + 0.044715 x³)))",
    "Passes large values, stops very negative ones, and bends smoothly between: GPT-2's choice of nonlinearity.",
    gelu_tanh_forward, same, per_element(9), paper="Hendrycks and Gimpel 2016, GELUs, arXiv:1606.08415",
    alias="inplace=0",
)  # fmt: skip
gelu_erf = Op(
    "gelu_erf", "y = x/2 (1 + erf(x/√2))",
    "The exact GELU: x times the probability that a standard normal lies below x.",
    gelu_erf_forward, same, per_element(2 * ERF_DEGREE + 8), paper="Hendrycks and Gimpel 2016, GELUs, arXiv:1606.08415",
    alias="inplace=0",
)  # fmt: skip
relu = Op(
    "relu", "y = max(x, 0)", "Keeps what is positive; a unit is either on or silent.",
    relu_forward, same, per_element(1), paper="Nair and Hinton 2010, Rectified Linear Units", alias="inplace=0",
)  # fmt: skip
silu = Op(
    "silu", "y = x / (1 + exp(-x))", "x times its sigmoid: the gate of Llama's MLP.",
    silu_forward, same, per_element(4), paper="Elfwing et al. 2017, Sigmoid-Weighted Linear Units, arXiv:1702.03118",
    alias="inplace=0",
)  # fmt: skip
gelu_tanh_folded = Op(
    "gelu_tanh_folded", "y = u (1 + tanh(u³ + b u))",
    "GELU with its constants moved into the matrices before and after.",
    gelu_tanh_folded_forward, same, per_element(6), paper="Hendrycks and Gimpel 2016, GELUs, arXiv:1606.08415",
    alias="inplace=0",
)  # fmt: skip
silu_folded = Op(
    "silu_folded", "y = u (1 + tanh(u))", "SiLU of 2u: the half of its tanh form is in the matrix before.",
    silu_folded_forward, same, per_element(3),
    paper="Elfwing et al. 2017, Sigmoid-Weighted Linear Units, arXiv:1702.03118",
    alias="inplace=0",
)  # fmt: skip
ACTIVATIONS = {op.name: op for op in (gelu_tanh, gelu_erf, relu, silu)}
