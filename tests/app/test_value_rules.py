"""What the value panel says beside an equation is measured on the value it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tui_factory import application, plane, snapshot

from engine.analysis.invariants import invariants_of
from engine.editing import edit
from engine.model import open_model
from engine.session import Session, never
from engine.snapshot import Snapshot, Stepping
from viewers.invariants import rule_text, rules_of


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session(open_model("random:sinusoidal-2x64"))
    made.prompt(ids=[1, 2, 3, 4, 5])
    made.stepper.run_until(None, never)
    return made


def shown(stepping: Stepping) -> Snapshot:
    return replace(snapshot(), stepping=stepping)


def row_of(stepping: Stepping, address: str):
    return next(row for row in stepping.rows if row.address == address)


@pytest.mark.parametrize("address", ["blocks.0.attn.pattern", "blocks.1.resid_mid", "blocks.0.attn.normalized", "mask"])
async def test_each_rule_stands_beside_the_equation_with_what_was_measured(session: Session, address: str) -> None:
    stepping = session.stepper.view()
    line = session.stepper.run.program.lines[session.stepper.run.program.index(address)]
    measured = invariants_of(address, line.op.name, line.ins, line.attrs, session.stepper.run.values)
    assert measured and all(rule.holds for rule in measured)
    app = application(shown(stepping))
    async with app.run_test(size=(200, 60)) as pilot:
        app.explore.look(address=address)
        await pilot.pause()
        screen = "\n".join(plane(app))
        for rule in measured:
            assert rule_text(rule)[:60] in screen


async def test_a_value_changed_by_hand_breaks_the_rules_of_the_line_that_made_it(session: Session) -> None:
    edit(session, "blocks.0.attn.pattern:add:*,1,3=0.25", never)
    stepping = session.stepper.view()
    rows, unseen, negative = rules_of(stepping, row_of(stepping, "blocks.0.attn.pattern"))
    value = session.stepper.run["blocks.0.attn.pattern"]
    assert rows.deviation == pytest.approx(np.abs(value.sum(-1, dtype=np.float64) - 1).max()) and not rows.holds
    assert unseen.deviation == 0.25 and negative.holds
    assert all(rule.holds for rule in rules_of(stepping, row_of(stepping, "blocks.0.attn.pattern@before")))
    assert all(rule.holds for rule in rules_of(stepping, row_of(stepping, "blocks.0.resid_mid")))
    app = application(shown(stepping))
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.look(address="blocks.0.attn.pattern")
        app.explore.bring("value")
        await pilot.pause()
        assert any("✗ each row sums to 1: off by" in line for line in plane(app))
