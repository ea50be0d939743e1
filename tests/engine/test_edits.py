"""Edits as data: each kind, and that nothing outlives the run it was given to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.compile import compile_program
from engine.edits import Edit, apply_edits, edit_forward, edit_from_json, edit_to_json
from engine.errors import InputError, ProgramError
from engine.run import Run

X = np.array([[[1, 2], [3, 4], [5, 9]]], np.float32)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Edit("x", "zero"), [[[0, 0], [0, 0], [0, 0]]]),
        (Edit("x", "zero", (None, 1)), [[[1, 2], [0, 0], [5, 9]]]),
        (Edit("x", "zero", (0, slice(1, 3), 0)), [[[1, 2], [0, 4], [0, 9]]]),
        (Edit("x", "scale", (0, 2), 2), [[[1, 2], [3, 4], [10, 18]]]),
        (Edit("x", "scale", (0, 2, 1), 0.5), [[[1, 2], [3, 4], [5, 4.5]]]),
        (Edit("x", "add", (0, 0), np.array([10, 20])), [[[11, 22], [3, 4], [5, 9]]]),
        (Edit("x", "set", (None, None, 0), 7), [[[7, 2], [7, 4], [7, 9]]]),
        (Edit("x", "mean"), [[[3, 5], [3, 5], [3, 5]]]),
        (Edit("x", "ablate_head", (2,)), [[[1, 2], [3, 4], [0, 0]]]),
        (Edit("x", "patch", (), X[:, ::-1]), [[[5, 9], [3, 4], [1, 2]]]),
        (Edit("x", "patch", (0, 1), np.array([8, 8])), [[[1, 2], [8, 8], [5, 9]]]),
    ],
    ids=lambda v: v.kind if isinstance(v, Edit) else "",
)
def test_each_kind_of_edit(edit, expected):
    before = X.copy()
    result = edit_forward(X, edit=edit)
    assert result.tolist() == expected and result.dtype == np.float32
    assert np.array_equal(X, before) and not np.shares_memory(result, X)
    place = X.copy()
    assert edit_forward(place, edit=edit, out=place) is place and place.tolist() == expected


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="'explode': expected one of zero, scale, add"):
        Edit("x", "explode")


@pytest.mark.parametrize("kind", ["scale", "add", "set", "patch"])
def test_a_kind_that_needs_a_value_says_so(kind):
    with pytest.raises(InputError, match="needs a value"):
        Edit("x", kind)


@pytest.fixture
def run_of(make_model, text):
    model, ids = make_model("gpt2"), np.array([text(5)])

    def make(*edits: Edit) -> Run:
        return Run(model.program, model.weights, {"tokens": ids, "position_ids": np.arange(5)}, edits).run()

    return make


def test_an_edited_run_leaves_the_next_one_alone(run_of, make_model):
    model = make_model("gpt2")
    program, expected = model.program, run_of()["logits"].tobytes()
    edited = run_of(Edit("blocks.0.attn.out", "zero"))
    assert edited["logits"].tobytes() != expected
    assert model.program is program and run_of()["logits"].tobytes() == expected


def test_the_same_edits_give_the_same_run(run_of):
    edits = [Edit("blocks.0.attn.pattern", "ablate_head", (1,)), Edit("blocks.1.mlp.post", "scale", (), 2.0)]
    assert run_of(*edits)["logits"].tobytes() == run_of(*edits)["logits"].tobytes()


def test_every_reader_sees_the_edit_and_the_value_before_stays_readable(run_of):
    plain, edited = run_of(), run_of(Edit("blocks.0.resid_mid", "add", (0, 2), 1.0))
    assert np.array_equal(edited["blocks.0.resid_mid@before"], plain["blocks.0.resid_mid"])
    change = edited["blocks.0.resid_mid"] - plain["blocks.0.resid_mid"]
    assert change[0, 2] == pytest.approx(1, abs=1e-6) and not change[0, [0, 1, 3, 4]].any()
    assert np.array_equal(edited["logits"][0, :2], plain["logits"][0, :2])  # nothing flows back in time
    assert not np.allclose(edited["logits"][0, 2], plain["logits"][0, 2])


def test_ablating_a_head_of_z_is_leaving_its_columns_out_of_the_merge(run_of):
    edited, plain = run_of(Edit("blocks.0.attn.z", "ablate_head", (1,))), run_of()
    expected = plain["blocks.0.attn.merged"].copy()
    expected[..., 4:8] = 0  # width 12 over 3 heads: head 1 has columns 4 to 7
    assert np.array_equal(edited["blocks.0.attn.merged"], expected)


def test_patching_a_value_from_another_run_gives_that_run(run_of, make_model):
    other = Run(make_model("gpt2").program, make_model("gpt2").weights,
                {"tokens": np.array([[3, 1, 4, 1, 5]]), "position_ids": np.arange(5)}).run()  # fmt: skip
    patched = run_of(Edit("blocks.0.resid_post", "patch", (), other["blocks.0.resid_post"]))
    assert np.array_equal(patched["logits"], other["logits"])


def test_edits_of_one_address_apply_in_their_order(run_of):
    first_scaled = run_of(Edit("embed", "scale", (), 2.0), Edit("embed", "add", (), 1.0))
    first_added = run_of(Edit("embed", "add", (), 1.0), Edit("embed", "scale", (), 2.0))
    plain = run_of()["embed"]
    assert np.array_equal(first_scaled["embed"], plain * np.float32(2) + 1)
    assert np.array_equal(first_added["embed"], (plain + 1) * np.float32(2))
    assert np.array_equal(first_scaled["embed@before"], plain)


def test_editing_what_is_not_there_is_refused(run_of):
    with pytest.raises(ProgramError, match="did you mean blocks"):
        run_of(Edit("blocks.0.attn.patterns", "zero"))
    with pytest.raises(ProgramError, match="not in this program"):
        run_of(Edit("tokens", "zero"))


def test_a_selection_outside_the_value_says_which_line(run_of):
    with pytest.raises(IndexError) as caught:
        run_of(Edit("embed", "zero", (0, 99)))
    assert "embed = edit(embed@before" in caught.value.__notes__[0]


def test_every_address_of_a_program_can_be_edited_compiled(make_model, text):
    """A compiled edit gives what the stepped one gives, wherever it is: also where a view follows."""
    model, ids = make_model("llama"), np.array([text(4)])
    inputs = {"tokens": ids, "position_ids": np.arange(4)}
    for line in model.program.lines:
        edits = [Edit(line.out, "scale", (), 0.5)]
        expected = Run(model.program, model.weights, inputs, edits).run()["logits"]
        compiled = compile_program(apply_edits(model.program, edits), model.weights, poison=True)
        assert np.allclose(compiled(inputs)["logits"], expected, atol=1e-5), line.out


@pytest.mark.parametrize(
    "edit",
    [Edit("embed", "zero"), Edit("a.b", "scale", (0, None, slice(1, 3), slice(None, None, 2)), 2.5),
     Edit("embed", "patch", (1,), X), Edit("embed", "ablate_head", (2,))],
)  # fmt: skip
def test_a_saved_edit_comes_back_the_same(edit):
    back = edit_from_json(json.loads(json.dumps(edit_to_json(edit))))
    assert (back.address, back.kind, back.selection) == (edit.address, edit.kind, edit.selection)
    assert np.array_equal(back.values, edit.values) if edit.values is not None else back.values is None


def test_an_edit_is_read_from_its_saved_form():
    edit = edit_from_json({"address": "embed", "kind": "scale", "selection": [0, [1, 3], None], "values": 2.0})
    assert (edit.address, edit.kind, edit.selection, edit.values) == ("embed", "scale", (0, slice(1, 3), None), 2.0)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {},
        {"address": "embed"},
        {"address": 3, "kind": "zero"},
        {"address": "embed", "kind": ["zero"]},
        {"address": "embed", "kind": "zero", "selection": "all"},
        {"address": "embed", "kind": "zero", "selection": [[1, 2, 3, 4]]},
        {"address": "embed", "kind": "zero", "selection": [1.5]},
        {"address": "embed", "kind": "zero", "selection": [["a", "b"]]},
        {"address": "embed", "kind": "set", "values": "much"},
        {"address": "embed", "kind": "set", "values": [[1, 2], [3]]},
    ],
)
def test_a_damaged_saved_edit_is_refused(raw):
    with pytest.raises(InputError, match="edit"):
        edit_from_json(raw)
