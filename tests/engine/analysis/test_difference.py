"""Differences of arrays and of predictions, against numbers worked by hand and the naive formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.analysis import difference as module
from engine.analysis.difference import difference
from engine.analysis.divergence import divergence
from engine.errors import ShapeError

NAN, INF = math.nan, math.inf


def arrays(*rows: list[float], dtype: str = "float32") -> list[np.ndarray]:
    return [np.array(row, dtype) for row in rows]


def test_a_difference_worked_by_hand():
    a, b = arrays([3.0, 0.0, -4.0], [3.0, 1.0, -4.0])
    found = difference(a.reshape(1, 3), b.reshape(1, 3))
    assert (found.largest, found.relative, found.norm_relative) == (1.0, 0.25, 0.2)
    assert found.cosine == pytest.approx(25 / (5 * math.sqrt(26)))
    assert (found.worst, found.a, found.b, found.clashes) == ((0, 1), 0.0, 1.0, 0)


def test_it_is_the_naive_formula_for_any_shape_layout_and_chunk(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(2, 5, 3, 7)).astype(np.float32).transpose(0, 2, 1, 3) for _ in range(2))
    monkeypatch.setattr(module, "CHUNK", 17)
    found, (x, y) = difference(a, b), (side.astype(np.float64) for side in (a, b))
    apart = np.abs(x - y)
    assert found.largest == apart.max() and apart[found.worst] == apart.max()
    assert found.relative == apart.max() / np.abs(x).max()
    assert found.norm_relative == pytest.approx(np.linalg.norm((x - y).ravel()) / np.linalg.norm(x.ravel()))
    cosine = (x * y).sum() / np.linalg.norm(x.ravel()) / np.linalg.norm(y.ravel())
    assert found.cosine == pytest.approx(cosine)


def test_equal_arrays_are_exactly_equal():
    for array in (np.zeros((2, 3)), np.arange(4), np.array([True, False]), np.float32(2.5)):
        found = difference(np.asarray(array), np.asarray(array))
        assert (found.largest, found.relative, found.norm_relative, found.cosine) == (0, 0, 0, 1) and found.is_exact


@pytest.mark.parametrize(
    ("a", "b", "largest", "clashes"),
    [
        ([-INF, 1.0], [-INF, 1.5], 0.5, 0),  # masked in both
        ([NAN, 1.0], [NAN, 1.0], 0.0, 0),
        ([INF, 1.0], [-INF, 1.0], INF, 1),
        ([NAN, 1.0], [0.0, 1.0], INF, 1),
        ([0.0, -INF], [NAN, 7.0], INF, 2),
    ],
)
def test_what_is_not_finite_agrees_only_with_its_like(a, b, largest, clashes):
    found = difference(*arrays(a, b))
    assert (found.largest, found.clashes) == (largest, clashes)
    assert found.is_exact == (largest == 0)
    assert (found.relative == INF) == (largest == INF) == (found.norm_relative == INF)


def test_against_nothing_but_zeros_any_difference_is_infinite():
    found = difference(*arrays([0.0, 0.0], [0.0, 1e-9]))
    assert found.relative == found.norm_relative == INF and math.isnan(found.cosine)


def test_whole_numbers_and_flags_are_compared_as_numbers():
    assert difference(*arrays([0, 250], [5, 3], dtype="uint8")).largest == 247
    assert difference(np.array([True, False]), np.array([True, True])).largest == 1
    assert difference(*arrays([-128], [127], dtype="int8")).largest == 255


def test_empty_arrays_are_equal_and_shapes_must_be():
    assert difference(np.zeros((0, 3)), np.zeros((0, 3))).is_exact
    with pytest.raises(ShapeError, match=r"\(2,\) and \(3,\)"):
        difference(np.zeros(2), np.zeros(3))


def test_a_divergence_worked_by_hand():
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])
    found = divergence(np.log([p, p]) + 7, np.log([q, p]))
    assert found.kl == pytest.approx([0.25 * math.log(2), 0.0])  # 0.5 ln 2 - 0.25 ln 2
    assert found.entropy == pytest.approx([1.5 * math.log(2)] * 2)
    assert found.flips.tolist() == [True, False] and found.mean_kl == pytest.approx(0.125 * math.log(2))


def test_a_divergence_is_the_naive_sum_over_many_rows():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(0, 3, (50, 11)).astype(np.float32) for _ in range(2))
    p, q = (np.exp(x.astype(np.float64)) / np.exp(x.astype(np.float64)).sum(-1, keepdims=True) for x in (a, b))
    found = divergence(a, b)
    assert found.kl == pytest.approx((p * np.log(p / q)).sum(-1))
    assert found.choice_b.tolist() == b.argmax(-1).tolist()


def test_impossible_tokens_add_nothing_and_damaged_logits_are_nan():
    a = np.array([[0.0, 0.0, -INF], [0.0, 0.0, -INF], [NAN, 0.0, 0.0]])
    b = np.array([[0.0, 0.0, 0.0], [0.0, -INF, 0.0], [0.0, 0.0, 0.0]])
    kl = divergence(a, b).kl
    assert kl[0] == pytest.approx(math.log(3 / 2)) and kl[1] == INF and math.isnan(kl[2])
