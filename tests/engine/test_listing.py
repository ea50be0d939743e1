"""A program as text, and what differs between two."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.cost import infer_shapes
from engine.listing import block_of, call_text, diff, listing, section_of, subject_of
from engine.ops.linear import add, multiply, scale
from engine.program import Line


def test_the_printer_lines_up_addresses_shapes_and_calls(program_of):
    program = program_of(("y", add, "xw"), ("longer.name", multiply, "yx"))
    shapes = infer_shapes(program, {"x": (2, 3), "w": (3,)})
    assert listing(program, shapes).splitlines() == [
        "(x) -> longer.name    2 lines, 1 weights",
        "y            2×3  = add(x, w)        y = a + b",
        "longer.name  2×3  = multiply(y, x)   y = a * b",
    ]


def test_inside_a_block_addresses_lose_their_prefix(make_model):
    text = str(make_model("gpt2").program)
    assert "blocks.1.attn.pattern" in text and "= softmax(attn.masked)" in text
    assert len(text.splitlines()) == 1 + len(make_model("gpt2").program)


def test_a_listing_has_no_control_characters_and_no_trailing_column(model):
    for row in str(model.program).splitlines():
        assert row.isprintable()


@pytest.mark.parametrize(
    ("address", "block"),
    [("blocks.3.attn.q", "blocks.3"), ("blocks.3.resid_pre", "blocks.3"), ("logits", ""), ("final.normed", ""),
     ("blocks.3", ""), ("d.blocks.3.attn.q", "")],
)  # fmt: skip
def test_block_of(address, block):
    assert block_of(address) == block


@pytest.mark.parametrize(
    ("address", "section", "subject"),
    [("blocks.3.attn.q", "", "blocks.3.attn.q"), ("d.blocks.3.attn.q", "backward", "blocks.3.attn.q"),
     ("d.logits@loss", "backward", "logits"), ("again.blocks.0.mlp.pre", "backward", "blocks.0.mlp.pre"),
     ("m.blocks.0.attn.q.weight", "update", "blocks.0.attn.q.weight"), ("update.norm", "update", "norm"),
     ("mask.window5", "", "mask.window5"), ("logits@last", "", "logits")],
)  # fmt: skip
def test_a_training_pass_has_sections_and_its_values_are_about_something(address, section, subject):
    assert (section_of(address), subject_of(address)) == (section, subject)


def test_gradient_lines_lose_the_prefix_of_their_block_too():
    line = Line("d.blocks.1.attn.q", add, ("d.blocks.1.attn.q@blocks.1.attn.scores", "d.blocks.0.resid_post"))
    assert call_text(line) == "add(d.attn.q@attn.scores, d.blocks.0.resid_post)"


def test_a_program_does_not_differ_from_itself(model):
    assert {change.kind for change in diff(model.program, model.program)} == {"same"}


def test_a_difference_says_what_went_came_and_changed(program_of):
    old = program_of(("a", add, "xw"), ("b", add, "aw"), ("c", add, "bw"))
    lines = [old.lines[0], Line("n", scale, ("a",), {"factor": 2}), replace(old.lines[2], ins=("n", "w"))]
    new = old.with_lines(lines)
    changes = diff(old, new)
    assert [(c.kind, c.line.out) for c in changes] == [("same", "a"), ("gone", "b"), ("new", "n"), ("changed", "c")]
    assert [str(c) for c in changes] == [
        "  a = add(x, w)", "- b = add(a, w)", "+ n = scale(a, factor=2)", "~ c = add(n, w)    (was c = add(b, w))",
    ]  # fmt: skip


def test_a_difference_holds_both_listings_in_order(make_model):
    old, new = make_model("gpt2").program, make_model("llama").program
    changes = diff(old, new)
    assert [c.old for c in changes if c.old] == list(old.lines)
    assert [c.new for c in changes if c.new] == list(new.lines)
