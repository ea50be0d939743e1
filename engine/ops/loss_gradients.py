"""Where gradients begin, at the loss, and where they end, at the embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.shapes import FLOAT_BYTES, elements, per_element
from engine.program import Cost, Op, Shape

Array = np.ndarray


def cross_entropy_dx_forward(
    logits: Array, targets: Array, *, smoothing: float = 0.0, out: Array | None = None
) -> Array:
    """The gradient of the summed cross-entropy: what the model said minus what was true.

    logits   (..., V)
    targets  (...) integers; negative is padding and gets 0
    returns  (..., V): softmax(logits) - q, with q = 1 - smoothing at the target and smoothing / V added everywhere
    """
    kind, vocabulary = logits.dtype.type, logits.shape[-1]
    out = np.subtract(logits, logits.max(-1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(-1, keepdims=True)
    if smoothing:
        out -= kind(smoothing / vocabulary)
    rows, flat = out.reshape(-1, vocabulary), targets.reshape(-1)
    wanted = flat >= 0
    rows[np.flatnonzero(wanted), flat[wanted]] -= kind(1 - smoothing)
    rows[~wanted] = 0
    return out


def embed_dtable_forward(d_out: Array, ids: Array, table: Array, *, out: Array | None = None) -> Array:
    """The gradient of an embedding table: each row gets the errors of all places where its id stood.

    d_out (..., D); ids (...); table (V, D), read for its size alone; returns (V, D)
    """
    out = np.zeros(table.shape, d_out.dtype) if out is None else out
    out[...] = 0
    return add_rows(out, ids.reshape(-1), d_out.reshape(-1, d_out.shape[-1]))


def add_rows(table: Array, ids: Array, rows: Array) -> Array:
    """table[ids] += rows, counting repeated ids each time: sorted, summed in runs, then written once per id."""
    order = np.argsort(ids, kind="stable")
    present, starts = np.unique(ids[order], return_index=True)
    table[present] += np.add.reduceat(rows[order], starts, axis=0)
    return table


def scatter_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    return Cost(elements(ins[0]), FLOAT_BYTES * elements(ins[0]) + 8 * elements(ins[1]), FLOAT_BYTES * elements(out))


cross_entropy_dx = Op(
    "cross_entropy_dx", "dx = softmax(x) - onehot(target)",
    "The error at the end is what the model said minus what was true: the only place where truth enters.",
    cross_entropy_dx_forward, lambda logits, targets, smoothing=0.0: logits, per_element(5),
    paper="Bridle 1990; smoothing: Szegedy et al. 2015, arXiv:1512.00567", alias="inplace=0",
)  # fmt: skip
embed_dtable = Op(
    "embed_dtable", "dE[id] += dy", "Only the rows that were looked up get a gradient, the sum over all their places.",
    embed_dtable_forward, lambda d, ids, table: table, scatter_cost,
)  # fmt: skip
