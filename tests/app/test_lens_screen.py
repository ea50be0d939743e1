"""The lens panel: asked for as the pass goes on, its numbers the engine's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tui_factory import HOSTILE, application, driver_of, give, plane, snapshot

from engine.analysis.lens import LensReading, LensRow, LensToken, lens
from engine.driver import COMMANDS, Driver
from engine.model import open_model
from engine.session import Session, never
from viewers.numbers import percent_text


def reading(word: str = " the") -> LensReading:
    rows = (
        LensRow("embed", (LensToken(1, word, 0.0625), LensToken(2, " a", 0.03125)), 4.0),
        LensRow("blocks.0.resid_mid", (LensToken(2, " a", 0.75), LensToken(1, word, 0.125)), 1.0),
    )
    return LensReading(6, rows)


async def test_the_lens_is_asked_for_once_for_each_place_and_closed_again() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        assert not any(command == "lens" for command, _ in driver_of(app).sent)
        await pilot.press("T")
        assert driver_of(app).sent[-1] == ("lens", {"position": 6}) and app.explore.panel("lens").display
        count = len(driver_of(app).sent)
        give(app, snapshot(version=2, lens=reading()))
        await pilot.pause()
        assert len(driver_of(app).sent) == count
        screen = "\n".join(plane(app))
        for words in ('" the" 6.25%', "0.resid_mid", '" a" 75.0%', "The model's end"):
            assert words in screen, words
        app.explore.look(token=2)
        assert driver_of(app).sent[-1] == ("lens", {"position": 2})
        app.explore.bring("lens")
        await pilot.press("up")
        assert app.explore.view.address == "embed"
        await pilot.press("y")
        assert app.clipboard == 'embed: " the" 6.25%, " a" 3.12%; entropy 4.00 nats'
        await pilot.press("T")
        assert not app.explore.panel("lens").display


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_escape_closes_it(size) -> None:
    app = application(snapshot(lens=reading()))
    async with app.run_test(size=size) as pilot:
        await pilot.press("T")
        await pilot.pause()
        assert any("0.resid_mid" in line for line in plane(app))
        await pilot.press("escape")
        assert not app.explore.panel("lens").display


@pytest.mark.parametrize("word", HOSTILE)
async def test_hostile_tokens_are_inert(word: str) -> None:
    app = application(snapshot(lens=reading(word)))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("T")
        await pilot.pause()
        assert all(character.isprintable() for line in plane(app) for character in line)


def test_the_driver_reads_the_pass_that_is_stepped() -> None:
    session = Session(open_model("random:sinusoidal-2x64"))
    session.prompt(ids=[1, 2, 3, 4, 5])
    session.stepper.run_until("blocks.0.resid_post", never)
    driver = Driver(session)
    driver._notice = "said before"
    COMMANDS["lens"](driver, position=3)
    found = driver._maker.make().lens
    assert found.position == 3 and found.rows[-1].address == "blocks.0.resid_post"
    row = lens(session.model.program, session.model.weights, session.stepper.run["blocks.0.resid_post"][0, 3:4])[0]
    p = np.exp(row.astype(np.float64) - row.max())
    assert found.rows[-1].tokens[0].id == int(row.argmax())
    assert percent_text(found.rows[-1].tokens[0].probability) == percent_text(float(p.max() / p.sum()))


def test_while_generating_is_stepped_the_one_row_is_read() -> None:
    session = Session(open_model("random:sinusoidal-2x64"))
    session.prompt(ids=[1, 2, 3, 4, 5])
    session.restep("generating")
    session.stepper.run_until(None, never)
    COMMANDS["lens"](Driver(session), position=1)
    assert session.lens.position == 4 and session.lens.rows
    assert replace(session.lens) == session.lens
