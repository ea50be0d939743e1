"""Matrix products and sums, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import ShapeError
from engine.ops.linear import add, columns, identity, last_position, last_row, linear, multiply, scale
from engine.ops.shapes import broadcast

# By hand: [1 2] [1 2 3; 4 5 6] = [1+8, 2+10, 3+12] = [9 12 15]; [0 -1] gives minus the second row.
X = np.array([[[1, 2], [0, -1]]], np.float32)
W = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
XW = [[[9, 12, 15], [-4, -5, -6]]]


def test_linear_multiplies_rows_by_columns():
    assert linear.forward(X, W).tolist() == XW
    assert linear.forward(X, W, transposed=False).tolist() == XW


def test_linear_reads_the_other_file_layout():
    assert linear.forward(X, W.T.copy(), transposed=True).tolist() == XW


def test_linear_adds_the_bias_to_every_row():
    bias = np.array([10, 20, 30], np.float32)
    assert linear.forward(X, W, bias).tolist() == [[[19, 32, 45], [6, 15, 24]]]


def test_linear_takes_rows_that_are_not_contiguous():
    wide = np.concatenate([X, X + 7], -1)
    assert linear.forward(wide[..., :2], W).tolist() == XW
    assert linear.forward(X[:, -1:], W).tolist() == [[[-4, -5, -6]]]


@pytest.mark.parametrize(
    ("shapes", "attrs"),
    [(((1, 2, 3), (2, 4)), {}), (((1, 2, 3), (3, 4)), {"transposed": True}), (((1, 2, 3), (3, 4), (3,)), {}),
     (((1, 2, 3), (4, 3), (3,)), {"transposed": True})],
)  # fmt: skip
def test_linear_refuses_what_does_not_fit(shapes, attrs):
    with pytest.raises(ShapeError, match="3"):
        linear.shape(*shapes, **attrs)


def test_linear_costs_two_operations_per_weight_and_row():
    # 2 rows x 3 outputs x (2 products + 2 sums) = 24; the bias adds one per output: 6. Bytes: 4 + 6 (+ 3) in, 6 out.
    assert linear.cost(((1, 2, 2), (2, 3)), (1, 2, 3), {}) == (24, 40, 24)
    assert linear.cost(((1, 2, 2), (2, 3), (3,)), (1, 2, 3), {}) == (30, 52, 24)


def test_add_and_multiply_work_element_by_element():
    a, b = np.array([[1, 2], [3, 4]], np.float32), np.array([10, 0.5], np.float32)
    assert add.forward(a, b).tolist() == [[11, 2.5], [13, 4.5]]
    assert multiply.forward(a, b).tolist() == [[10, 1], [30, 2]]
    assert add.cost(((2, 2), (2,)), (2, 2), {}) == (4, 24, 16)


def test_scale_multiplies_by_one_number():
    assert scale.forward(np.array([2, -4], np.float32), factor=0.25).tolist() == [0.5, -1]


def test_views_pick_and_rename():
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    assert columns.forward(x, start=1, stop=3).tolist() == [[[1, 2], [5, 6], [9, 10]]]
    assert last_row.forward(x).tolist() == [[[8, 9, 10, 11]]]
    assert last_position.forward(np.array([4, 5, 6])).tolist() == [6]
    assert identity.forward(x) is x
    for op, out, attrs in (
        (columns, (1, 3, 2), {"start": 1, "stop": 3}),
        (last_row, (1, 1, 4), {}),
        (identity, (1, 3, 4), {}),
    ):
        assert op.cost(((1, 3, 4),), out, attrs) == (0, 0, 0)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 2), (3, 2), (0, 5)])
def test_columns_outside_the_axis_are_refused(start, stop):
    with pytest.raises(ShapeError, match="axis of 4"):
        columns.shape((1, 3, 4), start=start, stop=stop)


def test_broadcasting_follows_numpy():
    for shapes in [((2, 3), (3,)), ((2, 1, 3), (4, 1)), ((1,), (5,)), ((2, 3), ()), ((0, 3), (1, 3))]:
        assert broadcast(*shapes) == np.broadcast_shapes(*shapes)


def test_sizes_that_differ_are_refused():
    with pytest.raises(ShapeError, match=r"cannot broadcast \(2, 3\) with \(2,\)"):
        add.shape((2, 3), (2,))
