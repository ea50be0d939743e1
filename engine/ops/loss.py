"""How surprised the model was: the cross-entropy of the next tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.ops.embedding import INT_BYTES
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.program import Cost, Op, Shape

Array = np.ndarray


def log_softmax(logits: Array) -> Array:
    """Log-probabilities in nats, (..., V) -> (..., V): x - max - log(sum(exp(x - max)))."""
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def cross_entropy_forward(logits: Array, targets: Array, *, smoothing: float = 0.0, out: Array | None = None) -> Array:
    """The sum of -log p(target), in nats. It is divided once, by the number of targets of the whole update.

    logits     (..., V)
    targets    (...) integers in [0, V); a negative one is padding and counts nothing
    smoothing  share of the truth that is spread evenly over the vocabulary
    returns    () the sum over all targets
    """
    rows = logits.reshape(-1, logits.shape[-1])  # (..., V) -> (N, V)
    flat = targets.reshape(-1)
    wanted = flat >= 0
    rows, flat = rows[wanted], flat[wanted]
    logprobs = log_softmax(rows)
    picked = logprobs[np.arange(len(flat)), flat].sum() * (1 - smoothing)
    if smoothing:
        picked += logprobs.mean(-1).sum() * smoothing
    total = np.asarray(-picked, logits.dtype)
    if out is None:
        return total
    out[...] = total
    return out


def cross_entropy_cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """Maximum, shift, exp and sum for every logit; the result is one number."""
    logits, targets = map(elements, ins)
    return Cost(4 * logits, FLOAT_BYTES * logits + INT_BYTES * targets, FLOAT_BYTES)


cross_entropy = Op(
    "cross_entropy", "L = -Σ log softmax(x)[target]",
    "The surprise at each true next token, in nats: 0 if it was certain, log V if all tokens were equally likely.",
    cross_entropy_forward, lambda logits, targets, smoothing=0.0: (), cross_entropy_cost,
    paper="Shannon 1948, A Mathematical Theory of Communication",
)  # fmt: skip
