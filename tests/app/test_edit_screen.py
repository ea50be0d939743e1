"""Changing a value from the screen: the dialog, the list of edits, and that what it says is the engine's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tui_factory import HOSTILE, application, driver_of, give, plane, snapshot

from app.screens.edit_layer import EditLayer
from engine.effect import EditView, Effect, Moved
from engine.snapshot import Snapshot

MOVED = (Moved(4, " cat", 0.125, 0.5, 3, 1), Moved(5, " dog", 0.25, 0.0625, 1, 4))


def edited(text: str = "embed:zero:*,2", problem: str | None = None, word: str = " cat", version: int = 2) -> Snapshot:
    base = snapshot(version=version)
    ids = tuple(token.id for token in base.tokens)
    effect = Effect(ids, (text,), "plain", (replace(MOVED[0], text=word), MOVED[1]), 0.3125)
    edits = (EditView(text, problem),)
    return replace(base, stepping=replace(base.stepping, edits=edits), effect=effect, edits=edits)


async def test_a_opens_the_dialog_at_the_cursor_and_enter_sends_the_edit() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.look(address="blocks.1.mlp.post", token=3)
        await pilot.press("a")
        assert isinstance(app.screen, EditLayer) and app.screen.text == "blocks.1.mlp.post:scale:*,3=0.5"
        assert any("blocks.1.mlp.post:scale:*,3=0.5" in line for line in plane(app))
        await pilot.press("right", "right", "down", "backspace", "2", "-", "4", "down", "7", "down")
        await pilot.press("backspace", "backspace", "backspace", "-", "1")
        assert app.screen.text == "blocks.1.mlp.post:set:*,2-4,7=-1"
        driver_of(app).sent.clear()
        await pilot.press("enter")
        assert driver_of(app).sent == [("edit", {"text": "blocks.1.mlp.post:set:*,2-4,7=-1"})] and app.explore.stepped


async def test_of_a_pattern_a_silences_the_head_that_is_shown() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.look(address="blocks.0.attn.pattern", head=2)
        await pilot.press("a", "enter")
        assert ("edit", {"text": "blocks.0.attn.pattern:ablate_head:2"}) in driver_of(app).sent
        app.explore.look(address="blocks.0.attn.k", head=3)
        await pilot.press("a")
        assert app.screen.text == "blocks.0.attn.k:scale:*,1,6=0.5"  # 4 query heads share 2 of keys


async def test_what_is_wrong_is_said_and_not_sent() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.look(address="embed", token=0)
        await pilot.press("a", "down", "9", "9", "enter")
        assert isinstance(app.screen, EditLayer) and any("099 is not" in line or "99" in line for line in plane(app))
        assert "is not one of its 7 places" in app.screen.problem
        await pilot.press("escape")
        assert not any(command == "edit" for command, _ in driver_of(app).sent)


async def test_a_training_pass_takes_no_edits() -> None:
    base = snapshot()
    app = application(replace(base, stepping=replace(base.stepping, kind="training")))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a")
        await pilot.pause()
        assert not isinstance(app.screen, EditLayer) and any("takes no edits" in line for line in plane(app))


@pytest.mark.parametrize(("key", "command"), [("u", "undo_edit"), ("U", "redo_edit"), ("A", "clear_edits")])
async def test_a_key_changes_the_list_of_edits(key: str, command: str) -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        driver_of(app).sent.clear()
        await pilot.press(key)
        assert driver_of(app).sent == [(command, {})]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_list_comes_with_the_first_edit_says_the_engines_numbers_and_goes_with_the_last(size) -> None:
    app = application()
    async with app.run_test(size=size) as pilot:
        assert not app.explore.panel("edits").display
        give(app, edited())
        await pilot.pause()
        screen = "\n".join(plane(app))
        for words in ("embed:zero:*,2", '" cat"', "12.5%", "50.0%", "3 → 1", "6.25%", "1 → 4", "KL 0.312 nats"):
            assert words in screen, words
        assert "Generating carries them" in screen and "edits 1 (plain, no KV)" in screen
        give(app, snapshot(version=3))
        await pilot.pause()
        assert not app.explore.panel("edits").display


async def test_an_edit_that_is_left_out_says_why_and_an_old_effect_that_it_is_old() -> None:
    app = application(edited(problem="5 is not one of its 3 places"))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        screen = "\n".join(plane(app))
        assert "left out: 5 is not one of its 3 places" in screen and "older text" not in screen
        give(app, replace(edited(version=3), tokens=edited().tokens[:-1]))
        await pilot.pause()
        assert "older text" in "\n".join(plane(app))


async def test_what_generating_goes_without_is_counted_and_says_why() -> None:
    base = edited()
    views = (EditView("embed:zero:*,2"), EditView("embed:zero:*,9", "9 is not one of its 7 places"))
    app = application(replace(base, edits=views))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        screen = " ".join(line.split("│")[0] for line in plane(app))
        assert "edits 1 of 2 (plain, no KV)" in screen
        assert "generating goes without embed:zero:*,9" in "\n".join(plane(app))


async def test_the_command_of_the_text_says_that_the_edits_are_not_in_it() -> None:
    app = application(edited())
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("text")
        await pilot.press("Y")
        assert any("copied without the edits" in line for line in plane(app)) and "--edit" not in app.clipboard


async def test_what_was_not_measured_yet_says_how_to_measure_it() -> None:
    app = application(replace(edited(), effect=None))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert any("is not measured yet" in line for line in plane(app))


async def test_the_list_is_copied_as_a_command() -> None:
    app = application(edited())
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("edits")
        await pilot.press("Y")
        assert app.clipboard == "minigpt step some/model --ids 3,4,5,6,7,8,9 --edit 'embed:zero:*,2'"


@pytest.mark.parametrize("word", HOSTILE)
async def test_hostile_tokens_are_inert(word: str) -> None:
    app = application(edited(word=word, text=f"embed:patch=@{word}"))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        screen = "".join(plane(app))
        assert not any(mark in screen for mark in ("\x1b", "\x9b", "\x07", "\x00", "\u202e", "\ud800"))
        await pilot.press("a")
        assert np.all([character.isprintable() for line in plane(app) for character in line])
