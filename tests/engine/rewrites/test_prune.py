"""What nobody reads is not computed."""

from __future__ import annotations

import numpy as np

from engine.cost import infer_shapes
from engine.ops.linear import add, multiply, scale
from engine.rewrites.differentiate import differentiate, with_loss
from engine.rewrites.prune import prune
from engine.run import execute


def test_only_what_leads_to_an_output_stays(program_of):
    program = program_of(
        ("a", add, ("x", "w")), ("b", multiply, ("a", "u")), ("c", scale, ("b",)), ("d", scale, ("a",)),
        params=("w", "u"),
    )  # fmt: skip
    weights = {"w": np.ones(1), "u": np.ones(1)}
    pruned, same = prune(program, weights)
    assert [line.out for line in pruned.lines] == ["a", "d"]
    assert pruned.params == ("w",) and pruned.outputs == ("d",) and same is weights


def test_what_is_kept_by_name_stays_with_all_that_it_needs(program_of):
    program = program_of(("a", add, "xw"), ("b", scale, "a"), ("c", scale, "b"), ("d", scale, "x"))
    assert [line.out for line in prune(program, {}, keep=["b"])[0].lines] == ["a", "b", "d"]


def test_a_program_of_which_all_is_read_stays_as_it_is(model):
    assert prune(model.program, model.weights) == (model.program, model.weights)


def test_the_outputs_do_not_change(make_model, text):
    model = make_model("llama")
    plain, weights = with_loss(model.program, model.weights)
    inputs = {"tokens": np.array([text(5)]), "targets": np.array([text(5, 1)]), "position_ids": np.arange(5)}
    pruned, _ = prune(plain.with_lines(plain.lines, outputs=("blocks.0.mlp.post",)), weights)
    found = execute(pruned, weights, inputs)["blocks.0.mlp.post"]
    np.testing.assert_array_equal(found, execute(plain, weights, inputs, ["blocks.0.mlp.post"])["blocks.0.mlp.post"])
    assert not any("blocks.1" in line.out for line in pruned.lines)


def test_gradient_lines_of_frozen_weights_are_never_emitted(make_model):
    """With the last matrix alone to learn, the backward pass is the loss's gradient and that matrix's."""
    model = make_model("llama")
    plain, weights = with_loss(model.program, model.weights)
    given = {"tokens": (1, 4), "targets": (1, 4), "position_ids": (4,)}
    shapes = infer_shapes(plain, {n: w.shape for n, w in weights.items()} | given)
    program, _ = differentiate(plain, weights, shapes, ["unembed.weight"])
    assert [line.out for line in program.lines[len(plain) :]] == ["d.logits", "d.unembed.weight"]
