"""Activations against the formulas of the math module, number by number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.ops.activation import (
    ACTIVATIONS,
    GELU_INNER,
    erf,
    gelu_erf,
    gelu_tanh,
    gelu_tanh_folded,
    relu,
    silu,
    silu_folded,
)

INF = math.inf
POINTS = [-30.0, -6.0, -3.3, -1.0, -0.1, -1e-4, 0.0, 1e-4, 0.1, 0.5, 1.0, 2.7, 3.3, 5.9, 30.0]
FORMULAS = {
    gelu_tanh: lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    gelu_erf: lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    relu: lambda x: x if x > 0 else 0.0,
    silu: lambda x: x / (1 + math.exp(-x)),
}
FOLDED = {  # what goes in front of the operation, the operation, what comes behind it, and what it replaces
    gelu_tanh: (GELU_INNER, gelu_tanh_folded, 0.5 / GELU_INNER),
    silu: (0.5, silu_folded, 1.0),
}


def test_every_activation_has_a_formula_here():
    assert set(ACTIVATIONS.values()) == set(FORMULAS)
    assert {name: op.name for name, op in ACTIVATIONS.items()} == {op.name: op.name for op in FORMULAS}


@pytest.mark.parametrize("op", FORMULAS, ids=lambda op: op.name)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-7), (np.float64, 1e-14)])
def test_activation_follows_its_formula(op, dtype, tolerance):
    points = np.array(POINTS, dtype)
    expected = [FORMULAS[op](float(x)) for x in points]
    assert op.forward(points) == pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("op", FOLDED, ids=lambda op: op.name)
def test_a_folded_activation_is_the_plain_one_between_two_constants(op):
    before, folded, after = FOLDED[op]
    points = np.array(POINTS)
    expected = [FORMULAS[op](x) for x in POINTS]
    assert after * folded.forward(before * points) == pytest.approx(expected, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-7), (np.float64, 1e-14)])
def test_erf_is_as_good_as_its_type(dtype, tolerance):
    x = np.concatenate([np.linspace(-7, 7, 4001), np.geomspace(1e-8, 6, 500)]).astype(dtype)
    expected = np.array([math.erf(v) for v in x.tolist()])
    assert np.abs(erf(x) - expected).max() <= tolerance
    assert erf(x).dtype == dtype


def test_erf_ends_at_exactly_one():
    ends = np.array([-INF, -1e30, -4, 4, 1e30, INF], np.float32)
    assert erf(ends).tolist() == [-1, -1, -1, 1, 1, 1]
    assert np.isnan(erf(np.array([math.nan], np.float32)))


def test_erf_goes_on_over_its_pieces():
    x = np.linspace(-3, 3, 10_000, dtype=np.float32).reshape(100, 100)
    assert np.array_equal(erf(x).ravel()[5000:], erf(x.ravel()[5000:]))
    assert erf(x.T).tolist() == erf(x).T.tolist()


def test_erf_is_odd_and_leaves_its_argument_alone():
    x = np.linspace(0, 5, 50, dtype=np.float32)
    before = x.copy()
    assert np.array_equal(erf(-x), -erf(x)) and np.array_equal(x, before)


def test_the_two_gelus_differ_by_less_than_a_thousandth():
    x = np.linspace(-5, 5, 201)
    gap = np.abs(gelu_tanh.forward(x) - gelu_erf.forward(x)).max()
    assert 1e-4 < gap < 1e-3


@pytest.mark.parametrize(("op", "flops"), [(gelu_tanh, 9), (relu, 1), (silu, 4)], ids=str)
def test_activation_cost_per_element(op, flops):
    # gelu_tanh: x², · c, + 1, · x, · √, tanh, + 1, · ½, · x = 9. silu: -x, exp, + 1, / = 4.
    assert op.cost(((2, 5),), (2, 5), {}) == (10 * flops, 40, 40)
