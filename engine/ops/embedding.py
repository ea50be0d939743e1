"""From integers to vectors: token embeddings, learned positions, sinusoidal positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, elements, per_element
from engine.program import Cost, Op, Shape

Array = np.ndarray
INT_BYTES = 8


def embed_forward(ids: Array, table: Array, *, out: Array | None = None) -> Array:
    """Look up one row of the table for each id.

    ids      (...) integers in [0, V)
    table    (V, D)
    returns  (..., D)

    Raises IndexError for an id outside the table, as NumPy does.
    """
    if out is None:
        return table[ids]
    out[...] = table[ids]
    return out


def embed_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Only the rows that are asked for are read."""
    return Cost(0, INT_BYTES * elements(ins[0]) + FLOAT_BYTES * elements(out), FLOAT_BYTES * elements(out))


def sinusoidal_forward(position_ids: Array, *, width: int, out: Array | None = None) -> Array:
    """A fixed code for each position: sines and cosines of geometrically spaced frequencies, interleaved.

    position_ids  (T,) integers
    returns       (T, width): column 2i is sin(p / 10000**(2i/width)), column 2i+1 its cosine
    """
    angle = position_ids[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)  # (T,) -> (T, ceil(width/2))
    out = np.empty((len(position_ids), width), np.float32) if out is None else out
    out[:, 0::2] = np.sin(angle)
    out[:, 1::2] = np.cos(angle[:, : width // 2])
    return out


embed = Op(
    "embed", "y = E[id]", "Each id picks its row of a learned table: the vector that stands for it from here on.",
    embed_forward, lambda ids, table: (*ids, table[1]), embed_cost,
    paper="Bengio et al. 2003, A Neural Probabilistic Language Model",
)  # fmt: skip
sinusoidal = Op(
    "sinusoidal", "y[p] = sin, cos(p / 10000^(2i/D))",
    "Gives each position a fixed pattern of waves, so that shifting by some tokens is a rotation.",
    sinusoidal_forward, lambda p, width: (*p, width), per_element(2),
    paper="Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762",
)  # fmt: skip
