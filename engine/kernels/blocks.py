"""Chains of element-wise calls over many rows, a cache-sized block at a time.

A chain over a whole array reads and writes main memory once per call; in blocks it does so once per chain. Each
function works on contiguous float32 arrays and allocates nothing but a block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.ops.activation import SQRT_2_OVER_PI
from engine.ops.attend import exp_or_zero

Array = np.ndarray
BLOCK = 1 << 14  # floats: 64 KiB, so that a chain's three arrays stay in the second-level cache
A, B = np.float32(SQRT_2_OVER_PI), np.float32(0.044715 * SQRT_2_OVER_PI)
ONE, HALF = np.float32(1), np.float32(0.5)


def pieces(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Matching blocks of flat arrays."""
    for first in range(0, arrays[0].size, BLOCK):
        yield tuple(array[first : first + BLOCK] for array in arrays)


def row_pieces(width: int, *arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Matching blocks of whole rows of (N, width) arrays and (N,) columns."""
    count = max(1, BLOCK // width)
    for first in range(0, len(arrays[0]), count):
        yield tuple(array[first : first + count] for array in arrays)


def gelu_tanh(x: Array, out: Array) -> None:
    """x/2 (1 + tanh(x (a + b x²)))."""
    space = np.empty(BLOCK, np.float32)
    for u, y in pieces(x, out):
        t = space[: u.size]
        np.multiply(u, u, t)
        np.multiply(t, B, t)
        np.add(t, A, t)
        np.multiply(t, u, t)
        np.tanh(t, t)
        np.add(t, ONE, t)
        np.multiply(t, HALF, t)
        np.multiply(t, u, y)


def gelu_tanh_dx(d: Array, x: Array, out: Array) -> None:
    """d times (1 + t)/2 + x (1 - t²)/2 (a + 3 b x²), t = tanh(x (a + b x²))."""
    space = np.empty((3, BLOCK), np.float32)
    for g, u, y in pieces(d, x, out):
        s, t, rest = space[:, : u.size]
        np.multiply(u, u, s)
        np.multiply(s, B, s)
        np.add(s, A, t)
        np.multiply(t, u, t)
        np.tanh(t, t)
        np.multiply(s, np.float32(3), s)
        np.add(s, A, s)
        np.multiply(s, u, s)
        np.multiply(t, t, rest)
        np.subtract(ONE, rest, rest)
        np.multiply(s, rest, s)
        np.add(s, t, s)
        np.add(s, ONE, s)
        np.multiply(s, HALF, s)
        np.multiply(s, g, y)


def silu(x: Array, out: Array) -> None:
    """x (1 + tanh(x/2)) / 2."""
    space = np.empty(BLOCK, np.float32)
    for u, y in pieces(x, out):
        t = space[: u.size]
        np.multiply(u, HALF, t)
        np.tanh(t, t)
        np.add(t, ONE, t)
        np.multiply(t, HALF, t)
        np.multiply(t, u, y)


def silu_dx(d: Array, x: Array, out: Array) -> None:
    """d σ (1 + x (1 - σ)), σ = (1 + tanh(x/2)) / 2."""
    first, second = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for g, u, y in pieces(d, x, out):
        s, t = first[: u.size], second[: u.size]
        np.multiply(u, HALF, s)
        np.tanh(s, s)
        np.add(s, ONE, s)
        np.multiply(s, HALF, s)
        np.subtract(ONE, s, t)
        np.multiply(t, u, t)
        np.add(t, ONE, t)
        np.multiply(t, s, t)
        np.multiply(t, g, y)


def softmax(x: Array, out: Array) -> None:
    """Each row of (N, S) to shares."""
    ones, column = np.ones(x.shape[1], np.float32), np.empty(len(x), np.float32)
    for u, y, c in row_pieces(x.shape[1], x, out, column):
        np.maximum.reduce(u, axis=1, out=c)
        np.subtract(u, c[:, None], y)
        exp_or_zero(y, y)
        y.dot(ones, c)
        np.divide(ONE, c, c)
        np.multiply(y, c[:, None], y)


def softmax_dx(d: Array, p: Array, out: Array) -> None:
    """p (d - Σ d p) for each row of (N, S)."""
    column = np.empty(len(p), np.float32)
    for g, q, y, c in row_pieces(p.shape[1], d, p, out, column):
        np.vecdot(g, q, c)
        np.subtract(g, c[:, None], y)
        np.multiply(y, q, y)


def layer_normalize_dx(d: Array, y: Array, x: Array, out: Array, eps: float) -> None:
    """r (d - mean(d) - y mean(d y)) for each row of (N, D)."""
    width = x.shape[1]
    averaging = np.full(width, 1 / width, np.float32)
    space = np.empty((max(1, BLOCK // width), width), np.float32)
    for g, z, u, o in row_pieces(width, d, y, x, out):
        s = space[: len(g)]
        mean = u.dot(averaging)
        root = np.sqrt(np.vecdot(u, u) * np.float32(1 / width) - mean * mean + np.float32(eps))
        along = np.vecdot(g, z) * np.float32(1 / width)
        np.multiply(z, along[:, None], s)
        np.add(s, g.dot(averaging)[:, None], s)
        np.subtract(g, s, s)
        np.divide(s, root[:, None], o)


def rms_normalize_dx(d: Array, y: Array, x: Array, out: Array, eps: float) -> None:
    """r (d - y mean(d y)) for each row of (N, D)."""
    width = np.float32(x.shape[1])
    space = np.empty((max(1, BLOCK // x.shape[1]), x.shape[1]), np.float32)
    for g, z, u, o in row_pieces(x.shape[1], d, y, x, out):
        s = space[: len(g)]
        root = np.sqrt(np.vecdot(u, u) / width + np.float32(eps))
        np.multiply(z, (np.vecdot(g, z) / width)[:, None], s)
        np.subtract(g, s, s)
        np.divide(s, root[:, None], o)


def cross_entropy(logits: Array, targets: Array, smoothing: float, normalizers: Array) -> np.float32:
    """The summed loss of (N, V) logits; leaves log Σ exp of each row in `normalizers` for the gradient."""
    space = np.empty((max(1, BLOCK // logits.shape[1]), logits.shape[1]), np.float32)
    ones = np.ones(logits.shape[1], np.float32)
    for u, c in row_pieces(logits.shape[1], logits, normalizers):
        s = space[: len(u)]
        most = np.maximum.reduce(u, 1)
        np.subtract(u, most[:, None], s)
        np.exp(s, s)
        s.dot(ones, c)
        np.log(c, c)
        np.add(c, most, c)
    rows = np.flatnonzero(targets >= 0)
    total = (normalizers[rows] - logits[rows, targets[rows]] * np.float32(1 - smoothing)).sum(dtype=np.float64)
    if smoothing:
        total -= smoothing * logits[rows].mean(-1).sum(dtype=np.float64)
    return np.float32(total)


def cross_entropy_dx(logits: Array, targets: Array, smoothing: float, normalizers: Array, out: Array) -> None:
    """softmax(logits) minus the (smoothed) truth, for (N, V) logits whose normalizers are known."""
    for u, y, c in row_pieces(logits.shape[1], logits, out, normalizers):
        np.subtract(u, c[:, None], y)
        np.exp(y, y)
        if smoothing:
            np.subtract(y, np.float32(smoothing / logits.shape[1]), y)
    wanted = targets >= 0
    rows = np.flatnonzero(wanted)
    out[rows, targets[rows]] -= np.float32(1 - smoothing)
    if len(rows) < len(targets):
        out[~wanted] = 0
