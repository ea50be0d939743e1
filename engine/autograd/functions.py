"""What a network needs beyond arithmetic.

The first seven know their own derivative. The rest is made of other steps, so that nothing is derived by hand: the
chain rule finds the gradient of a softmax or of a LayerNorm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.autograd.tensor import Array, Tensor


def exp(x: Tensor) -> Tensor:
    y = np.exp(x.data)
    return Tensor(y, (x,), lambda d: (d * y,))


def log(x: Tensor) -> Tensor:
    return Tensor(np.log(x.data), (x,), lambda d: (d / x.data,))


def sqrt(x: Tensor) -> Tensor:
    y = np.sqrt(x.data)
    return Tensor(y, (x,), lambda d: (d / (2 * y),))


def tanh(x: Tensor) -> Tensor:
    y = np.tanh(x.data)
    return Tensor(y, (x,), lambda d: (d * (1 - y * y),))


def sin(x: Tensor) -> Tensor:
    return Tensor(np.sin(x.data), (x,), lambda d: (d * np.cos(x.data),))


def cos(x: Tensor) -> Tensor:
    return Tensor(np.cos(x.data), (x,), lambda d: (-d * np.sin(x.data),))


def relu(x: Tensor) -> Tensor:
    return Tensor(np.maximum(x.data, 0), (x,), lambda d: (d * (x.data > 0),))


def concatenate(tensors: Sequence[Tensor], axis: int = -1) -> Tensor:
    """Side by side along one axis; each gets its own slice of the gradient."""
    ends = np.cumsum([t.shape[axis] for t in tensors])[:-1]
    joined = np.concatenate([t.data for t in tensors], axis)
    return Tensor(joined, tuple(tensors), lambda d: tuple(np.split(d, ends, axis)))


def softmax(x: Tensor) -> Tensor:
    """Turn each row into shares: (..., S) -> (..., S). The row's maximum, taken off for safety, is a constant."""
    shares = exp(x - x.data.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Each row with mean 0 and variance 1, times gain, plus bias: x (..., D), gain and bias (D,)."""
    centred = x - x.mean(-1, keepdims=True)
    return centred / sqrt((centred * centred).mean(-1, keepdims=True) + eps) * gain + bias


def embedding(table: Tensor, ids: Array) -> Tensor:
    """One row of the table per id: (V, D), (...) -> (..., D). A row's gradient is the sum over its uses."""
    return table[ids]


def cross_entropy(logits: Tensor, targets: Array) -> Tensor:
    """The sum of -log p(target) in nats: logits (..., V), targets (...); a negative target is padding, not counted."""
    flat = np.asarray(targets).reshape(-1)
    places = np.flatnonzero(flat >= 0)
    rows = logits.reshape(-1, logits.shape[-1])[places]  # (..., V) -> (N, V)
    rows = rows - rows.data.max(-1, keepdims=True)
    return (log(exp(rows).sum(-1)) - rows[np.arange(len(places)), flat[places]]).sum()
