"""Kernels of matrices, norms, activations and sums."""

from __future__ import annotations

import math

import numpy as np

from engine.emitter import Emitter, Ref
from engine.kernels.forms import Kernel, is_flat, item, number, one_row
from engine.ops import activation, norm
from engine.program import Line
from engine.rewrites.lay_out import THREADED_ELEMENTS


def linear_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    x, weight, *bias = ins
    stored = weight.fixed
    matrix = stored.T if line.attrs["transposed"] else stored  # (in, out)
    if not one_row(out):
        y = e.rows(out, out.shape[-1])
        e.call(np.matmul, e.rows(x, x.shape[-1]), e.constant(matrix), y)
    else:
        row, y = e.flat(x), e.flat(out)
        if matrix.flags.c_contiguous:
            e.call(e.namespace[row].dot, e.constant(matrix), y)
        elif matrix.flags.f_contiguous and matrix.size < THREADED_ELEMENTS:
            e.call(np.vecdot, e.constant(matrix.T), row, y)
        elif matrix.flags.f_contiguous:
            e.call(matrix.T.dot, row, y)
        else:
            e.call(np.matmul, row, e.constant(matrix), y)
    if bias:
        e.call(np.add, y, e.constant(bias[0].fixed), y)
    return True


def flat_kernel(ufunc: np.ufunc) -> Kernel:
    """One call on flat arrays, for element-wise operations on contiguous arrays of one size."""

    def kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
        if not all(is_flat(ref) and math.prod(ref.sizes) == math.prod(out.sizes) for ref in (out, *ins)):
            return False
        e.call(ufunc, *map(e.flat, ins), e.flat(out))
        return True

    return kernel


def scale_shift_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    if not one_row(out):
        return False
    e.call(np.multiply, e.flat(ins[0]), e.flat(ins[1]), e.flat(out))
    if len(ins) > 2:
        e.call(np.add, e.flat(out), e.flat(ins[2]), e.flat(out))
    return True


def normalize_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """Both norms. A single row's one number is computed in Python and handed on in a 0-dimensional array."""
    if not is_flat(ins[0]):
        return False
    width, eps = e.width(out), float(line.attrs["eps"])
    centred = line.op is norm.layer_normalize
    averaging = e.constant(np.full(width, 1 / width, np.float32))
    if one_row(out):
        row, y = e.flat(ins[0]), e.flat(out)
        single = e.constant(np.empty((), np.float32))
        if centred:
            e.call(e.namespace[row].dot, averaging, single)
            e.call(np.subtract, row, single, y)
            row = y
        square = f"{e.constant(e.namespace[row].dot)}({row}).item()"
        e.line(f"{single}[()] = 1.0 / {e.constant(math.sqrt)}({square} * {1 / width!r} + {eps!r})")
        e.call(np.multiply, row, single, y)
        return True
    rows, y = e.rows(ins[0], width), e.rows(out, width)
    column = np.empty(math.prod(out.sizes[:-1]), np.float32)
    flat, tall = e.constant(column), e.constant(column[:, None])
    if centred:
        e.call(e.namespace[rows].dot, averaging, flat)
        e.call(np.subtract, rows, tall, y)
        rows = y
    e.call(np.vecdot, rows, rows, flat)
    e.call(np.multiply, flat, number(e, 1 / width), flat)
    e.call(np.add, flat, number(e, eps), flat)
    e.call(np.sqrt, flat, flat)
    e.call(np.divide, rows, tall, y)
    return True


def gelu_tanh_folded_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """u (1 + tanh(u (u² + b))), with constants as 0-dimensional arrays."""
    if not (is_flat(ins[0]) and is_flat(out)):
        return False
    u, t = e.flat(ins[0]), e.scratch(math.prod(out.sizes))
    e.call(np.multiply, u, u, t)
    e.call(np.add, t, number(e, activation.SQRT_2_OVER_PI / activation.GELU_INNER), t)
    e.call(np.multiply, t, u, t)
    e.call(np.tanh, t, t)
    e.call(np.add, t, number(e, 1), t)
    e.call(np.multiply, t, u, e.flat(out))
    return True


def silu_folded_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """u (1 + tanh(u))."""
    if one_row(out):
        u, t, y = e.flat(ins[0]), e.scratch(e.width(out)), e.flat(out)
    elif out.grows or ins[0].array is None or out.array is None:
        return False
    else:
        u, y = e.constant(ins[0].fixed), e.constant(out.fixed)
        t = e.scratch(math.prod(out.sizes), out.sizes)
    e.call(np.tanh, u, t)
    e.call(np.add, t, number(e, 1), t)
    e.call(np.multiply, t, u, y)
    return True


def embed_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    if not one_row(out):
        return False
    e.line(f"{e.flat(out)}[:] = {e.constant(ins[1].array)}[{item(e, ins[0])}]")
    return True
