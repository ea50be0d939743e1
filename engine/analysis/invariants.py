"""What must hold of a value whatever the weights are, measured on the numbers that were computed.

Each operation has a few rules: words, and a function of what the line made and read that says how far off it is at
most. They are worked out in float64 and without the operation's own code, so that a wrong one shows. A value that was
changed by hand is held to the rules of the line that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.listing import section_of

Array = np.ndarray
EXACT = 0.0
ROUNDING = 1e-5  # float32, relative to the largest number of the line


@dataclass(frozen=True)
class Invariant:
    """One rule and how far a value is off it, at most, beside what float32 explains. NaN breaks every rule."""

    words: str
    deviation: float
    allowed: float

    @property
    def holds(self) -> bool:
        return self.deviation <= self.allowed


@dataclass(frozen=True)
class Rule:
    """`measure(out, *ins, **attrs)` is the largest deviation; `allowed` is relative to the line's largest number."""

    words: str
    measure: Callable[..., float]
    allowed: float = ROUNDING
    forward_only: bool = False


def invariants_of(
    address: str, op: str, ins: Sequence[str], attrs: Mapping[str, Any], values: Mapping[str, Array],
    out: Array | None = None,
) -> tuple[Invariant, ...]:  # fmt: skip
    """The rules of a line, measured. None where the operation has no rule or a value is not there.

    out   what the line made, where it stands under another name since an edit
    """
    rules = [rule for rule in RULES.get(op, ()) if not (rule.forward_only and section_of(address))]
    out = values.get(address) if out is None else out
    if not rules or not ins or out is None or any(name not in values for name in ins):
        return ()
    read = [_exact(values[name]) for name in ins]
    made, size = _exact(out), _largest(out, *(values[name] for name in ins))
    with np.errstate(all="ignore"):
        return tuple(Invariant(r.words, float(r.measure(made, *read, **attrs)), r.allowed * size) for r in rules)


def _exact(array: Array) -> Array:
    return np.asarray(array, np.float64) if array.dtype.kind == "f" else np.asarray(array)


def _largest(*arrays: Array) -> float:
    """The largest finite number of a line, and at least 1."""
    finite = (np.abs(a[np.isfinite(a)]).max(initial=0) for a in arrays if a.dtype.kind == "f")
    return max(1.0, *map(float, finite))


def _most(differences: Array) -> float:
    """The largest magnitude; NaN if any is."""
    return float(np.abs(differences).max()) if differences.size else 0.0


def _apart(a: Array, b: Array) -> float:
    """How far two arrays are apart; where both are the same infinity, not at all."""
    return _most(np.where(a == b, 0, a - b)) if a.shape == b.shape else np.inf


def _rows_sum(total: float) -> Callable[..., float]:
    return lambda out, *ins, **attrs: _most(out.sum(-1) - total)


def _negative(out: Array, *ins: Array, **attrs: Any) -> float:
    return float(np.maximum(-out, 0).max())


def _unseen(out: Array, masked: Array) -> float:
    """The largest share of a key whose score is -inf."""
    return _most(np.where(np.isneginf(masked), out, 0))


def _mask_places(out: Array, queries: Array, keys: Array, *, window: int | None = None) -> float:
    """How many places are not as `0 if t - window < s <= t, else -inf` says, query by query."""
    wrong = 0
    for t, row in zip(queries.tolist(), out, strict=True):
        first = 0 if window is None else max(0, t - window + 1)
        seen = (keys >= first) & (keys <= t)
        wrong += int((row != np.where(seen, 0, -np.inf)).sum())
    return float(wrong)


def _normal(out: Array, x: Array, eps: float, mean: Array | float) -> float:
    """Mean square 1, less by the share that ε has in the variance."""
    variance = ((x - mean) ** 2).mean(-1)
    return _most((out**2).mean(-1) - variance / (variance + eps))


def _lengths(out: Array, x: Array, *ins: Array) -> float:
    return _most(np.linalg.norm(out, axis=-1) - np.linalg.norm(x, axis=-1))


def _side_by_side(heads: Array) -> Array:
    """(B, H, T, d) -> (B, T, H d)."""
    return np.concatenate(list(heads.swapaxes(0, 1)), axis=-1)


def _within(out: Array, shares: Array, v: Array) -> float:
    """How far a result lies outside the values it is a mean of, channel by channel. Query heads share key heads."""
    v = np.repeat(v, out.shape[1] // v.shape[1], axis=1)
    low, high = v.min(-2, keepdims=True), v.max(-2, keepdims=True)
    return float(np.maximum(np.maximum(low - out, out - high), 0).max())


RULES: dict[str, tuple[Rule, ...]] = {
    "causal_mask": (
        Rule("0 up to the query and within the window, else -∞ (places that are not)", _mask_places, EXACT),
    ),
    "mask": (Rule("the scores where the mask is 0, -∞ where it is not", lambda out, s, m: _apart(out, s + m), EXACT),),
    "softmax": (
        Rule("each row sums to 1", _rows_sum(1.0)),
        Rule("a masked key gets exactly 0", _unseen, EXACT),
        Rule("no share is negative", _negative, EXACT),
    ),
    "weighted_sum": (Rule("each result lies among the values it collects", _within, forward_only=True),),
    "add": (Rule("result = before + update", lambda out, a, b: _apart(out, np.broadcast_to(a + b, out.shape))),),
    "identity": (Rule("the same numbers", _apart, EXACT),),
    "layer_normalize": (
        Rule("each row has mean 0", lambda out, x, eps: _most(out.mean(-1))),
        Rule("mean square 1, but for ε", lambda out, x, eps: _normal(out, x, eps, x.mean(-1, keepdims=True)), 1e-4),
    ),
    "rms_normalize": (Rule("mean square 1, but for ε", lambda out, x, eps: _normal(out, x, eps, 0.0), 1e-4),),
    "rotate": (Rule("each row keeps its length", _lengths),),
    "relu": (Rule("no number is negative", _negative, EXACT),),
    "split_heads": (Rule("the same numbers", lambda out, x, heads: _apart(_side_by_side(out), x), EXACT),),
    "merge_heads": (Rule("the same numbers", lambda out, x: _apart(out, _side_by_side(x)), EXACT),),
    "softmax_dx": (Rule("each row sums to 0", _rows_sum(0.0)),),
    "cross_entropy_dx": (Rule("each row sums to 0", _rows_sum(0.0)),),
    "layer_normalize_dx": (Rule("each row sums to 0", _rows_sum(0.0), 1e-4),),
    "rotate_back": (Rule("each row keeps its length", _lengths),),
    "accumulate": (Rule("the sum of what is sent back", lambda out, *ins: _apart(out, np.sum(ins, axis=0))),),
}  # fmt: skip
"""By operation. A change here is a change of what the screen says beside each equation."""
