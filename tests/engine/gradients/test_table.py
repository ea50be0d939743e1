"""Every gradient of the table against central differences in a random direction, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.gradients import GRADIENTS
from engine.ops import activation, attention, dropout, embedding, linear, loss, norm, rope
from engine.ops.attend import attend
from engine.program import Op

Array = np.ndarray
STEP = 1e-6
TOLERANCE = 1e-6
G = np.random.default_rng(5)


def normal(*shape: int) -> Array:
    return G.normal(size=shape)


def ids(high: int, *shape: int) -> Array:
    return G.integers(0, high, shape)


def angles() -> tuple[Array, Array]:
    angle = normal(3, 2)
    return np.cos(angle), np.sin(angle)


def places(tokens: int) -> tuple[Array, Array]:
    return np.arange(tokens), np.arange(tokens)


SHARES = np.exp(normal(2, 4, 3, 3)) / np.exp(normal(2, 4, 3, 3)).sum(-1, keepdims=True)
WITH_PADDING = np.array([[1, -1, 4], [0, 2, 2]])
CASES: list[tuple[str, Op, tuple[Array, ...], dict[str, Any]]] = [
    ("linear", linear.linear, (normal(2, 3, 4), normal(4, 5), normal(5)), {"transposed": False}),
    ("linear, out first", linear.linear, (normal(2, 3, 4), normal(5, 4), normal(5)), {"transposed": True}),
    ("add", linear.add, (normal(2, 3, 4), normal(2, 3, 4)), {}),
    ("add, shared by the batch", linear.add, (normal(2, 3, 4), normal(3, 4)), {}),
    ("multiply", linear.multiply, (normal(2, 3, 4), normal(2, 3, 4)), {}),
    ("scale", linear.scale, (normal(2, 3),), {"factor": 0.3}),
    ("identity", linear.identity, (normal(2, 3),), {}),
    ("layer norm", norm.layer_normalize, (normal(2, 3, 8),), {"eps": 1e-5}),
    ("rms norm", norm.rms_normalize, (normal(2, 3, 8),), {"eps": 1e-5}),
    ("gain and bias", norm.scale_shift, (normal(2, 3, 4), normal(4), normal(4)), {}),
    ("gelu, tanh", activation.gelu_tanh, (normal(2, 3, 4),), {}),
    ("gelu, erf", activation.gelu_erf, (normal(2, 3, 4),), {}),
    ("relu", activation.relu, (normal(2, 3, 4),), {}),
    ("silu", activation.silu, (normal(2, 3, 4),), {}),
    ("embedding, ids repeated", embedding.embed, (ids(5, 2, 9), normal(5, 4)), {}),
    ("rotary", rope.rotate, (normal(2, 4, 3, 4), *angles()), {}),
    ("split heads", attention.split_heads, (normal(2, 3, 8),), {"heads": 4}),
    ("merge heads", attention.merge_heads, (normal(2, 4, 3, 2),), {}),
    ("scores, grouped", attention.scores, (normal(2, 4, 3, 5), normal(2, 2, 3, 5)), {}),
    ("scores", attention.scores, (normal(2, 4, 3, 5), normal(2, 4, 3, 5)), {}),
    ("mask", attention.mask, (normal(2, 4, 3, 3), np.zeros((3, 3))), {}),
    ("softmax", attention.softmax, (normal(2, 4, 3, 3),), {}),
    ("weighted sum, grouped", attention.weighted_sum, (SHARES, normal(2, 2, 3, 5)), {}),
    ("attend", attend, (normal(2, 4, 5, 3), normal(2, 4, 5, 3), normal(2, 4, 5, 3), *places(5)), {"factor": 0.6}),
    ("attend, grouped", attend, (normal(3, 4, 7, 3), normal(3, 2, 7, 3), normal(3, 2, 7, 3), *places(7)), {}),
    ("attend, window", attend, (normal(1, 2, 9, 3), normal(1, 1, 9, 3), normal(1, 1, 9, 3), *places(9)), {"window": 4}),
    ("attend, many rows", attend, (normal(1, 2, 300, 3), normal(1, 2, 300, 3), normal(1, 2, 300, 3), *places(300)), {}),
    ("dropout", dropout.dropout, (normal(2, 6), np.array([3, 7]), np.arange(2)), {"p": 0.4, "address": "a"}),
    ("cross-entropy, padded", loss.cross_entropy, (normal(2, 3, 5), WITH_PADDING), {}),
    ("cross-entropy, smoothed", loss.cross_entropy, (normal(2, 3, 5), WITH_PADDING), {"smoothing": 0.1}),
]
INPUTS = [
    pytest.param(op, ins, attrs, i, id=f"{name}, input {i}")
    for name, op, ins, attrs in CASES
    for i, gradient in enumerate(GRADIENTS[op])
    if gradient is not None and i < len(ins)
]


def backward(op: Op, ins: tuple[Array, ...], attrs: dict[str, Any], i: int, d_out: Array, out: Array) -> Array:
    """What the table says: the gradient of input i."""
    gradient = GRADIENTS[op][i]
    assert gradient is not None
    given = {"d_out": d_out, "out": out} | {f"in{k}": array for k, array in enumerate(ins)}
    shapes = tuple(array.shape for array in ins)
    if whole := gradient.together:
        given["together"] = whole.op.forward(*(given[read] for read in whole.reads), **whole.attrs(shapes, attrs))
    return gradient.op.forward(*(given[read] for read in gradient.reads), **gradient.attrs(shapes, attrs))


@pytest.mark.parametrize(("op", "ins", "attrs", "i"), INPUTS)
def test_a_gradient_agrees_with_differences(op: Op, ins: tuple[Array, ...], attrs: dict[str, Any], i: int) -> None:
    out = np.array(op.forward(*ins, **attrs))
    d_out = G.normal(size=out.shape) if op is not loss.cross_entropy else np.ones(())
    direction = G.normal(size=ins[i].shape)

    def along(step: float) -> float:
        moved = (*ins[:i], ins[i] + step * direction, *ins[i + 1 :])
        return float((op.forward(*moved, **attrs) * d_out).sum())

    expected = (along(STEP) - along(-STEP)) / (2 * STEP)
    found = float((backward(op, ins, attrs, i, d_out, out) * direction).sum())
    assert found == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE)


def test_every_gradient_of_the_table_is_tested() -> None:
    tested = {(op, i) for _, op, ins, _ in CASES for i in range(len(ins))}
    assert {(op, i) for op, row in GRADIENTS.items() for i, g in enumerate(row) if g} <= tested


@pytest.mark.parametrize(("op", "ins", "attrs", "i"), INPUTS)
def test_a_gradient_has_the_shape_of_its_input_and_its_type(
    op: Op, ins: tuple[Array, ...], attrs: dict[str, Any], i: int
) -> None:
    as_float32: Callable[[Array], Array] = lambda a: a.astype(np.float32) if a.dtype == np.float64 else a  # noqa: E731
    single = tuple(map(as_float32, ins))
    out = np.array(op.forward(*single, **attrs))
    found = backward(op, single, attrs, i, np.ones_like(out), out)
    assert found.shape == ins[i].shape and found.dtype == np.float32


def test_a_gradient_operation_says_its_shape() -> None:
    for _, op, ins, attrs in CASES:
        out = np.array(op.forward(*ins, **attrs))
        for i, gradient in enumerate(GRADIENTS[op]):
            if gradient is None or i >= len(ins):
                continue
            given = {"d_out": out.shape, "out": out.shape} | {f"in{k}": array.shape for k, array in enumerate(ins)}
            shapes = tuple(array.shape for array in ins)
            if whole := gradient.together:
                given["together"] = whole.op.shape(*(given[r] for r in whole.reads), **whole.attrs(shapes, attrs))
            said = gradient.op.shape(*(given[read] for read in gradient.reads), **gradient.attrs(shapes, attrs))
            assert said == ins[i].shape, (op, i)
