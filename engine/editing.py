"""What a user changes in a session's model: edits, with undo and redo.

Edits reach the pass that is stepped, over the whole text, so that every later line and token of it sees them, and the
tokens that are generated, which come from the plain program with the same edits: see `engine.edited_decoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.cost import infer_shapes
from engine.edit_text import edit_from_text, edit_text, from_trace
from engine.edits import Edit, require_fit
from engine.effect import EditView
from engine.errors import InputError, MiniGPTError
from engine.passes import GENERATING, TRAINING, Pass, pass_of
from engine.program import Program, Shape

if TYPE_CHECKING:
    from engine.session import Session

Array = np.ndarray
LANE_B = "B"  # the source of a patch that is the second lane, not a file


class EditHistory:
    """The lists of edits before and after the present one."""

    def __init__(self) -> None:
        self.undone: list[list[Edit]] = []
        self.redone: list[list[Edit]] = []
        self.unedited: tuple[object, Array] | None = None  # what was run without edits, and its last logits


def edit(session: Session, text: str, stop: Callable[[], bool]) -> None:
    """Add the edit that `--edit` would take. Raises InputError if it does not fit the stepped pass, Cancelled.

    A patch of all tokens is one of the tokens that there are: those that come later are the model's own.
    """
    if session.pass_kind == TRAINING or session.stepper is None:
        raise InputError("an edit is no part of what is learned: p goes on to the plain pass, which takes edits")
    added = edit_from_text(text, lambda source, address: _patched_from(session, source, address))
    session.stepper.run.program.index(added.address)
    require_fit(added, session.stepper.shapes[added.address])
    if problem := _misplaced(added, session.stepper.run.program, session.stepper.shapes, session.tokens):
        raise InputError(problem)
    if session.pass_kind == GENERATING and added.address not in session.prepared.changed[0]:
        raise InputError(f"with edits the plain program generates, and it has no {added.address}: p goes on to it")
    added = _of_these_tokens(added, session.stepper.shapes[added.address], len(session.tokens))
    _become(session, [*session.edits, added], session.edit_history.undone, stop)
    session.edit_history.redone.clear()


def undo_edit(session: Session, stop: Callable[[], bool]) -> None:
    """Back to the edits before the last change of them."""
    history = session.edit_history
    if not history.undone:
        raise InputError("no value was changed by hand: a changes the one under the cursor; { undoes in the text")
    _become(session, history.undone[-1], history.redone, stop)
    history.undone.pop()


def redo_edit(session: Session, stop: Callable[[], bool]) -> None:
    """Forward to the edits that were undone last."""
    history = session.edit_history
    if not history.redone:
        raise InputError("no changed value was undone; } redoes in the text")
    _become(session, history.redone[-1], history.undone, stop)
    history.redone.pop()


def clear_edits(session: Session, stop: Callable[[], bool]) -> None:
    """No edits; undo brings them back."""
    if not session.edits:
        raise InputError("there are no edits to clear")
    _become(session, [], session.edit_history.undone, stop)
    session.edit_history.redone.clear()


def fitting(
    edits: Sequence[Edit], program: Program, shapes: Mapping[str, Shape], ids: Sequence[int]
) -> list[tuple[Edit, str | None]]:
    """Each edit, with the reason why a pass over the last of these tokens goes without it, or None."""
    return [(edit, _misplaced(edit, program, shapes, ids)) for edit in edits]


def applied(session: Session, stepped: Pass) -> tuple[list[Edit], tuple[EditView, ...]]:
    """The session's edits that a pass takes, and all of them for a list."""
    if session.pass_kind == TRAINING or not session.edits:
        problem = "an edit is no part of what is learned" if session.edits else None
        return [], tuple(EditView(edit_text(edit), problem) for edit in session.edits)
    known = {name: stepped.weights[name].shape for name in stepped.program.params}
    known |= {name: np.shape(array) for name, array in stepped.inputs.items()}
    found = fitting(session.edits, stepped.program, infer_shapes(stepped.program, known), session.tokens)
    return [e for e, problem in found if not problem], tuple(EditView(edit_text(e), problem) for e, problem in found)


def edited_pass(session: Session) -> Pass:
    """The pass of the session's kind, from its beginning; one with a cache has it for itself."""
    return pass_of(session.pass_kind, session.model, session.decoder, session.settings.kv_window, session.tokens)


def _become(session: Session, edits: list[Edit], left: list[list[Edit]], stop: Callable[[], bool]) -> None:
    """Take other edits, leave the old ones in `left`, and run the text and the stepped pass to where it was."""
    before = session.edits
    reached, stepper = None, session.stepper
    if stepper is not None and stepper.run.cursor:
        reached = stepper.run.program.lines[stepper.run.cursor - 1].out.split("@before")[0]
    session.take_edits(edits, stop)
    try:
        if session.stepper is not None and reached is not None:
            session.stepper.redo(reached, stop)
    except MiniGPTError:
        session.take_edits(before)
        raise
    left.append(before)


def _of_these_tokens(edit: Edit, shape: Shape, tokens: int) -> Edit:
    """A patch by one number or row for each token says which tokens these are, so that it still fits a longer text."""
    values = np.asarray(0.0 if edit.values is None else edit.values)
    if edit.kind != "patch" or values.ndim != len(shape) or edit.selection:
        return edit
    sizes = zip(shape, values.shape, strict=True)
    places = [slice(0, tokens) if size == given == tokens else None for size, given in sizes]
    while places and places[-1] is None:
        places.pop()
    return replace(edit, selection=tuple(places))


def _misplaced(edit: Edit, program: Program, shapes: Mapping[str, Shape], ids: Sequence[int]) -> str | None:
    """Why a program cannot take an edit: it lacks the address, or the place, or its rows are not the text's tokens."""
    if edit.address not in program:
        return f"this pass has no {edit.address}: it is folded into other lines"
    try:
        require_fit(edit, shapes[edit.address])
    except InputError as error:
        return str(error)
    shape, at = shapes[edit.address], len(shapes[edit.address]) - 2
    rows = edit.selection[at] if edit.kind != "ablate_head" and 0 <= at < len(edit.selection) else None
    if rows not in (None, slice(None)) and shape[at] < len(ids):
        return f"edit of {edit.address}: this pass runs {shape[at]} of {len(ids)} tokens, so a row is another token"
    return None


def _patched_from(session: Session, source: str, address: str) -> Array:
    """A whole value from a trace file, or from the second lane."""
    if source != LANE_B:
        return from_trace(source, address)
    compared = session.comparison.latest if session.comparison else None
    if compared is None or address not in compared.b.values:
        raise InputError(f"the second lane holds no {address}: v opens it")
    return np.asarray(compared.b.values[address])
