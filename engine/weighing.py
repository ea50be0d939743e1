"""What edits do to the prediction of the next token: the stepped pass run twice to its end, with them and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.divergence import divergence
from engine.editing import applied, edited_pass
from engine.edits import Edit
from engine.effect import Effect, Moved
from engine.passes import TRAINING, WORDS, Pass
from engine.run import Run
from engine.sampling import predict, rank_of

if TYPE_CHECKING:
    from engine.session import Session

Array = np.ndarray
SHOWN = 6  # of the best before, and of the best after


def weigh(session: Session, stop: Callable[[], bool]) -> Effect | None:
    """What the session's edits do to the next token; None without any. Raises Cancelled."""
    if not session.edits or session.leaf is None or session.pass_kind == TRAINING:
        return None
    edits, views = applied(session, edited_pass(session))
    if not edits:
        return None
    key = (session.pass_kind, session.settings, tuple(session.tokens))
    history = session.edit_history
    if history.unedited is None or history.unedited[0] != key:
        history.unedited = key, last_logits(edited_pass(session), (), stop)
    before, after = history.unedited[1], last_logits(edited_pass(session), edits, stop)
    taken = tuple(view.text for view in views if view.problem is None)
    tokenizer = session.model.tokenizer
    rows = moved_between(before, after, str if tokenizer is None else tokenizer.token_text)
    return Effect(tuple(session.tokens), taken, WORDS[session.pass_kind], rows, divergence_of(before, after))


def last_logits(stepped: Pass, edits: Sequence[Edit], stop: Callable[[], bool]) -> Array:
    """The logits (V,) after the last token of a pass. Raises Cancelled."""
    run = Run(stepped.program, stepped.weights, stepped.inputs, edits, hold=False).run(stop=stop)
    return np.asarray(run["logits"][0, -1])


def moved_between(before: Array, after: Array, text_of: Callable[[int], str]) -> tuple[Moved, ...]:
    """The likeliest tokens of two rows of logits, (V,) each, with both their probabilities."""
    expected = [predict(logits, SHOWN) for logits in (before, after)]
    ids = dict.fromkeys(int(id) for prediction in expected[::-1] for id in prediction.ids)

    def chance(logits: Array, side: int, id: int) -> float:
        return float(np.exp(logits[id] - expected[side].log_normalizer))

    rows = [
        Moved(id, text_of(id), chance(before, 0, id), chance(after, 1, id), rank_of(before, id), rank_of(after, id))
        for id in ids
    ]
    return tuple(sorted(rows, key=lambda row: row.rank_after))


def divergence_of(before: Array, after: Array) -> float:
    """KL(before || after) in nats, of two rows of logits."""
    return divergence(before[None], after[None]).mean_kl
