"""Both normalizations, worked by hand."""

from __future__ import annotations

import math
from statistics import fmean, pstdev

import numpy as np
import pytest

from engine.errors import ShapeError
from engine.ops.norm import layer_normalize, rms_normalize, scale_shift


def test_layer_norm_of_a_row_by_hand():
    # mean 3, deviations -2 0 2, population variance 8/3; with eps = 1/3 the root is sqrt(3).
    x = np.array([[1, 3, 5]], np.float32)
    assert layer_normalize.forward(x, eps=1 / 3) == pytest.approx(np.array([[-2, 0, 2]]) / math.sqrt(3), abs=1e-7)


def test_layer_norm_agrees_with_the_statistics_module():
    x = np.random.default_rng(0).normal(5, 2, (2, 3, 50))
    y = layer_normalize.forward(x, eps=0.0)
    for row, got in zip(x.reshape(-1, 50).tolist(), y.reshape(-1, 50), strict=True):
        assert got == pytest.approx([(v - fmean(row)) / pstdev(row) for v in row], abs=1e-12)


def test_layer_norm_of_a_constant_row_is_zero():
    assert layer_normalize.forward(np.full((1, 4), 7, np.float32), eps=1e-5).tolist() == [[0, 0, 0, 0]]


def test_rms_norm_of_a_row_by_hand():
    # squares 9 and 16, mean 12.5, root 5/sqrt(2): [3 4] -> [0.6 0.8] sqrt(2). The mean is not taken away.
    x = np.array([[3, 4]], np.float32)
    assert rms_normalize.forward(x, eps=0.0) == pytest.approx(np.array([[0.6, 0.8]]) * math.sqrt(2), abs=1e-6)


def test_rms_norm_adds_epsilon_to_the_mean_square():
    assert rms_normalize.forward(np.array([[1, 1]], np.float32), eps=3.0).tolist() == [[0.5, 0.5]]


def test_gain_and_bias_are_per_channel():
    x, gain, bias = (np.array(v, np.float32) for v in ([[1, 2], [3, 4]], [10, 100], [1, -1]))
    assert scale_shift.forward(x, gain, bias).tolist() == [[11, 199], [31, 399]]
    assert scale_shift.forward(x, gain).tolist() == [[10, 200], [30, 400]]


def test_a_gain_of_another_width_is_refused():
    with pytest.raises(ShapeError):
        scale_shift.shape((1, 2, 4), (3,))


def test_norm_costs():
    # LayerNorm per element: a sum, a difference, a square, its sum, a division, and the shift by the mean's share.
    assert layer_normalize.cost(((2, 5),), (2, 5), {}) == (60, 40, 40)
    assert rms_normalize.cost(((2, 5),), (2, 5), {}) == (40, 40, 40)
    assert scale_shift.cost(((2, 5), (5,), (5,)), (2, 5), {}) == (20, 80, 40)
