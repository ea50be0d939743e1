"""Saving, listing, opening and offering sessions on the main screen; and what is kept without being asked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tui_factory import application, driver_of, plane

from app.screens.autosave import MOST_KEPT, Autosave, kept_sessions
from app.screens.opening import MEAN_EDIT, Opening
from app.screens.sessions import SessionsLayer, ago, offer
from app.tui import opening_from
from engine.edits import Edit
from engine.errors import InputError, SurroundingsError
from engine.model import open_model
from engine.session import Session
from engine.session_file import read_session, save_session, saved

MODEL = "random:gpt2-2x240"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch) -> Path:
    """A directory to be in, and another for what is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def session() -> Session:
    session = Session(open_model(MODEL))
    session.prompt(ids=[1, 2, 3])
    return session


def test_what_has_not_changed_since_it_was_opened_is_not_kept(session):
    keep = Autosave()
    keep(session)
    keep(session)
    assert kept_sessions() == []


@pytest.mark.parametrize("change", ["generate", "prompt", "seed", "edit", "settings"])
def test_what_has_changed_is_kept_once(session, change):
    keep = Autosave()
    keep(session)
    if change == "generate":
        next(session.generate(1))
    elif change == "prompt":
        session.prompt(ids=[4, 5])
    elif change == "seed":
        session.resample(seed=9)
    elif change == "edit":
        session.edits = [Edit("embed", "zero")]
    else:
        session.change(session.settings.toggled("kv_cache"))
    keep(session)
    (path,) = kept_sessions()
    assert read_session(path).tokens == session.tokens and read_session(path).settings == session.settings
    written = path.stat().st_mtime_ns
    keep(session)
    assert path.stat().st_mtime_ns == written


def test_a_session_that_was_opened_is_kept_only_when_it_goes_on(session):
    next(session.generate(1))
    keep = Autosave(saved(session))
    keep(session)
    assert kept_sessions() == []
    next(session.generate(1))
    keep(session)
    assert len(kept_sessions()) == 1


def test_former_sessions_stay_until_there_are_many(session, monkeypatch):
    next(session.generate(1))
    for _ in range(MOST_KEPT + 3):
        Autosave()(session)
    assert len(kept_sessions()) == MOST_KEPT


def test_a_full_disk_is_said_and_leaves_the_former(session, monkeypatch):
    keep = Autosave()
    next(session.generate(1))
    keep(session)
    before = kept_sessions()[0].read_bytes()
    next(session.generate(1))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SurroundingsError, match="No space left"):
        keep(session)
    assert kept_sessions()[0].read_bytes() == before


def test_the_last_session_is_offered(session):
    assert offer() is None
    next(session.generate(1))
    Autosave()(session)
    assert offer() == "Kept just now: random:gpt2-2x240:0, 4 tokens. ^o opens it."
    kept_sessions()[0].write_text("{")
    assert offer() is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (2e5, "2 days ago")]
)
def test_how_long_ago(seconds, words):
    assert ago(seconds) == words


async def test_ctrl_s_asks_for_a_name_once(places):
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("ctrl+s")
        assert any("Save the session as" in line for line in plane(app))
        await pilot.press("enter")
        ((command, arguments),) = [sent for sent in driver_of(app).sent if sent[0] == "save"]
        assert arguments["path"].startswith(str(places / "tiny-")) and arguments["path"].endswith(".minigpt.json")
        await pilot.press("ctrl+s")
        assert [sent for sent in driver_of(app).sent if sent[0] == "save"] == [(command, arguments)] * 2


async def test_a_name_gets_its_ending(places):
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("ctrl+s")
        await pilot.press("ctrl+u", *"mine", "enter")
        assert ("save", {"path": "mine.minigpt.json"}) in driver_of(app).sent


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_sessions_are_listed_and_opened(session, places, size):
    next(session.generate(1))
    save_session(saved(session), places / "one.minigpt.json")
    (places / "bad.minigpt.json").write_text("{")
    os.utime(places / "bad.minigpt.json", (1, 1))
    app = application()
    async with app.run_test(size=size) as pilot:
        await pilot.press("ctrl+o")
        assert isinstance(app.screen, SessionsLayer)
        text = "\n".join(plane(app))
        assert "4 tokens, 1 generated" in text and "is not JSON" in text
        await pilot.press("down", "enter")
        assert isinstance(app.screen, SessionsLayer), "what cannot be read cannot be opened"
        await pilot.press("up", "enter")
        deadline = time.monotonic() + 10
        while app.opening.kept is None and time.monotonic() < deadline:
            await pilot.pause(0.02)
        assert [token.id for token in app.opening.driver.latest.tokens] == session.tokens
        app.opening.close()


@pytest.mark.parametrize("from_screen", [True, False])
async def test_what_a_mean_edit_makes_of_earlier_numbers_is_said_when_the_session_is_opened(
    session, places, from_screen
):
    session.edits = [Edit("blocks.0.mlp.out", "mean")]
    next(session.generate(1))
    save_session(saved(session), places / "one.minigpt.json")
    app = application()
    if not from_screen:
        app.opening = app.explore.opening = opening_from(["one.minigpt.json"])
        app.opening.start()
    async with app.run_test(size=(80, 24)) as pilot:
        if from_screen:
            await pilot.press("ctrl+o", "enter")
        deadline = time.monotonic() + 20
        while not any(MEAN_EDIT in line for line in plane(app)):
            assert time.monotonic() < deadline
            await pilot.pause(0.02)
        opened = app.opening.driver
        while opened.latest.busy or opened._commands.qsize():
            await pilot.pause(0.02)
        await pilot.pause()
        assert any(MEAN_EDIT in line for line in plane(app)), "the work that follows leaves it"
        await pilot.press("tab")
        assert not any(MEAN_EDIT in line for line in plane(app))
        app.opening.close()


def test_of_a_session_whose_numbers_stay_nothing_is_said(session, places):
    def remark() -> str:
        return Opening(MODEL, kept=saved(session)).remark

    session.edits = [Edit("blocks.0.mlp.out", "mean")]
    assert remark() == "" and Opening(MODEL).remark == ""  # a text that is given has them at once
    next(session.generate(1))
    assert remark() == MEAN_EDIT
    session.edits = [Edit("blocks.0.mlp.out", "zero")]
    assert remark() == ""


async def test_without_any_session_it_says_how_to_make_one():
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("ctrl+o")
        assert any("No session is kept yet; ^s saves this one" in line for line in plane(app))


def test_a_session_on_the_command_line(session, places):
    save_session(saved(session), places / "one.minigpt.json")
    opening = opening_from(["one.minigpt.json", "--anyway"])
    assert opening.kept is not None and opening.kept.tokens == [1, 2, 3] and opening.anyway and opening.is_kept_safe
    with pytest.raises(InputError, match="a session holds its own text"):
        opening_from(["one.minigpt.json", "-p", "x"])


def test_an_opening_goes_on_where_the_session_was(session, places, monkeypatch):
    next(session.generate(1))
    save_session(saved(session), places / "one.minigpt.json")
    opening = opening_from(["one.minigpt.json"])
    opening.start()
    opening._thread.join()
    assert opening.error is None and opening.driver is not None
    wait(lambda: opening.driver.latest.busy is None and opening.driver._commands.empty())
    assert [token.id for token in opening.driver.latest.tokens] == session.tokens
    opening.close()
    assert kept_sessions() == []


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)
