"""From logits to one token, as a pipeline over the whole vocabulary in which every stage is kept to be looked at.

    logits -> repetition penalty -> temperature -> top-k -> top-p -> probabilities -> draw

A token that a stage removes gets -inf there, so the stages show who removed what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError

Array = np.ndarray
PIECE = 64  # values per piece when the largest are sought


@dataclass(frozen=True)
class Sampler:
    """How a token is drawn. Temperature 0 is greedy: the most probable token, the lower id on a tie.

    temperature         divides the logits; below 1 sharper, above 1 flatter
    top_k               keep only the k most probable tokens; 0 keeps all
    top_p               keep the fewest tokens whose probabilities reach p (nucleus); 1 keeps all
    repetition_penalty  divides positive and multiplies negative logits of tokens already in the text; 1 does nothing
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name, is_valid, wanted in SAMPLER_LIMITS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not is_valid(value):
                raise InputError(f"{name.replace('_', '-')}: expected {wanted}, got {value!r}")


SAMPLER_LIMITS: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("temperature", lambda t: t == 0 or 1e-6 <= t <= 1e6, "0 (greedy) or a number from 0.000001 to 1000000"),
    ("top_k", lambda k: isinstance(k, int) and k >= 0, "0 (off) or a positive whole number"),
    ("top_p", lambda p: 0 < p <= 1, "a number above 0 and at most 1"),
    ("repetition_penalty", lambda r: 0.01 <= r <= 100, "a number from 0.01 to 100"),
)
"""What each setting may be, so that no logit overflows in float32."""


@dataclass(frozen=True)
class Draw:
    """One token and every stage that led to it; all arrays are (V,) float32, removed tokens are -inf.

    probabilities  what the token was drawn from, after all stages; sums to 1
    uniform        the number in [0, 1) that picked it; None if greedy
    """

    token: int
    logits: Array
    penalized: Array
    tempered: Array
    after_top_k: Array
    after_top_p: Array
    probabilities: Array
    uniform: float | None


def sample(logits: Array, sampler: Sampler, generator: np.random.Generator, seen: Sequence[int] = ()) -> Draw:
    """Draw the next token.

    logits  (V,)
    seen    ids already in the text, for the repetition penalty

    Exactly one number is taken from the generator, whatever the settings (none when greedy), so that a rewound text
    repeats. Keskar et al. 2019 (penalty), arXiv:1909.05858; Fan et al. 2018 (top-k), arXiv:1805.04833; Holtzman et
    al. 2019 (nucleus), arXiv:1904.09751.
    """
    if not np.isfinite(logits).all():
        raise InputError(
            f"the logits after token {len(seen)} hold NaN or infinity: damaged weights, or a value overflowed"
        )
    penalized = penalize(logits, seen, sampler.repetition_penalty)
    if sampler.temperature == 0:
        return _greedy(logits, penalized)
    tempered = penalized / np.float32(sampler.temperature)
    after_top_k = keep_top_k(tempered, sampler.top_k)
    after_top_p = keep_top_p(after_top_k, sampler.top_p)
    probabilities = softmax(after_top_p)
    uniform = float(generator.random())
    token = pick(probabilities, uniform)
    return Draw(token, logits, penalized, tempered, after_top_k, after_top_p, probabilities, uniform)


def penalize(logits: Array, seen: Sequence[int], penalty: float) -> Array:
    """Make every token that is already in the text less likely, whatever its logit's sign."""
    if penalty == 1 or not len(seen):
        return logits
    ids = np.unique(np.asarray(seen))
    result = logits.copy()
    result[ids] = np.where(logits[ids] > 0, logits[ids] / penalty, logits[ids] * penalty)
    return result


def keep_top_k(logits: Array, k: int) -> Array:
    """Remove all but the k largest; of equal ones the lower id stays."""
    if k == 0 or k >= len(logits):
        return logits
    threshold = kth_largest(logits, k)
    keep = logits > threshold
    ties = np.flatnonzero(logits == threshold)
    keep[ties[: k - int(keep.sum())]] = True
    return np.where(keep, logits, np.float32(-np.inf))


