"""Two runs side by side: how far every value that both have is apart, and the first place where they part.

Addresses are compared, never lines: a lowered program against the plain one gives the addresses that both keep, and
what exists on one side only is listed. One address never means two numbers, whatever was rewritten.

The order is that of A's lines (of B's, for an A made elsewhere that has none), so `first` is where an error enters:
everything before it agrees to the threshold. The measure is the relative error, max |a - b| / max |a|.

Texts of two lengths are compared on the positions that both have, from the first on: axes of A's and B's number of
tokens are cut to the smaller. In a model that looks back only, what stands behind does not change them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.analysis.difference import Difference, difference
from engine.analysis.divergence import Divergence, divergence
from engine.errors import Cancelled
from engine.program import Shape
from engine.trace import Trace, TraceRow

Array = np.ndarray
THRESHOLD = 1e-5  # relative; float32 sums added up in another order stay near 1e-6
ALONG = re.compile(r"embed|blocks\.\d+\.resid_post|final\.normed|logits")


@dataclass(frozen=True)
class Place:
    """One address that was compared: the line of A and of B that makes it (None where a trace came without a listing),
    and how far the two values are apart."""

    address: str
    a: TraceRow | None
    b: TraceRow | None
    apart: Difference
    dtypes: tuple[str, str]

    @property
    def row(self) -> TraceRow | None:
        """A's line, else B's."""
        return self.a or self.b

    def is_over(self, threshold: float) -> bool:
        """Whether the relative error is above it; what is not a number is."""
        return not self.apart.relative <= threshold


@dataclass(frozen=True)
class Left:
    """Addresses that were not compared, each list in order.

    only_a, only_b   lines that the other program does not have
    unrecorded       lines of both, whose value at least one trace does not hold
    misshapen        (address, shape in A, shape in B), where the shapes do not fit together
    """

    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()
    misshapen: tuple[tuple[str, Shape, Shape], ...] = ()


@dataclass(frozen=True, eq=False)
class Drift:
    """What `compare` found.

    places      every address that was compared, in the order of A
    left        those that were not
    threshold   the relative error above which a place counts as parted
    positions   how many tokens were compared; `lengths` are those of A's and B's text
    unequal     positions, of those compared, whose tokens are not the same
    tokens      per token KL(A || B) and top-1 flips; None where the logits could not be compared
    """

    places: tuple[Place, ...]
    left: Left
    threshold: float
    positions: int
    lengths: tuple[int, int]
    unequal: tuple[int, ...]
    tokens: Divergence | None

    @property
    def first(self) -> Place | None:
        """The first place over the threshold, in execution order."""
        return next((place for place in self.places if place.is_over(self.threshold)), None)

    @property
    def has_parted(self) -> bool:
        """Whether anything is over the threshold, or one address means values of two shapes."""
        return self.first is not None or bool(self.left.misshapen)

    @property
    def over(self) -> tuple[Place, ...]:
        """All places over the threshold."""
        return tuple(place for place in self.places if place.is_over(self.threshold))

    @property
    def along(self) -> tuple[Place, ...]:
        """The drift curve: from the embedding along the residual stream, block by block, to the logits."""
        return tuple(place for place in self.places if ALONG.fullmatch(place.address))

    def worst(self, count: int) -> tuple[Place, ...]:
        """The places that are furthest apart; among equals, the earlier first."""
        return tuple(sorted(self.places, key=lambda place: -_rank(place.apart.relative))[:count])

    def __getitem__(self, address: str) -> Place:
        return next(place for place in self.places if place.address == address)

    def __contains__(self, address: object) -> bool:
        return any(place.address == address for place in self.places)


def compare(a: Trace, b: Trace, threshold: float = THRESHOLD, stop: Callable[[], bool] | None = None) -> Drift:
    """Compare two traces address by address. `stop` is polled before each; raises Cancelled if it says so."""
    lengths = (len(a.tokens), len(b.tokens))
    rows_a, rows_b = _listing(a), _listing(b)
    places: list[Place] = []
    misshapen: list[tuple[str, Shape, Shape]] = []
    both = [name for name in (rows_a if a.rows else rows_b) if name in rows_a and name in rows_b]
    recorded = [name for name in both if name in a and name in b]
    for name in recorded:
        if stop is not None and stop():
            raise Cancelled("the comparison was stopped")
        pair = cut(a[name], b[name], lengths)
        if pair is None:
            misshapen.append((name, a[name].shape, b[name].shape))
        else:
            dtypes = str(a[name].dtype), str(b[name].dtype)
            places.append(Place(name, rows_a[name], rows_b[name], difference(*pair), dtypes))
    only_a, only_b = (tuple(n for n in x if n not in y) for x, y in ((rows_a, rows_b), (rows_b, rows_a)))
    left = Left(only_a, only_b, tuple(n for n in both if n not in recorded), tuple(misshapen))
    unequal = tuple(i for i, (x, y) in enumerate(zip(a.tokens, b.tokens, strict=False)) if x != y)
    return Drift(tuple(places), left, threshold, min(lengths), lengths, unequal, _predictions(a, b, lengths))


def _listing(trace: Trace) -> dict[str, TraceRow | None]:
    """Its addresses in order, each with its line; the recorded values where it has no listing."""
    rows: dict[str, TraceRow | None] = {row.address: row for row in trace.rows}
    return rows or dict.fromkeys(trace)


def cut(a: Array, b: Array, lengths: tuple[int, int]) -> tuple[Array, Array] | None:
    """Both arrays on the positions that both have; None if their shapes do not fit together."""
    if a.ndim != b.ndim:
        return None
    for axis, sizes in enumerate(zip(a.shape, b.shape, strict=True)):
        if sizes[0] != sizes[1]:
            if sizes != lengths:
                return None
            kept = (slice(None),) * axis + (slice(0, min(sizes)),)
            a, b = a[kept], b[kept]
    return a, b


def _predictions(a: Trace, b: Trace, lengths: tuple[int, int]) -> Divergence | None:
    """Of every common token; None without logits of one vocabulary for all of them."""
    if "logits" not in a or "logits" not in b or (pair := cut(a["logits"], b["logits"], lengths)) is None:
        return None
    x, y = (logits.reshape(-1, logits.shape[-1]) for logits in pair)
    return divergence(x, y) if len(x) == min(lengths) else None


def _rank(relative: float) -> float:
    return np.inf if np.isnan(relative) else relative
