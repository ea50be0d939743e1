"""Keys of the Train screen: what is sent to the driver, and what is looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual import events
from train_factory import application, give, opened, seen, training
from tui_factory import plane

from app.screens.layers import AskLayer, HelpLayer
from app.screens.train import Train
from app.screens.train_draft import last_draft
from app.widgets.keys import textual_key
from app.widgets.panel import Panel
from app.widgets.strips import Status
from engine.training.snapshot import DONE, PAUSED, PREPARING, RUNNING, STOPPED
from viewers.actions import ALWAYS, EVERYWHERE
from viewers.training_actions import TRAINING_ACTIONS, TRAINING_FOOTERS


def said(app) -> str:
    return "\n".join(plane(app))


def test_every_action_has_a_handler_and_every_key_one_meaning() -> None:
    for action in TRAINING_ACTIONS:
        owner = Train if action.where == EVERYWHERE else Panel
        assert hasattr(owner, f"action_{action.id}") or action.id == "interrupt", action.id
    keys = [key for action in TRAINING_ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


def test_footers_name_actions_and_have_five_to_seven_keys() -> None:
    ids = {action.id for action in TRAINING_ACTIONS}
    for panel, rows in TRAINING_FOOTERS.items():
        assert 5 <= len(rows) + len(ALWAYS) <= 7, panel
        assert all(action in ids for action, _ in (*rows, *ALWAYS))


async def test_f3_and_f2_change_the_screen_and_the_run_stays() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        assert app.screen is train
        await pilot.press("f2")
        assert app.screen is app.explore
        give(app, training(version=2, steps=300))
        assert train.snapshot.step == 200  # not drawn while it is not seen
        await pilot.press("f3")
        train.poll()
        assert app.screen is train and train.snapshot.step == 300


async def test_without_a_text_space_says_what_to_do() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3", "space")
        await pilot.pause()
        assert "i chooses one" in said(app) and not opened(app)[1].sent


async def test_the_form_begins_a_run_and_remembers_what_was_typed(state: Path) -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3", "home", "enter", "i")
        assert isinstance(app.screen, AskLayer)
        await pilot.press(*"a.txt", "space", *"b.txt", "enter", "t", *"steps=7", "enter", "space")
        _, driver = opened(app)
        assert driver.sent == [("begin", "char", ("a.txt", "b.txt"), state / "runs" / "char-a", ("steps=7",))]
    assert replace(last_draft(), place=Path()) == replace(opened(app)[0].view.draft, place=Path())


async def test_a_quote_that_is_not_closed_is_one_line() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3", "i", *"a'b", "enter", "space")
        await pilot.pause()
        assert "error: No closing quotation" in said(app) and not opened(app)[1].sent


COMMANDS = (
    ("paused", "space", ("run",)),
    ("running", "space", ("pause",)),
    ("paused", "n", ("step",)),
    ("paused", "S", ("stop",)),
    ("preparing", "S", ("stop",)),
    ("running", "escape", ("pause",)),
    ("preparing", "escape", ("stop",)),
    ("running", "ctrl+c", ("pause",)),
)


async def test_a_key_sends_its_command() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        for version, (state, key, sent) in enumerate(COMMANDS, 2):
            _, driver = opened(app, training(state=state, version=version))
            await pilot.press(textual_key(key))
            assert driver.sent.pop() == sent and not driver.sent


async def test_the_curves_come_forward_when_a_run_is_started_from_the_form() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        await pilot.press("space")
        assert train.panel("curves").display and not train.panel("run").display


async def test_a_run_is_gone_on_with() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        _, driver = opened(app, training(state=STOPPED))
        await pilot.press("r")
        assert isinstance(app.screen, AskLayer) and app.screen.original == "runs/mini-romeo"
        await pilot.press("enter")
        assert driver.sent == [("resume", "runs/mini-romeo")]


async def test_the_slider_goes_back_over_checkpoints_and_follows_the_newest_again() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        assert "step 200 (3 of 3) validation 2.0000" in said(app)
        await pilot.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert train.view.at == 0
        give(app, training(version=2, steps=400))
        assert train.view.at == 0
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert train.view.at == 200
        await pilot.press("escape")
        assert train.view.at is None
        await pilot.pause()
        assert "step 400 (5 of 5) validation 1.7500" in said(app)


async def test_layer_and_head_stay_within_the_model() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        train.bring("pinned")
        await pilot.press("down", "down", "right", "right", "right", "right")
        assert (train.view.layer, train.view.head) == (1, 3)
        await pilot.press("less_than_sign", "comma")
        assert (train.view.layer, train.view.head) == (0, 2)


async def test_a_deleted_checkpoint_is_not_explored() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        opened(app, training(seen=(seen(100, path=Path("nowhere/step-000100")),)))
        await pilot.press("o")
        await pilot.pause()
        assert "not on the disk any more" in said(app)


async def test_help_palette_and_copy_are_those_of_this_screen() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        opened(app, training())
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpLayer) and any("One update." in line for line in plane(app))
        await pilot.press("escape", "Y")
        assert app.clipboard == ("minigpt train --preset mini --data romeo.txt -o runs/mini-romeo --set steps=1000")
        await pilot.press("ctrl+p", *"one upd")
        await pilot.pause(0.3)
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert opened(app)[1].sent == [("step",)]


async def test_quitting_saves_first_and_says_so() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        _, driver = opened(app, training(state=RUNNING))
        await pilot.press("q")
        await pilot.pause(0.2)
        assert driver.sent == [("finish",)] and app.is_running and "saving the run before leaving" in said(app)
        driver.is_alive = False
        await pilot.pause(0.2)
        assert not app.is_running


async def test_no_key_breaks_any_state() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        for version, state in enumerate((PREPARING, RUNNING, DONE, STOPPED), 2):
            train, _ = opened(app, training(state=state, version=version, busy="training", progress=(1, 2)))
            for name in train.panels:
                train.bring(name)
                for key in ("up", "right", "end", "e", "[", "z", "z", "enter"):
                    app.post_message(events.Key(textual_key(key), None))
                await pilot.pause()
                while app.screen is not train:
                    app.pop_screen()
                    await pilot.pause()
        assert app.is_running


async def test_what_a_stop_saved_is_what_is_explored(tmp_path: Path) -> None:
    """No sample was drawn from it; the one before the stop is shown, and is still opened where it was chosen."""
    for step in (100, 150):
        (tmp_path / f"step-{step:06d}").mkdir()
    both = (seen(0, path=tmp_path / "step-000000"), seen(100, path=tmp_path / "step-000100"))
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training(steps=150, state=STOPPED, seen=both))
        await pilot.pause()
        assert "; o opens step 150" in said(app)
        await pilot.press("o")
        await pilot.pause()
        assert "opening step-000150" in said(app)
        run = train.snapshot
        assert replace(train.view, at=0).to_open(run) is both[0]
        assert train.view.to_open(replace(run, state=PAUSED)) is both[1]  # it may go on: nothing was saved yet


async def test_layers_heads_and_checkpoints_say_where_they_end() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3", "<")
        train, _ = opened(app)
        status = train.query_one(Status)
        assert status.said == "No checkpoint yet: space makes a run."
        give(app, training(100))
        for key, words in (("<", "first layer"), (",", "first head"), ("]", "last checkpoint")):
            await pilot.press(key)
            assert status.said == f"This is the {words}."
        for words in ("", "This is the first checkpoint."):
            await pilot.press("[")
            assert status.said == words
        train.look(layer=train.snapshot.layers - 1, head=train.snapshot.heads - 1)
        for key, words in ((">", "last layer"), (".", "last head")):
            await pilot.press(key)
            assert status.said == f"This is the {words}."
