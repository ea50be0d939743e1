"""How far two arrays of one shape are apart: the largest difference, relative errors, the angle, and where it is worst.

What is not finite. Two NaN agree, and so do two infinities of one sign (a masked score is -inf in both runs). Where
only one side is finite, or the two differ in kind, the pair is a clash: the differences are then infinite, and the
clashes are counted. Sums (norm and angle) are over the pairs where both are finite.

    largest         max |a - b|
    relative        largest / max |a|                     0 where both are zero, infinite where only a is
    norm_relative   |a - b| / |a|, Euclidean norms        likewise
    cosine          a . b / (|a| |b|)                     1 where both are zero, NaN where only one is
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.errors import ShapeError
from engine.program import Shape

Array = np.ndarray
CHUNK = 1 << 18  # elements that are held in float64 at a time


@dataclass(frozen=True)
class Difference:
    """What two arrays differ by. `worst` is the index of the largest difference, where the values are `a` and `b`."""

    shape: Shape
    largest: float
    relative: float
    norm_relative: float
    cosine: float
    worst: tuple[int, ...]
    a: float
    b: float
    clashes: int = 0

    @property
    def is_exact(self) -> bool:
        return self.largest == 0


@dataclass
class _Sums:
    """What is added up over the chunks, in float64."""

    aa: float = 0.0
    bb: float = 0.0
    ab: float = 0.0
    dd: float = 0.0
    reach: float = 0.0
    largest: float = -1.0
    worst: int = 0
    clashes: int = 0

    def add(self, start: int, a: Array, b: Array) -> None:
        """Two chunks that begin at element `start`."""
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        finite = np.isfinite(a) & np.isfinite(b)
        x, y = np.where(finite, a, 0), np.where(finite, b, 0)
        apart = np.abs(np.where(finite | same, x - y, np.inf))
        self.aa, self.bb = self.aa + float(x @ x), self.bb + float(y @ y)
        self.ab, self.dd = self.ab + float(x @ y), self.dd + float((x - y) @ (x - y))
        self.reach = max(self.reach, float(np.abs(np.where(np.isfinite(a), a, 0)).max()))
        self.clashes += int((~finite & ~same).sum())
        at = int(apart.argmax())
        if apart[at] > self.largest:
            self.largest, self.worst = float(apart[at]), start + at


def difference(a: Array, b: Array) -> Difference:
    """Compare two arrays of numbers or flags. Raises ShapeError if their shapes differ."""
    if a.shape != b.shape:
        raise ShapeError(f"two values are compared that have the shapes {a.shape} and {b.shape}")
    if not a.size:
        return Difference(a.shape, 0.0, 0.0, 0.0, 1.0, (), math.nan, math.nan)
    sums = _Sums()
    for start, x, y in _chunks(a, b):
        sums.add(start, x, y)
    worst = tuple(int(i) for i in np.unravel_index(sums.worst, a.shape))
    return Difference(
        shape=a.shape,
        largest=sums.largest,
        relative=_over(sums.largest, sums.reach),
        norm_relative=math.inf if sums.clashes else _over(math.sqrt(sums.dd), math.sqrt(sums.aa)),
        cosine=_cosine(sums),
        worst=worst,
        a=float(a[worst]),
        b=float(b[worst]),
        clashes=sums.clashes,
    )


def _chunks(a: Array, b: Array) -> Iterator[tuple[int, Array, Array]]:
    flat = a.reshape(-1), b.reshape(-1)
    for start in range(0, a.size, CHUNK):
        x, y = (side[start : start + CHUNK].astype(np.float64) for side in flat)
        yield start, x, y


def _over(part: float, whole: float) -> float:
    return 0.0 if part == 0 else part / whole if whole else math.inf


def _cosine(sums: _Sums) -> float:
    if sums.dd == 0:
        return 1.0
    size = math.sqrt(sums.aa) * math.sqrt(sums.bb)
    return min(1.0, max(-1.0, sums.ab / size)) if size else math.nan
