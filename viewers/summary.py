"""A value in four numbers, and as a histogram."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Summary(NamedTuple):
    """Of the finite numbers of a value; `norm` is the length of all of them together, `absent` how many are not."""

    low: float
    high: float
    mean: float
    spread: float
    norm: float
    absent: int


def summary_of(value: Array) -> Summary:
    """Least, largest, mean, standard deviation and norm, in float64; NaN where no number is finite."""
    finite = np.asarray(value[np.isfinite(value)], np.float64)
    absent = int(value.size - finite.size)
    if not finite.size:
        nan = float("nan")
        return Summary(nan, nan, nan, nan, nan, absent)
    norm = float(np.sqrt(np.square(finite).sum()))
    return Summary(float(finite.min()), float(finite.max()), float(finite.mean()), float(finite.std()), norm, absent)


def histogram(value: Array, bins: int) -> tuple[Array, Array]:
    """Counts (bins,) of the finite numbers and the edges (bins + 1,) of equal steps from the least to the largest."""
    finite = np.asarray(value[np.isfinite(value)], np.float64)
    if not finite.size:
        return np.zeros(bins, int), np.zeros(bins + 1)
    return np.histogram(finite, bins=bins)
