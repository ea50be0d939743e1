"""Matrices and caches of int8: rounding by hand, the product against a plain one, and how little memory it takes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from engine.errors import ShapeError
from engine.ops.cache import append_int8, widen
from engine.ops.int8 import BLOCK, embed_int8, linear_int8, rounded, rounded_rows, scales_of

# By hand: the first row's largest is 254, so s = 2 and 254, -100, 3 become 127, -50, 2 (1.5 rounds to the even 2).
W = np.array([[254, -100, 3], [0, 0, 0], [-12.7, 6.35, 0.1]], np.float32)
SCALES = [2.0, float(np.finfo(np.float32).tiny), 0.1]
Q = [[127, -50, 2], [0, 0, 0], [-127, 64, 1]]  # 63.5 rounds to the even 64
RNG = np.random.default_rng(0)


def test_a_row_is_rounded_by_its_largest_number():
    scales = scales_of(W)
    assert scales == pytest.approx(SCALES) and scales.dtype == np.float32
    q = rounded(W, scales)
    assert q.dtype == np.int8 and q.tolist() == Q


def test_no_number_is_off_by_more_than_half_a_scale():
    matrix = (RNG.standard_normal((301, 700)) * np.exp(RNG.uniform(-9, 9, (301, 1)))).astype(np.float32)
    scales = scales_of(matrix)
    q = rounded(matrix, scales)
    off = np.abs(matrix - q.astype(np.float64) * scales[:, None])
    assert (off <= scales[:, None] * (0.5 + 1e-4)).all() and np.abs(q).max() == 127


def test_what_is_no_number_stays_none_and_only_in_its_row():
    broken = W.copy()
    broken[1, 2], broken[2, 0] = np.nan, np.inf
    scales = scales_of(broken)
    with np.errstate(invalid="ignore"):
        y = linear_int8.forward(np.ones((1, 3), np.float32), rounded(broken, scales), scales)
    assert y[0, 0] == 2 * (127 - 50 + 2) and not np.isfinite(y[0, 1:]).any()


def test_linear_int8_by_hand():
    x = np.array([[1, 2, 3]], np.float32)
    q, s, b = np.array(Q, np.int8), np.array([2, 1, 0.5], np.float32), np.array([10, 20, 30], np.float32)
    assert linear_int8.forward(x, q, s).tolist() == [[66, 0, 2]]  # 2 (127 - 100 + 6), 0, (-127 + 128 + 3) / 2
    assert linear_int8.forward(x, q, s, b).tolist() == [[76, 20, 32]]


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (1000, 300), (3, BLOCK + 5)])
@pytest.mark.parametrize("rows", [1, 4])
def test_linear_int8_is_the_product_with_the_widened_matrix(shape, rows):
    q = RNG.integers(-127, 128, shape).astype(np.int8)
    x, s = RNG.standard_normal((2, rows, shape[1])).astype(np.float32), RNG.random(shape[0]).astype(np.float32)
    expected = x.astype(np.float64) @ (q * s[:, None].astype(np.float64)).T
    assert np.abs(linear_int8.forward(x, q, s) - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_matrix_never_exists_as_float32():
    q = np.ones((4096, 1024), np.int8)  # 16 MiB as float32
    x, s, out = np.ones((3, 1024), np.float32), np.ones(4096, np.float32), np.empty((3, 4096), np.float32)
    linear_int8.forward(x, q, s, out=out)
    tracemalloc.start()
    linear_int8.forward(x, q, s, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < peak <= 1 << 20


def test_a_token_is_its_row_times_its_scale():
    table, scale = np.array(Q, np.int8), np.array([2, 1, 0.5], np.float32)
    assert embed_int8.forward(np.array([[2, 0]]), table, scale).tolist() == [[[-63.5, 32, 0.5], [254, -100, 4]]]


@pytest.mark.parametrize("shapes", [((1, 2), (4, 3), (4,)), ((1, 3), (4, 3), (3,)), ((1, 3), (4, 3), (4,), (3,))])
def test_what_does_not_fit_is_refused(shapes):
    with pytest.raises(ShapeError):
        linear_int8.shape(*shapes)


def test_a_weight_costs_one_byte():
    # 2 rows, 4 in, 3 out: 48 operations and 6 for the scales; read 8 floats, 12 bytes, 3 floats; written 6 floats.
    assert linear_int8.cost(((1, 2, 4), (3, 4), (3,)), (1, 2, 3), {}) == (54, 32 + 12 + 12, 24)
    assert embed_int8.cost(((1, 2), (9, 4), (9,)), (1, 2, 4), {}) == (8, 2 * 12 + 8, 32)
    assert append_int8.cost(((1, 2, 9, 4), (1, 2, 1, 4), (1,), (5,), (1, 2, 9)), (1, 2, 5, 4), {}) == (24, 32, 8 + 8)
    assert widen.cost(((1, 2, 5, 4), (1, 2, 9)), (1, 2, 5, 4), {}) == (40, 40 + 40, 160)


def test_cached_keys_come_back_within_half_a_scale_also_round_a_ring():
    keys = RNG.standard_normal((1, 2, 7, 5)).astype(np.float32)
    cache, scales = np.zeros((1, 2, 4, 5), np.int8), np.zeros((1, 2, 4), np.float32)
    append_int8.forward(cache, keys[:, :, :3], np.arange(3), np.arange(3), scales)
    seen = append_int8.forward(cache, keys[:, :, 3:], np.arange(3, 7), np.array([4, 5, 6, 3]), scales)
    assert seen.dtype == np.int8 and np.shares_memory(seen, cache)
    back, expected = widen.forward(seen, scales), keys[:, :, [4, 5, 6, 3]]
    bound = np.abs(expected).max(-1, keepdims=True) / 127 * 0.5001
    assert back.dtype == np.float32 and (np.abs(back - expected) <= bound).all()
    assert np.abs(expected).max(-1) == pytest.approx(127 * scales)


def test_rows_of_any_array_are_rounded_one_by_one():
    q, s = rounded_rows(W[None, None])
    assert q.tolist() == [[Q]] and s[0, 0] == pytest.approx(SCALES)
