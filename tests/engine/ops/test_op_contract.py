"""What every operation promises: float32 stays float32, `out` is obeyed, shapes are foretold, views are views."""

from __future__ import annotations

import importlib
import pkgutil
import warnings

import numpy as np
import pytest

import engine.ops
from engine.edits import Edit, edit_op
from engine.ops.activation import gelu_erf, gelu_tanh, gelu_tanh_folded, relu, silu, silu_folded
from engine.ops.attend import attend
from engine.ops.attention import causal_mask, mask, merge_heads, scores, softmax, split_heads, weighted_sum
from engine.ops.cache import APPENDS, append, append_int8, widen
from engine.ops.dropout import dropout
from engine.ops.embedding import embed, sinusoidal
from engine.ops.int8 import embed_int8, linear_int8
from engine.ops.linear import add, columns, identity, last_position, last_row, linear, multiply, scale
from engine.ops.loss import cross_entropy
from engine.ops.norm import layer_normalize, rms_normalize, scale_shift
from engine.ops.optimizer import (
    adam_change,
    adam_m,
    adam_update,
    adam_v,
    clip,
    clip_gradient,
    count_targets,
    decay_gradient,
    gradient_norm,
)
from engine.ops.rope import rope_cos, rope_sin, rotate
from engine.program import Op

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def whole(*shape: int) -> np.ndarray:
    return RNG.integers(-127, 128, shape).astype(np.int8)


ROPE = {"head_size": 6, "theta": 100.0, "scaling": None}
ADAM = {"rate": 1e-3, "step": 3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8}
CASES: list[tuple[Op, tuple, dict]] = [
    (linear, (numbers(2, 3, 4), numbers(4, 5)), {}),
    (linear, (numbers(2, 3, 4), numbers(4, 5), numbers(5)), {"transposed": False}),
    (linear, (numbers(2, 3, 4), numbers(5, 4), numbers(5)), {"transposed": True}),
    (linear_int8, (numbers(2, 3, 4), whole(5, 4), numbers(5)), {}),
    (linear_int8, (numbers(2, 3, 4), whole(5, 4), numbers(5), numbers(5)), {}),
    (embed_int8, (np.array([[1, 0, 6], [2, 2, 5]]), whole(7, 4), numbers(7)), {}),
    (add, (numbers(2, 3, 4), numbers(2, 3, 4)), {}),
    (add, (numbers(2, 3, 4), numbers(3, 4)), {}),
    (multiply, (numbers(2, 3, 4), numbers(2, 3, 4)), {}),
    (scale, (numbers(2, 3, 4),), {"factor": 0.1}),
    (identity, (numbers(2, 3, 4),), {}),
    (columns, (numbers(2, 3, 9),), {"start": 2, "stop": 7}),
    (last_row, (numbers(2, 3, 4),), {}),
    (last_position, (np.arange(5),), {}),
    (gelu_tanh, (numbers(2, 3, 4),), {}),
    (gelu_erf, (numbers(2, 3, 4),), {}),
    (relu, (numbers(2, 3, 4),), {}),
    (silu, (numbers(2, 3, 4),), {}),
    (gelu_tanh_folded, (numbers(2, 3, 4),), {}),
    (silu_folded, (numbers(2, 3, 4),), {}),
    (layer_normalize, (numbers(2, 3, 4),), {"eps": 1e-5}),
    (rms_normalize, (numbers(2, 3, 4),), {"eps": 1e-5}),
    (scale_shift, (numbers(2, 3, 4), numbers(4)), {}),
    (scale_shift, (numbers(2, 3, 4), numbers(4), numbers(4)), {}),
    (embed, (np.array([[1, 0, 6], [2, 2, 5]]), numbers(7, 4)), {}),
    (sinusoidal, (np.arange(5),), {"width": 6}),
    (sinusoidal, (np.arange(5),), {"width": 7}),
    (rope_cos, (np.arange(5),), ROPE),
    (rope_sin, (np.arange(5),), ROPE | {"scaling": (4.0, 1.0, 4.0, 20)}),
    (rotate, (numbers(2, 4, 5, 6), numbers(5, 3), numbers(5, 3)), {}),
    (split_heads, (numbers(2, 3, 12),), {"heads": 4}),
    (merge_heads, (numbers(2, 3, 4, 5).transpose(0, 2, 1, 3),), {}),
    (scores, (numbers(2, 6, 3, 4), numbers(2, 2, 5, 4)), {}),
    (causal_mask, (np.arange(2, 5), np.arange(5)), {"window": None}),
    (causal_mask, (np.arange(2, 5), np.array([5, 1, -1, 3])), {"window": 2}),
    (mask, (numbers(2, 6, 3, 5), numbers(3, 5)), {}),
    (softmax, (numbers(2, 6, 3, 5),), {}),
    (weighted_sum, (numbers(2, 6, 3, 5), numbers(2, 2, 5, 4)), {}),
    (attend, (numbers(2, 6, 40, 4), numbers(2, 2, 45, 4), numbers(2, 2, 45, 3), np.arange(5, 45), np.arange(45)), {}),
    (append, (numbers(2, 3, 8, 4), numbers(2, 3, 2, 4), np.arange(1, 3), np.arange(3)), {"window": None}),
    (append_int8, (whole(2, 3, 8, 4), numbers(2, 3, 2, 4), np.arange(1, 3), np.arange(3), numbers(2, 3, 8)), {}),
    (widen, (whole(2, 3, 5, 4), numbers(2, 3, 8)), {}),
    (cross_entropy, (numbers(2, 3, 7), np.array([[0, 6, -1], [3, 3, -1]])), {}),
    (dropout, (numbers(2, 3, 4), np.array([5, 1]), np.arange(2)), {"p": 0.5, "address": "blocks.0.attn.out"}),
    (count_targets, (np.array([[0, 6, -1], [3, 3, -1]]),), {}),
    (gradient_norm, (np.array(4, np.float32), numbers(3, 4), numbers(4)), {}),
    (clip, (np.array(2.5, np.float32), np.array(4, np.float32)), {"limit": 1.0}),
    (clip_gradient, (numbers(3, 4), np.array(0.25, np.float32)), {}),
    (decay_gradient, (numbers(3, 4), np.array(0.25, np.float32), numbers(3, 4)), {"decay": 0.1}),
    (adam_m, (numbers(3, 4), numbers(3, 4)), {"beta1": 0.9}),
    (adam_v, (numbers(3, 4) ** 2, numbers(3, 4)), {"beta2": 0.95}),
    (adam_change, (numbers(3, 4), numbers(3, 4) ** 2), ADAM),
    (adam_update, (numbers(3, 4), numbers(3, 4)), {"rate": 1e-3, "decay": 0.1}),
    (edit_op, (numbers(2, 3, 4),), {"edit": Edit("x", "scale", (0,), 2.0)}),
]
IDS = [f"{op.name}{i}" for i, (op, _, _) in enumerate(CASES)]


