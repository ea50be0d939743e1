"""What a program costs: shapes foretold as they come out, and the sum counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.cost import infer_shapes, price, total
from engine.errors import ShapeError
from engine.ops.linear import add, linear
from engine.program import Cost
from engine.run import Run


def shapes_of(model, batch, tokens):
    known = {name: array.shape for name, array in model.weights.items()}
    return infer_shapes(model.program, known | {"tokens": (batch, tokens), "position_ids": (tokens,)})


@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 7), (3, 5)])
def test_shapes_are_foretold(model, batch, tokens):
    shapes = shapes_of(model, batch, tokens)
    ids = np.random.default_rng(0).integers(0, model.config.vocab, (batch, tokens))
    run = Run(model.program, model.weights, {"tokens": ids, "position_ids": np.arange(tokens)}).run()
    assert {name: run[name].shape for name in shapes} == shapes


def test_what_does_not_fit_names_the_line_and_its_builder(program_of):
    program = program_of(("y", add, "xw"), ("z", linear, "yw"))
    with pytest.raises(ShapeError) as caught:
        infer_shapes(program, {"x": (2, 3), "w": (2, 3)})
    note = "\n".join(caught.value.__notes__)
    assert "in line z = linear(y, w)" in note and "written by test.py:1" in note


def test_the_whole_pass_of_gpt2_counted_by_hand(make_model):
    """Width 12, 3 heads of 4, hidden 48, vocabulary 19, two blocks, 5 tokens."""
    model = make_model("gpt2")
    costs = price(model.program, shapes_of(model, 1, 5))
    d, f, v, t, h = 12, 48, 19, 5, 3
    matrices = t * (2 * 4 * d * d + 2 * 2 * d * f + 4 * d + f + d)  # q, k, v, out, up, down: products, then biases
    attention = 2 * 2 * t * t * d + t * t * h * (1 + 1 + 4)  # scores and weighted sum; scale, mask, softmax
    norms = 2 * t * d * (6 + 2)
    rest = t * f * 9 + 2 * t * d  # GELU, two residual sums
    ends = 2 * t * t + t * d + t * d * (6 + 2) + 2 * t * d * v  # mask, positions added, last norm, logits
    assert total(costs).flops == 2 * (matrices + attention + norms + rest) + ends


def test_most_operations_are_those_of_the_matrices(make_model):
    """The rule of thumb: 2 operations per weight and token."""
    model = make_model("llama", hidden_size=64, intermediate_size=256, vocab_size=500)
    costs = total(price(model.program, shapes_of(model, 1, 3)))
    weights = sum(array.size for name, array in model.weights.items() if array.ndim == 2 and name != "embed.weight")
    assert costs.flops == pytest.approx(2 * 3 * weights, rel=0.1)
    assert costs.bytes_read > 4 * weights


def test_the_sum_of_no_lines_is_nothing():
    assert total({}) == Cost(0, 0, 0)
    assert total({"a": Cost(1, 2, 3), "b": Cost(4, 5, 6)}) == Cost(5, 7, 9)
