"""Kernels of training: many rows of several texts at once, in cache-sized blocks."""

from __future__ import annotations

import math

import numpy as np

from engine.emitter import Emitter, Ref
from engine.kernels import blocks
from engine.kernels.forms import Kernel, is_flat, one_row
from engine.program import Line


def in_blocks(function: object) -> Kernel:
    """A block function of flat arrays: inputs, then the result."""

    def kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
        if one_row(out) or not all(map(is_flat, (*ins, out))):
            return False
        e.call(function, *map(e.flat, ins), e.flat(out))  # type: ignore[arg-type]
        return True

    return kernel


def by_rows(function: object, *settings: str) -> Kernel:
    """A block function of (N, width) arrays: inputs, the result, then settings of the line."""

    def kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
        if one_row(out) or not all(map(is_flat, (*ins, out))):
            return False
        rows = (e.rows(ref, e.width(out)) for ref in (*ins, out))
        e.call(function, *rows, *(e.constant(line.attrs[name]) for name in settings))  # type: ignore[arg-type]
        return True

    return kernel


def linear_dx_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    if not (is_flat(ins[0]) and is_flat(out)):
        return False
    matrix = ins[1].fixed if line.attrs["transposed"] else ins[1].fixed.T  # (out, in)
    e.call(np.matmul, e.rows(ins[0], ins[0].shape[-1]), e.constant(matrix), e.rows(out, out.shape[-1]))
    return True


def linear_dw_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    d, x = ins
    if not (is_flat(d) and is_flat(x)):
        return False
    left, right = (d, x) if line.attrs["transposed"] else (x, d)
    turned = e.view(left, lambda a: a.reshape(-1, a.shape[-1]).T)
    e.call(np.matmul, turned, e.rows(right, right.shape[-1]), e.whole(out))
    return True


def sum_rows_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    if not is_flat(ins[0]):
        return False
    count = math.prod(ins[0].sizes[:-1])
    ones = e.constant(np.ones(count, np.float32))
    e.call(np.matmul, ones, e.rows(ins[0], ins[0].shape[-1]), e.whole(out))
    return True


def cross_entropy_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    logits, targets = ins
    if not is_flat(logits):
        return False
    normalizers = np.empty(math.prod(logits.sizes[:-1]), np.float32)
    e.memo["normalizers", id(logits)] = normalizers
    flat = e.once(f"{e.whole(targets)}.reshape(-1)")
    given = f"{e.rows(logits, logits.shape[-1])}, {flat}, {e.constant(_smoothing(line))}, {e.constant(normalizers)}"
    e.line(f"{e.whole(out)}[()] = {e.constant(blocks.cross_entropy)}({given})")
    return True


def cross_entropy_dx_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    logits, targets = ins
    normalizers = e.memo.get(("normalizers", id(logits)))
    if normalizers is None or not is_flat(out):
        return False
    flat, width = e.once(f"{e.whole(targets)}.reshape(-1)"), logits.shape[-1]
    settings = e.constant(_smoothing(line)), e.constant(normalizers)
    e.call(blocks.cross_entropy_dx, e.rows(logits, width), flat, *settings, e.rows(out, width))
    return True


def _smoothing(line: Line) -> float:
    return float(line.attrs.get("smoothing", 0.0))