def test_every_operation_of_a_forward_pass_is_tried_here():
    names = [info.name for info in pkgutil.iter_modules(engine.ops.__path__) if not info.name.endswith("_gradients")]
    modules = [importlib.import_module(f"engine.ops.{name}") for name in names]
    ops = {thing for module in modules for thing in vars(module).values() if isinstance(thing, Op)}
    assert ops <= {op for op, _, _ in CASES}


@pytest.mark.parametrize(("op", "ins", "attrs"), CASES, ids=IDS)
def test_float32_stays_float32_and_the_shape_is_foretold(op, ins, attrs):
    before = [a.copy() for a in ins]
    result = op.forward(*ins, **attrs)
    assert result.dtype == (ins[0].dtype if op in (last_position, append_int8) else np.float32)
    assert result.shape == op.shape(*(a.shape for a in ins), **attrs)
    if op not in APPENDS:  # which is there to write into its cache
        assert all(np.array_equal(a, b) for a, b in zip(ins, before, strict=True))


@pytest.mark.parametrize(("op", "ins", "attrs"), CASES, ids=IDS)
def test_out_is_written_and_returned_with_the_same_numbers(op, ins, attrs):
    if op.is_view:
        return
    result = op.forward(*ins, **attrs)
    axes = op.layout or tuple(range(result.ndim))
    out = np.full([result.shape[a] for a in axes], np.nan, np.float32).transpose(np.argsort(axes))
    assert op.forward(*ins, out=out, **attrs) is out
    assert out.tobytes() == result.tobytes()


@pytest.mark.parametrize(("op", "ins", "attrs"), CASES, ids=IDS)
def test_a_view_shares_memory_with_its_first_input_and_nothing_else_does(op, ins, attrs):
    result = op.forward(*ins, **attrs)
    assert np.shares_memory(result, ins[0]) == op.is_view
    assert not any(np.shares_memory(result, other) for other in ins[1:])


@pytest.mark.parametrize(("op", "ins", "attrs"), CASES, ids=IDS)
def test_an_operation_that_may_overwrite_its_input_gives_the_same_there(op, ins, attrs):
    if op.overwrites is None:
        return
    expected = op.forward(*ins, **attrs)
    given = [a.copy() for a in ins]
    assert op.forward(*given, out=given[op.overwrites], **attrs) is given[op.overwrites]
    assert given[op.overwrites].tobytes() == expected.tobytes()


@pytest.mark.parametrize(("op", "ins", "attrs"), CASES, ids=IDS)
def test_an_operation_explains_itself(op, ins, attrs):
    assert op.equation and op.explanation.endswith(".") and op.equation.isprintable()
    assert op.forward.__doc__


def test_a_result_with_a_layout_of_its_own_lies_in_that_layout():
    result = weighted_sum.forward(numbers(2, 6, 3, 5), numbers(2, 2, 5, 4))
    assert result.transpose(weighted_sum.layout).flags.c_contiguous


@pytest.mark.parametrize("op", [gelu_tanh, gelu_erf, relu, silu])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arguments_raise_no_warning(op, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = op.forward(np.array([-1e4, -100, 100, 1e4], dtype))
    assert result.dtype == dtype
    assert result.tolist() == pytest.approx([0, 0, 100, 1e4], rel=0, abs=1e-40)