def kth_largest(values: Array, k: int) -> np.float32:
    """The k-th largest of a vector's values, 1 <= k <= len.

    The k largest lie in the k pieces of the largest maxima, so only those are searched: ten times faster for a
    vocabulary of 32,000.
    """
    pieces = len(values) // PIECE
    if k < pieces:
        body = values[: pieces * PIECE].reshape(pieces, PIECE)
        best = np.argpartition(body.max(1), -k)[-k:]
        values = np.concatenate([body[best].reshape(-1), values[pieces * PIECE :]])
    return np.partition(values, -k)[-k]


def keep_top_p(logits: Array, p: float) -> Array:
    """Remove the tail: keep the fewest most probable tokens whose probabilities sum to at least p."""
    if p >= 1:
        return logits
    left = np.flatnonzero(logits > -np.inf)
    order = left[np.argsort(-logits[left], kind="stable")]
    cumulative = np.cumsum(softmax(logits[order]), dtype=np.float64)
    count = int(np.searchsorted(cumulative, p * cumulative[-1])) + 1
    result = np.full_like(logits, -np.inf)
    result[order[:count]] = logits[order[:count]]
    return result


def softmax(logits: Array) -> Array:
    """Probabilities (V,) of logits (V,); -inf becomes 0."""
    shifted = np.exp(logits - logits.max())
    return shifted / shifted.sum()


def pick(probabilities: Array, uniform: float) -> int:
    """The token whose share of [0, 1), laid out in order of id, holds `uniform`."""
    left = np.flatnonzero(probabilities)
    cumulative = np.cumsum(probabilities[left], dtype=np.float64)
    at = int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
    return int(left[min(at, len(left) - 1)])


def _greedy(logits: Array, penalized: Array) -> Draw:
    token = int(penalized.argmax())
    certain = np.full_like(penalized, -np.inf)
    certain[token] = penalized[token]
    return Draw(token, logits, penalized, penalized, certain, certain, softmax(certain), None)


@dataclass(frozen=True)
class Prediction:
    """What a model expects next, from one row of logits: the numbers a token view shows.

    ids, logprobs   (n,) the most probable tokens and their log-probabilities, nats, best first
    entropy         nats; 0 is certain, log V is no idea
    log_normalizer  what is subtracted from a logit to make it a log-probability: log Σ exp(logits)
    """

    ids: Array
    logprobs: Array
    entropy: float
    log_normalizer: float


@np.errstate(invalid="ignore")  # NaN and infinite logits are shown as they are; drawing from them is refused
def predict(logits: Array, count: int = 20) -> Prediction:
    """The `count` most probable tokens (of equal ones the lower id first) and the entropy of all. logits (V,)."""
    shifted = logits - logits.max()
    exponentials = np.exp(shifted)
    total = float(exponentials.sum())
    log_total = float(np.log(total))
    spread = log_total - float(np.where(exponentials > 0, exponentials * shifted, 0).sum()) / total
    best = np.flatnonzero(shifted >= kth_largest(shifted, min(count, len(logits))))
    best = best[np.argsort(-shifted[best], kind="stable")][:count]
    return Prediction(best, shifted[best] - np.float32(log_total), spread, float(logits.max()) + log_total)


def entropy(logprobs: Array) -> Array:
    """-Σ p log p over the last axis, nats; (..., V) -> (...). A probability of 0 counts 0."""
    p = np.exp(logprobs)
    return -np.where(p > 0, p * np.where(p > 0, logprobs, 0), 0).sum(-1)


def rank_of(logits: Array, token: int) -> int:
    """How many tokens are more probable than this one, plus one: 1 is the model's first choice."""
    return int((logits > logits[token]).sum()) + 1
