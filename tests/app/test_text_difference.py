"""The text coloured by how far a second lane foresees it otherwise: the numbers of the comparison, token by token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tui_factory import application, driver_of, give, plane, snapshot

from engine.differing import TextDifference
from engine.model import open_model
from engine.ops.loss import log_softmax
from engine.session import Session
from engine.views import SnapshotMaker

KL = np.array([np.nan, 0.0, 0.25, 2.0, 0.01], np.float32)
OTHER = TextDifference("tiny:int8=all", KL, np.array([False, False, True, False, False]))


async def test_the_colouring_exists_only_with_a_second_lane_and_says_its_numbers() -> None:
    app = application(snapshot())
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("e", "e", "e")
        assert app.explore.view.colouring == "probability"
        give(app, replace(snapshot(), version=2, difference=OTHER))
        await pilot.press("e", "e", "e")
        assert app.explore.view.colouring == "difference"
        app.explore.look(token=2)
        await pilot.pause()
        panel = app.explore.panel("text")
        assert panel.sentence() == 'token 2 "·cat": KL 0.25 nats to tiny:int8=all, whose first choice is another'
        assert "KL 0" in "\n".join(plane(app)) and "bold: other first choice" in "\n".join(plane(app))
        assert panel._style(app.explore.snapshot, 2).bold and not panel._style(app.explore.snapshot, 3).bold
        shades = [panel._shade(app.explore.snapshot.tokens[i], 50, i).bgcolor for i in (1, 4, 2, 3)]
        assert len(set(shades)) == 4
        app.explore.look(token=5)
        await pilot.pause()
        assert "not compared" in panel.sentence()
        give(app, snapshot(version=3))
        await pilot.press("e")
        assert app.explore.view.colouring == "probability" and driver_of(app) is not None


def test_the_snapshot_holds_the_divergence_of_both_lanes_for_the_tokens_they_ran() -> None:
    session = Session(open_model("random:sinusoidal-2x64"))
    session.prompt(ids=[1, 5, 9, 2, 7, 3])
    maker = SnapshotMaker(session)
    assert maker.make().difference is None
    session.compare("int8=all")
    session.follow()
    found, latest = maker.make().difference, session.comparison.latest  # type: ignore[union-attr]
    assert found is not None and latest is not None and found.name == latest.name_b
    a, b = (log_softmax(trace["logits"].reshape(6, -1).astype(np.float64)) for trace in (latest.a, latest.b))
    kl = (np.exp(a) * (a - b)).sum(-1)
    assert np.isnan(found.kl[0]) and len(found.kl) == 6
    np.testing.assert_allclose(found.kl[1:], kl[:5], rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(found.flips[1:], (a.argmax(-1) != b.argmax(-1))[:5])
    session.choose(4, 8)
    shorter = maker.make().difference
    assert shorter is not None and len(shorter.kl) == 4
