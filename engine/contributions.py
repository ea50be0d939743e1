"""How much each head writes: the length of z_h @ W_h, the part of attention's output that comes from one head alone.

The sum of these parts over the heads (and the bias) is what attention adds to the residual stream.
"""

from __future__ import annotations

import re

import numpy as np

from engine.ops.linear import linear
from engine.program import Line, Weights
from engine.rewrites.fold import matrix_of
from engine.run import Run

Array = np.ndarray
ATTENTION_OUT = re.compile(r"blocks\.([0-9]+)\.attn\.out")


def contribute(run: Run, line: Line, contributions: Array) -> None:
    """Fill one layer of `contributions` (L, H, T), if `line` is what joins its heads and its input is still there."""
    found = ATTENTION_OUT.fullmatch(line.out)
    merged = run.values.get(line.ins[0]) if found else None
    if found is None or merged is None:
        return
    layers, heads, tokens = contributions.shape
    if int(found[1]) < layers and merged.shape[1] == tokens and merged.shape[2] % heads == 0:
        contributions[int(found[1])] = head_lengths(merged[0], _matrix(line, run.weights, merged.shape[2]), heads)


def head_lengths(merged: Array, matrix: Array, heads: int) -> Array:
    """merged (T, H*d), all heads side by side; matrix (H*d, D) -> (H, T), the length of each head's own part."""
    size = merged.shape[1] // heads
    parts = (slice(h * size, (h + 1) * size) for h in range(heads))
    return np.stack([np.linalg.norm(merged[:, part] @ matrix[part], axis=-1) for part in parts])


def _matrix(line: Line, weights: Weights, width: int) -> Array:
    """The matrix (H*d, D) that a line multiplies by: that of a linear line, or what becomes of the identity."""
    if line.op is linear:
        return matrix_of(line, weights)
    constants = [weights[name] for name in line.ins[1:]]
    rows = np.eye(width, dtype=np.float32)[None]
    return (line.op.forward(rows, *constants, **line.attrs) - line.op.forward(0 * rows, *constants, **line.attrs))[0]
