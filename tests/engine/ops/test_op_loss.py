"""Cross-entropy: surprise in nats."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.ops.loss import cross_entropy, log_softmax


def test_equal_logits_surprise_by_log_v():
    assert cross_entropy.forward(np.zeros((1, 2, 8), np.float32), np.array([[3, 5]])) == pytest.approx(2 * math.log(8))


def test_cross_entropy_by_hand():
    # Probabilities 1/4 and 3/4: -log(3/4); then 1/2 and 1/2: -log(1/2).
    logits = np.array([[[0, math.log(3)], [5, 5]]], np.float32)
    expected = -math.log(3 / 4) - math.log(1 / 2)
    assert cross_entropy.forward(logits, np.array([[1, 0]])) == pytest.approx(expected, rel=1e-6)


def test_padding_counts_nothing():
    logits = np.random.default_rng(0).standard_normal((1, 3, 5)).astype(np.float32)
    some = cross_entropy.forward(logits, np.array([[2, -1, 4]]))
    assert some == pytest.approx(float(cross_entropy.forward(logits[:, [0, 2]], np.array([[2, 4]]))), rel=1e-6)


def test_log_softmax_does_not_overflow():
    assert log_softmax(np.array([1000, 0], np.float32)).tolist() == [0, -1000]


def test_cross_entropy_costs_every_logit():
    # Per logit: maximum, shift, exp, sum; the result is one number. 2·3·7 = 42 logits, 6 targets of 8 bytes.
    assert cross_entropy.cost(((2, 3, 7), (2, 3)), (), {}) == (4 * 42, 4 * 42 + 8 * 6, 4)
