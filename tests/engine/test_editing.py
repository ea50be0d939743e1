"""Edits as a person writes them, and a session that takes them, undoes them and weighs them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.edit_text import edit_from_text, edit_text
from engine.editing import clear_edits, edit, redo_edit, undo_edit
from engine.edits import Edit, apply_edits, require_fit
from engine.errors import Cancelled, InputError, MiniGPTError, ProgramError
from engine.recording import record_text
from engine.run import execute
from engine.session import Session, never
from engine.settings import Settings
from engine.trace_file import save_trace
from engine.weighing import weigh

TEXTS = (
    ("embed:zero", Edit("embed", "zero")),
    ("blocks.0.attn.pattern:ablate_head:3", Edit("blocks.0.attn.pattern", "ablate_head", (3,))),
    ("blocks.1.mlp.out:scale:*,4=0.5", Edit("blocks.1.mlp.out", "scale", (None, 4), 0.5)),
    ("blocks.1.resid_mid:set:*,2-5,7=-0.25", Edit("blocks.1.resid_mid", "set", (None, slice(2, 6), 7), -0.25)),
    ("blocks.1.resid_mid:add:0,0,0=1e-12", Edit("blocks.1.resid_mid", "add", (0, 0, 0), 1e-12)),
    ("blocks.0.attn.z:mean:*,1", Edit("blocks.0.attn.z", "mean", (None, 1))),
)


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[text for text, _ in TEXTS])
def test_an_edit_is_written_and_read_back(text, expected):
    assert edit_text(expected) == text
    assert vars(edit_from_text(text)) == vars(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("embed", "expected ADDRESS:KIND"),
        ("", "expected ADDRESS:KIND"),
        ("embed:melt", "kind 'melt' is none of zero, scale"),
        ("embed:zero:1:2", "expected ADDRESS:KIND"),
        ("em\x1b[2J:zero", "expected ADDRESS:KIND"),
        ("embed:zero:one", "place 'one': expected"),
        ("embed:zero:-1", "place '-1': expected"),
        ("embed:zero=3", "takes no value"),
        ("embed:scale", "needs =VALUE"),
        ("embed:set=nan", "expected a number after =, got 'nan'"),
        ("embed:set=1e39", "expected a number"),
        ("embed@before:zero", "edit embed instead"),
        ("embed:patch=@a", "nothing to take"),
    ],
)
def test_what_is_no_edit_is_refused_in_one_line(text, words):
    with pytest.raises(InputError) as refusal:
        edit_from_text(text)
    assert words in str(refusal.value) and "\n" not in str(refusal.value) and "\x1b" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Edit("x", "zero", (0, 0, 0, 0, 0)), "5 axes are selected, but the value is 1x3x4x2"),
        (Edit("x", "zero", (None, 3)), "axis 1: 3 is not one of its 3 places"),
        (Edit("x", "zero", (None, None, slice(2, 5))), "axis 2: 2 to 4 is not within its 4 places"),
        (Edit("x", "zero", (None, None, slice(2, 2))), "axis 2: 2 to 1"),
        (Edit("x", "ablate_head", (3,)), "axis 1: 3 is not one"),
        (Edit("x", "ablate_head"), "one head's number"),
        (Edit("x", "set", (0, 0), np.ones(3)), "the values are"),
    ],
)
def test_an_edit_that_a_value_cannot_take_is_refused(given, words):
    with pytest.raises(InputError, match=words):
        require_fit(given, (1, 3, 4, 2))
    require_fit(Edit("x", "ablate_head", (2,)), (1, 3, 4, 2))
    require_fit(Edit("x", "set", (0, 0), np.ones(2)), (1, 3, 4, 2))


@pytest.fixture
def session(make_model, text):
    made = Session(make_model("gpt2"), Settings(kv_cache=False))
    made.prompt(ids=text(6))
    made.stepper.run_until("blocks.1.resid_pre", never)
    return made


def reached(session: Session) -> str:
    return session.stepper.run.program.lines[session.stepper.run.cursor - 1].out


def logits_of(session: Session, *edits: Edit) -> np.ndarray:
    model, ids = session.model, session.tokens
    inputs = {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))}
    return execute(apply_edits(model.program, edits), model.weights, inputs)["logits"][0, -1]


def softmax(row: np.ndarray) -> np.ndarray:
    e = np.exp(row.astype(np.float64) - row.max())
    return e / e.sum()


def test_an_edit_changes_the_pass_and_leaves_the_cursor_where_it_was(session):
    before = session.stepper.run["blocks.0.resid_mid"].copy()
    edit(session, "blocks.0.attn.out:zero", never)
    assert reached(session) == "blocks.1.resid_pre" and not session.stepper.run["blocks.0.attn.out"].any()
    assert np.array_equal(session.stepper.run["blocks.0.resid_mid"], session.stepper.run["blocks.0.resid_pre"])
    undo_edit(session, never)
    assert reached(session) == "blocks.1.resid_pre" and not session.edits
    assert np.array_equal(session.stepper.run["blocks.0.resid_mid"], before)
    redo_edit(session, never)
    assert [edit_text(e) for e in session.edits] == ["blocks.0.attn.out:zero"]
    clear_edits(session, never)
    assert not session.edits
    undo_edit(session, never)
    assert len(session.edits) == 1


def test_what_breakpoints_stop_is_not_the_way_back_to_the_cursor(session):
    session.breakpoints.add("blocks.0.mlp.pre")
    edit(session, "embed:scale=2", never)
    assert reached(session) == "blocks.1.resid_pre" and session.stepper.run.breakpoints is session.breakpoints


@pytest.mark.parametrize("words", ["blocks.0.attn.pattern:ablate_head:1", "blocks.1.mlp.out:add:*,5=3", "embed:mean"])
def test_the_effect_is_that_of_two_passes(session, words):
    edit(session, words, never)
    effect = weigh(session, never)
    p, q = softmax(logits_of(session)), softmax(logits_of(session, edit_from_text(words)))
    assert effect.kl == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-4, abs=1e-9)
    assert effect.rows[0].id == int(q.argmax()) and int(p.argmax()) in [row.id for row in effect.rows]
    for row in effect.rows:
        assert row.before == pytest.approx(p[row.id], rel=1e-4) and row.after == pytest.approx(q[row.id], rel=1e-4)
        assert row.rank_before == 1 + (p > p[row.id]).sum() and row.rank_after == 1 + (q > q[row.id]).sum()
    assert effect.edits == (words,) and effect.ids == tuple(session.tokens)


def test_a_patch_from_a_trace_gives_that_pass_its_rest(session, make_model, text, tmp_path):
    other = [*text(5), (text(6)[5] + 1) % 19]
    trace = record_text(make_model("gpt2"), other)
    save_trace(trace, tmp_path / "o.trace.safetensors")
    edit(session, f"blocks.1.resid_post:patch=@{tmp_path / 'o.trace.safetensors'}", never)
    assert np.allclose(session.stepper.run.run()["logits"], trace["logits"], atol=1e-5)
    with pytest.raises(InputError, match="does not hold"):
        edit(session, f"blocks.1.resid_post@x:patch=@{tmp_path / 'o.trace.safetensors'}", never)


@pytest.mark.parametrize("words", ["embed:zero:*,9", "blocks.7.attn.z:zero", "embed:ablate_head:0", "embed:set"])
def test_a_refused_edit_changes_nothing(session, words):
    with pytest.raises((InputError, ProgramError)):
        edit(session, words, never)
    assert not session.edits and reached(session) == "blocks.1.resid_pre" and weigh(session, never) is None


def test_a_stopped_edit_changes_nothing(session):
    with pytest.raises(Cancelled):
        edit(session, "embed:zero", lambda: True)
    assert not session.edits and not session.edit_history.undone


def test_an_edit_that_a_shorter_text_cannot_take_is_left_out_and_says_so(session, text):
    edit(session, "embed:zero:*,5", never)
    session.prompt(ids=text(3))
    view = session.stepper.view().edits[0]
    assert view.text == "embed:zero:*,5" and "5 is not one of its 3 places" in view.problem
    assert "embed@before" not in session.stepper.run.program and weigh(session, never) is None


def test_in_a_pass_over_the_last_token_no_other_token_can_be_edited(make_model, text):
    made = Session(make_model("gpt2"))
    made.prompt(ids=text(6))
    made.restep("generating")
    with pytest.raises(InputError, match="this pass runs 1 of 6 tokens, so a row is another token"):
        edit(made, "blocks.0.mlp.out:zero:*,0", never)
    with pytest.raises(InputError, match="the plain program generates, and it has no blocks"):
        edit(made, "blocks.0.attn.k_seen:zero", never)


def test_with_edits_the_generating_pass_is_the_whole_text_and_takes_them_all(make_model, text):
    made = Session(make_model("gpt2"))
    made.prompt(ids=text(6))
    edit(made, "blocks.0.mlp.out:zero:*,0", never)
    made.restep("generating")
    edit(made, "blocks.0.mlp.post:zero", never)
    assert [view.problem for view in made.stepper.view().edits] == [None, None]
    assert np.allclose(made.stepper.run.run()["logits"][0, -1], logits_of(made, *made.edits), atol=1e-5)
    assert weigh(made, never).edits == ("blocks.0.mlp.out:zero:*,0", "blocks.0.mlp.post:zero")


def test_a_training_pass_takes_no_edits(session):
    session.restep("training")
    with pytest.raises(MiniGPTError, match="no part of what is learned"):
        edit(session, "embed:zero", never)


def test_there_is_nothing_to_undo_at_first(session):
    for change in (undo_edit, redo_edit, clear_edits):
        with pytest.raises(InputError):
            change(session, never)
