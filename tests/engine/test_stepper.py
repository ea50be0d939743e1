"""Walking one pass at three depths, forward and back."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import ProgramError
from engine.passes import training_pass
from engine.stepper import Stepper


@pytest.fixture
def stepper_of(make_model, text):
    model = make_model("gpt2")
    inputs = {"tokens": np.array([text(4)]), "position_ids": np.arange(4)}
    return lambda depth="line", breakpoints=(): Stepper(
        "a pass", model.program, model.weights, inputs, breakpoints=set(breakpoints), depth=depth
    )


def last(stepper: Stepper) -> str:
    """The address computed last."""
    return stepper.run.program.lines[stepper.run.cursor - 1].out


def stops(stepper: Stepper) -> list[str]:
    """Where each step to the end stops."""
    found = []
    while not stepper.run.done:
        stepper.step()
        found.append(last(stepper))
    return found


def test_a_step_of_a_block_ends_with_it(stepper_of):
    assert stops(stepper_of("block")) == ["positions", "blocks.0.resid_post", "blocks.1.resid_post", "logits"]


def test_a_step_of_a_part_ends_with_its_part(stepper_of):
    assert stops(stepper_of("part"))[1:7] == [
        "blocks.0.resid_pre", "blocks.0.attn.out", "blocks.0.resid_mid", "blocks.0.mlp.out", "blocks.0.resid_post",
        "blocks.1.resid_pre",
    ]  # fmt: skip


def test_a_step_of_a_line_is_one_line(stepper_of):
    stepper = stepper_of()
    assert stops(stepper) == [line.out for line in stepper.run.program.lines]


@pytest.mark.parametrize("depth", ["block", "part", "line"])
def test_back_goes_where_forward_came_from(stepper_of, depth):
    stepper = stepper_of(depth)
    cursors = [0]
    while not stepper.run.done:
        stepper.step()
        cursors.append(stepper.run.cursor)
    while stepper.run.cursor:
        assert stepper.run.cursor == cursors.pop()
        stepper.back()
    with pytest.raises(ProgramError, match="beginning"):
        stepper.back()


def test_the_end_is_an_error(stepper_of):
    stepper = stepper_of("block")
    stops(stepper)
    with pytest.raises(ProgramError, match="end"):
        stepper.step()


def test_into_goes_a_level_deeper_and_out_finishes_the_unit(stepper_of):
    stepper = stepper_of("block")
    stepper.step()
    stepper.into()
    assert (stepper.depth, last(stepper)) == ("part", "blocks.0.resid_pre")
    stepper.into()
    assert (stepper.depth, last(stepper)) == ("line", "blocks.0.attn.normalized")
    stepper.out()
    assert (stepper.depth, last(stepper)) == ("part", "blocks.0.attn.out")
    stepper.out()
    assert (stepper.depth, last(stepper)) == ("block", "blocks.0.resid_post")
    stepper.out()
    assert (stepper.depth, last(stepper)) == ("block", "blocks.0.resid_post")


@pytest.mark.parametrize("way", ["step", "out"])
def test_a_breakpoint_inside_a_unit_stops_there(stepper_of, way):
    stepper = stepper_of("block", ["blocks.0.attn.scores"])
    stepper.step()
    if way == "out":
        stepper.into()
    getattr(stepper, way)()
    assert stepper.run.next_line.out == "blocks.0.attn.scores"
    stepper.depth = "block"
    stepper.step()
    assert last(stepper) == "blocks.0.resid_post"


def test_rewinding_and_running_on(stepper_of):
    stepper = stepper_of()
    stepper.run_until("blocks.1.attn.q", lambda: False)
    stepper.rewind("blocks.0.attn.q")
    assert stepper.run.next_line.out == "blocks.0.attn.q"
    stepper.rewind(None)
    assert stepper.run.cursor == 0
    stepper.run_until(None, lambda: False)
    assert stepper.run.done


def test_what_is_shown_is_where_it_stands(stepper_of):
    stepper = stepper_of("part")
    stepper.step()
    view = stepper.view()
    assert (view.what, view.depth, view.cursor) == ("a pass", "part", stepper.run.cursor)
    assert set(view.values) == {"tokens", "position_ids"} | {row.address for row in view.rows[: view.cursor]}
    stepper.step()
    assert view.cursor < stepper.run.cursor and len(view.values) == 2 + view.cursor


@pytest.fixture
def training_of(make_model, text):
    return lambda depth: Stepper(*training_pass(make_model("gpt2"), None, text(4)), depth=depth, kind="training")


def test_a_training_pass_is_stepped_by_block_forward_back_and_through_the_update(training_of):
    found = stops(training_of("block"))
    assert found[:4] == ["positions", "blocks.0.resid_post", "blocks.1.resid_post", "loss"]
    assert found[-7:] == [
        "d.blocks.1.resid_pre", "d.blocks.0.resid_pre", "d.embed.weight",
        "new.positions.weight", "new.blocks.0.mlp.down.bias", "new.blocks.1.mlp.down.bias", "new.final.norm.bias",
    ]  # fmt: skip


def test_by_part_the_update_of_attention_and_mlp_are_steps(training_of):
    assert stops(training_of("part"))[-5:-1] == [
        "new.blocks.0.attn.out.bias", "new.blocks.0.mlp.down.bias",
        "new.blocks.1.attn.out.bias", "new.blocks.1.mlp.down.bias",
    ]  # fmt: skip


def test_a_training_pass_goes_back_where_it_came_from_and_stops_at_breakpoints(training_of):
    stepper = training_of("block")
    stepper.run.breakpoints.add("m.blocks.1.attn.q.weight")
    stepper.run_until(None, lambda: False)
    assert stepper.run.next_line.out == "m.blocks.1.attn.q.weight"
    cursors = []
    while stepper.run.cursor:
        stepper.back()
        cursors.append(stepper.run.cursor)
    assert len(cursors) == 13 and cursors == sorted(cursors, reverse=True)


def test_every_line_of_a_training_pass_has_equation_price_and_words(training_of):
    for row in training_of("line").view().rows:
        assert row.equation and row.explanation, row.address
        assert row.cost.flops > 0 or row.op in ("identity", "split_heads", "merge_heads", "embed", "sum_to"), row
