"""How far two predictions of the next token are apart, row by row: KL(A || B) in nats, and whether the first choice is
another one.

    KL(A || B) = sum of p_A (log p_A - log p_B)    0 where they agree; how many nats B loses on what A expects

Rows are worked on a few at a time, in float64: of a large vocabulary never more than a few rows are held twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import ShapeError

Array = np.ndarray
ROWS = 16  # of logits in float64 at a time


@dataclass(frozen=True, eq=False)
class Divergence:
    """Of each of T rows. NaN where the logits of either side are no numbers.

    kl        (T,) float64, nats         entropy  (T,) float64, nats, of A
    choice_a  (T,) int64, A's first choice         choice_b  B's
    """

    kl: Array
    entropy: Array
    choice_a: Array
    choice_b: Array

    @property
    def flips(self) -> Array:
        """(T,) bool: where B's first choice is not A's."""
        return self.choice_a != self.choice_b

    @property
    def mean_kl(self) -> float:
        return float(self.kl.mean()) if self.kl.size else float("nan")


def divergence(a: Array, b: Array) -> Divergence:
    """Compare logits, (T, V) each. Raises ShapeError if their shapes differ."""
    if a.shape != b.shape or a.ndim != 2:
        raise ShapeError(f"logits: expected two arrays (T, V) of one shape, got {a.shape} and {b.shape}")
    count = len(a)
    kl, entropy = np.empty(count), np.empty(count)
    for start in range(0, count, ROWS):
        part = slice(start, start + ROWS)
        with np.errstate(all="ignore"):  # what is not finite becomes NaN, and is shown as that
            kl[part], entropy[part] = _of_rows(a[part].astype(np.float64), b[part].astype(np.float64))
    found = Divergence(kl, entropy, a.argmax(-1), b.argmax(-1))
    for array in (found.kl, found.entropy, found.choice_a, found.choice_b):
        array.flags.writeable = False
    return found


def _of_rows(a: Array, b: Array) -> tuple[Array, Array]:
    """KL and A's entropy of a few rows; a logit of -inf is a probability of 0, which adds nothing."""
    log_p, log_q = _log_softmax(a), _log_softmax(b)
    p = np.exp(log_p)
    kl = np.where(p == 0, 0, p * (log_p - log_q)).sum(-1)
    entropy = -np.where(p == 0, 0, p * log_p).sum(-1)
    return np.where(np.isnan(kl), kl, np.maximum(kl, 0)), entropy  # rounding may leave -1e-17


def _log_softmax(rows: Array) -> Array:
    shifted = rows - rows.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
