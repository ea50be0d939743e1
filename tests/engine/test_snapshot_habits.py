"""The habits of heads that a snapshot holds are those of its whole patterns, also after going back and elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.habits import mean_habits
from engine.analysis.readings import pattern_scores
from engine.session import Session
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.views import SnapshotMaker


def whole(snapshot: Snapshot) -> np.ndarray:
    """(4, L, H) from the assembled patterns."""
    layers = [np.stack([snapshot.attention(i, h) for h in range(snapshot.heads)]) for i in range(snapshot.layers)]
    return np.stack(pattern_scores(layers, [token.id for token in snapshot.tokens], snapshot.windows))


@pytest.mark.parametrize("settings", [Settings(), Settings(kv_cache=False), Settings(kv_window=9)])
def test_habits_are_those_of_the_text_that_is_shown(make_model, text, settings):
    session = Session(make_model("llama"), settings, seed=3)
    maker = SnapshotMaker(session)
    session.prompt(ids=text(20))
    list(session.generate(4))
    for change in (lambda: None, session.take_back, lambda: session.choose(12, 5), lambda: list(session.generate(3))):
        change()
        snapshot = maker.make()
        np.testing.assert_allclose(mean_habits(snapshot.habit_rows), whole(snapshot), atol=1e-5)
