"""The best factors of a matrix at every rank, found once: W = A B with the strongest directions first.

Singular value decomposition, W = U S V, by way of the square matrix of the smaller side: U are the eigenvectors of W Wᵀ
(in float64), and Uᵀ W is what W does along each of them. That is four times as fast as decomposing W itself, and A B
at full rank is W to rounding whatever the eigenvectors' own error. A and B are scaled to be equally large. The first r
columns of A and rows of B are the nearest matrix of rank r.
Eckart and Young 1936, The approximation of one matrix by another of lower rank, Psychometrika 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Array = np.ndarray
KEPT_BYTES = 256 << 20
SMALLEST = 1e-12  # strengths below this share of the largest are rounding, and no measure of scale


class Factors(NamedTuple):
    """A matrix (in, out) as a product, with its singular values (n,), largest first; n is the smaller side."""

    left: Array  # (in, n)
    right: Array  # (n, out)
    strengths: Array

    @property
    def nbytes(self) -> int:
        return self.left.nbytes + self.right.nbytes + self.strengths.nbytes

    def error(self, rank: int) -> float:
        """What rank r leaves out, relative to the whole (Frobenius): the root of the share of the later strengths."""
        squares = self.strengths.astype(np.float64) ** 2
        total = float(squares.sum())
        return float(np.sqrt(squares[rank:].sum() / total)) if total else 0.0


class FactorStore:
    """The factors of one model's matrices, kept up to a number of bytes, so that another rank is only a slice."""

    def __init__(self) -> None:
        self._kept: dict[str, Factors] = {}

    def of(self, name: str, matrix: Callable[[], Array]) -> Factors:
        """The factors of the matrix (in, out) of this name."""
        if name in self._kept:
            return self._kept[name]
        found = factors_of(matrix())
        if sum(factors.nbytes for factors in self._kept.values()) + found.nbytes <= KEPT_BYTES:
            self._kept[name] = found
        return found


def factors_of(matrix: Array) -> Factors:
    """Factors of any finite matrix (in, out). What is not finite cannot be taken apart: every factor is then NaN."""
    small = min(matrix.shape)
    if not np.isfinite(matrix).all():
        nothing = np.full((max(matrix.shape), small), np.nan, np.float32)
        return Factors(nothing[: matrix.shape[0]], nothing[: matrix.shape[1]].T, nothing[0])
    if matrix.shape[0] > small:
        turned = factors_of(matrix.T)
        return Factors(turned.right.T, turned.left.T, turned.strengths)
    exact = matrix.astype(np.float64)
    squares, directions = np.linalg.eigh(exact @ exact.T)
    directions, strengths = directions[:, ::-1], np.sqrt(np.maximum(squares[::-1], 0))
    root = np.sqrt(np.maximum(strengths, SMALLEST * strengths[0]))
    root[root == 0] = 1
    left, right = directions * root, directions.T @ exact / root[:, None]
    return Factors(left.astype(np.float32), right.astype(np.float32), strengths.astype(np.float32))
