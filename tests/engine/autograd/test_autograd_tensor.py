"""What a learner can check by hand about tensors, the walk back, and Adam."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from engine.autograd import Adam, Tensor, cross_entropy, embedding, exp, layer_norm, log, relu, softmax, sqrt, tanh
from engine.errors import ShapeError

ROOT = Path(__file__).resolve().parents[3]


def test_gradient_of_a_product_is_the_other_factor():
    a, b = Tensor(3.0), Tensor(5.0)
    (a * b).backward()
    assert (a.grad, b.grad) == (5, 3)


def test_a_value_used_twice_gets_both_gradients():
    # The diamond x -> (3x, x²) -> 3x · x² = 3x³: at x = 2 its slope is 9 · 4 = 36.
    x = Tensor(2.0)
    left, right = 3 * x, x * x
    (left * right).backward()
    assert (left.grad, right.grad, x.grad) == (4, 6, 36)


def test_a_chain_of_diamonds_is_walked_once_per_step():
    # y = 2⁵⁰ x by doubling 50 times: there are 2⁵⁰ paths from y to x, and 50 steps.
    x = Tensor(1.0)
    y = x
    for _ in range(50):
        y = y + y
    y.backward()
    assert x.grad == 2**50


def test_a_long_chain_needs_no_deep_recursion():
    x = Tensor(1.0)
    y = x
    for _ in range(5000):
        y = y + 1
    y.backward()
    assert x.grad == 1


def test_a_row_looked_up_twice_gets_both_gradients():
    table = Tensor(np.zeros((4, 2)))
    (embedding(table, np.array([3, 1, 3])) * np.array([[1, 2], [10, 20], [100, 200]])).sum().backward()
    assert table.grad.tolist() == [[0, 0], [10, 20], [0, 0], [101, 202]]


def test_a_bias_that_was_repeated_gets_the_sum_of_its_rows():
    x, bias = Tensor(np.ones((3, 2))), Tensor([1.0, 2.0])
    ((x + bias) * np.array([[1, 2], [3, 4], [5, 6]])).sum().backward()
    assert bias.grad.tolist() == [9, 12]


def test_cross_entropy_by_hand_skips_padding():
    # Two equal scores cost log 2 each and pull by the share minus one; the padded row counts nothing.
    scores = Tensor(np.array([[0.0, 0.0], [7.0, 7.0], [9.0, 1.0]]))
    total = cross_entropy(scores, np.array([0, 1, -1]))
    total.backward()
    assert total.data == pytest.approx(2 * math.log(2), abs=1e-15)
    assert scores.grad == pytest.approx(np.array([[-0.5, 0.5], [0.5, -0.5], [0, 0]]), abs=1e-15)


def test_cross_entropy_of_padding_alone_is_zero():
    scores = Tensor(np.ones((2, 3)))
    total = cross_entropy(scores, np.array([-1, -1]))
    total.backward()
    assert total.data == 0 and not scores.grad.any()


def test_softmax_of_huge_scores_does_not_overflow():
    scores = Tensor(np.array([1000.0, 1000.0, -np.inf]))
    shares = softmax(scores)
    (shares * np.array([1.0, 0.0, 5.0])).sum().backward()
    assert shares.data.tolist() == [0.5, 0.5, 0]
    assert scores.grad.tolist() == [0.25, -0.25, 0]


def test_layer_norm_of_a_row_by_hand():
    # mean 3, deviations -2 0 2, population variance 8/3; with eps = 1/3 the root is sqrt(3).
    normed = layer_norm(Tensor([[1.0, 3.0, 5.0]]), Tensor([1.0, 1.0, 2.0]), Tensor([0.0, 1.0, 0.0]), eps=1 / 3)
    assert normed.data == pytest.approx(np.array([[-2, math.sqrt(3), 4]]) / math.sqrt(3))


def test_each_call_of_backward_starts_from_zero():
    x = Tensor(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad == 6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_gradients_keep_their_type(dtype):
    x, w = Tensor(np.ones((2, 3), dtype)), Tensor(np.full((3, 3), 0.5, dtype))
    y = relu(x @ w * 2 + 1) / 3 - np.arange(3)
    y = layer_norm(softmax(y) ** 2, w[0], w[1]) + exp(tanh(-y)) + log(sqrt(y * y + 1)) + y.mean(-1, keepdims=True)
    loss = cross_entropy(y, np.array([0, 2])) / 2
    loss.backward()
    assert {t.dtype.type for t in (y.data, loss.data, x.grad, w.grad)} == {dtype}


def test_only_a_single_number_can_be_walked_back_from():
    with pytest.raises(ShapeError, match=r"got shape \(2,\)"):
        Tensor([1.0, 2.0]).backward()


def test_a_vector_in_a_matrix_product_is_refused():
    with pytest.raises(ShapeError, match="reshape"):
        Tensor(np.ones((2, 3))) @ Tensor(np.ones(3))


def test_adam_by_hand():
    # rate 0.1, betas 0.5 and 0.75, eps 0; gradients 4, then -2.
    # step 1: m = 2, v = 4;       m' = 2 / 0.5 = 4,    v' = 4 / 0.25 = 16:         w = 1 - 0.1 · 4 / 4 = 0.9
    # step 2: m = 0, v = 3 + 1:   m' = 0                                          w = 0.9
    # step 3, gradient 1: m = 0.5, v = 3.25; m' = 0.5 / 0.875, v' = 3.25 / (1 - 0.75³)
    w = Tensor(1.0)
    adam = Adam([w], rate=0.1, betas=(0.5, 0.75), eps=0.0)
    seen = []
    for gradient in (4.0, -2.0, 1.0):
        (w * gradient).backward()
        adam.step()
        seen.append(float(w.data))
    last = 0.9 - 0.1 * (0.5 / 0.875) / math.sqrt(3.25 / (1 - 27 / 64))
    assert seen == pytest.approx([0.9, 0.9, last], abs=1e-15)


def test_the_first_step_of_adam_has_the_size_of_the_rate():
    w = Tensor(np.array([1.0, 1.0], np.float32))
    adam = Adam([w], rate=0.01)
    (w * np.array([1e-3, -1e3])).sum().backward()
    adam.step()
    assert w.data == pytest.approx(np.array([0.99, 1.01]), abs=1e-6)
    assert w.data.dtype == np.float32


def test_adam_uses_a_gradient_once_and_leaves_the_given_array_alone():
    given = np.array([1.0])
    w, unused = Tensor(given), Tensor(5.0)
    adam = Adam([w, unused], rate=0.1)
    (w * 2).sum().backward()
    adam.step()
    after = w.data.copy()
    adam.step()
    assert given.tolist() == [1] and w.data.tolist() == after.tolist() and unused.data == 5


def test_adam_finds_the_bottom_of_a_bowl():
    w = Tensor(np.array([3.0, -4.0]))
    adam = Adam([w], rate=0.1)
    for _ in range(500):
        ((w - np.array([1.0, 2.0])) ** 2).sum().backward()
        adam.step()
    assert w.data == pytest.approx([1, 2], abs=1e-3)


def test_nothing_else_depends_on_it_and_it_depends_on_nothing_else():
    for path in (p for package in ("engine", "viewers", "app") for p in (ROOT / package).rglob("*.py")):
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        names = {node.module or "" for node in tree if isinstance(node, ast.ImportFrom)}
        ours = {name for name in names if name.startswith("engine.")}
        if path.is_relative_to(ROOT / "engine" / "autograd"):
            assert all(name == "engine.errors" or name.startswith("engine.autograd") for name in ours), path
        else:
            assert not any(name.startswith("engine.autograd") for name in ours), path
