"""Every operation's gradient is the slope that one measures: central differences in float64, in random directions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.autograd import (
    Tensor,
    concatenate,
    cos,
    cross_entropy,
    embedding,
    exp,
    layer_norm,
    log,
    relu,
    sin,
    softmax,
    sqrt,
    tanh,
)

Array = np.ndarray
Function = Callable[..., Tensor]
STEP = 1e-5
ROW, COLUMN, BLOCK = (4,), (3, 1), (2, 3, 4)
IDS = np.array([[2, 0, 2], [2, 1, 0]])
TARGETS = np.array([[1, -1, 3], [0, 2, -100]])

ONE_ARGUMENT: dict[str, Function] = {
    "negative": lambda x: -x,
    "square": lambda x: x**2,
    "reciprocal": lambda x: x**-1,
    "root as power": lambda x: x**0.5,
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "tanh": tanh,
    "sin": sin,
    "cos": cos,
    "relu": lambda x: relu(x - 1.0),
    "constant on the left": lambda x: 2 - 3 / (1 + x) * 0.5,
    "array on the left": lambda x: np.arange(4.0) - np.ones((3, 4)) / x * np.arange(4.0),
    "matrix on the left": lambda x: np.arange(6.0).reshape(2, 3) @ x,
    "sum": lambda x: x.sum(),
    "sum over the first axis": lambda x: x.sum(0),
    "sum over two axes": lambda x: x.sum((0, -1)),
    "sum that keeps its axis": lambda x: x.sum(1, keepdims=True),
    "mean": lambda x: x.mean(),
    "mean over rows": lambda x: x.mean(-1, keepdims=True),
    "reshape": lambda x: x.reshape(-1, 6),
    "transpose": lambda x: x.transpose(),
    "axes in another order": lambda x: x.transpose(2, 0, 1),
    "slice": lambda x: x[:, 1:, ::2],
    "slice of the last axis": lambda x: x[..., 1:3],
    "new axis": lambda x: x[:, None, 0],
    "mask": lambda x: x[np.arange(24).reshape(BLOCK) % 3 == 0],
    "repeated rows": lambda x: x[[1, 0, 1, 1]],
    "embedding": lambda x: embedding(x.reshape(6, 4), IDS),
    "softmax": softmax,
    "softmax with unseen keys": lambda x: softmax(x + np.where(np.arange(4) < 3, 0.0, -np.inf)),
    "cross-entropy": lambda x: cross_entropy(x, TARGETS),
    "twice itself": lambda x: x * x + x,
}
TWO_ARGUMENTS: dict[str, Function] = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a / b": lambda a, b: a / b,
}
BROADCASTS = [(BLOCK, BLOCK), (BLOCK, ROW), (ROW, BLOCK), (BLOCK, COLUMN), (COLUMN, ROW), (BLOCK, ()), ((), BLOCK)]
PRODUCTS = [((3, 4), (4, 2)), (BLOCK, (4, 2)), ((3, 2), (2, 2, 5)), (BLOCK, (2, 4, 3)), ((2, 1, 3, 4), (5, 4, 2))]


def check_slope(function: Function, *shapes: tuple[int, ...]) -> None:
    """Compare along random directions of all arguments at once; arguments lie in (0.5, 1.5)."""
    rng = np.random.default_rng(0)
    places = [rng.uniform(0.5, 1.5, shape) for shape in shapes]
    weights = rng.normal(size=function(*map(Tensor, places)).shape)  # of the results, to make one number of them

    def total(arrays: list[Array]) -> tuple[Tensor, list[Tensor]]:
        tensors = [Tensor(array) for array in arrays]
        return (function(*tensors) * weights).sum(), tensors

    loss, tensors = total(places)
    loss.backward()
    for _ in range(3):
        directions = [rng.normal(size=shape) for shape in shapes]
        ahead, behind = (
            total([p + t * d for p, d in zip(places, directions, strict=True)])[0].data for t in (STEP, -STEP)
        )
        slope = sum(np.vdot(t.grad, d) for t, d in zip(tensors, directions, strict=True))
        assert slope == pytest.approx((ahead - behind) / (2 * STEP), rel=1e-6, abs=1e-8)
    assert [t.grad.shape for t in tensors] == list(shapes)


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_slope_of_one_argument(name):
    check_slope(ONE_ARGUMENT[name], BLOCK)


@pytest.mark.parametrize("shapes", BROADCASTS, ids=str)
@pytest.mark.parametrize("name", TWO_ARGUMENTS)
def test_slope_of_arithmetic_with_broadcasting(name, shapes):
    check_slope(TWO_ARGUMENTS[name], *shapes)


@pytest.mark.parametrize("shapes", PRODUCTS, ids=str)
def test_slope_of_matrix_products(shapes):
    check_slope(lambda a, b: a @ b, *shapes)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_slope_of_concatenation(axis):
    widths = [(2, 3, 4), tuple(n + (i == axis % 3) for i, n in enumerate(BLOCK)), (2, 3, 4)]
    check_slope(lambda a, b, c: concatenate([a, b, c], axis), *widths)


def test_slope_of_layer_norm_by_row_gain_and_bias():
    check_slope(lambda x, gain, bias: layer_norm(x, gain, bias, 1e-5), BLOCK, ROW, ROW)


def test_slope_of_a_small_network():
    def network(x: Tensor, first: Tensor, bias: Tensor, second: Tensor) -> Tensor:
        return cross_entropy(tanh(x @ first + bias) @ second, TARGETS)

    check_slope(network, BLOCK, (4, 7), (7,), (7, 5))
