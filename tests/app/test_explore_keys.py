"""Keys and messages of the Explore screen: what is sent to the driver, and what is looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from tui_factory import application, branches, driver_of, give, plane, snapshot

from app.screens.explore import Explore
from app.screens.layers import AskLayer, HelpLayer, Line
from app.screens.lists import BranchesLayer, SamplingLayer
from app.screens.palette import ActionCommands
from app.widgets.candidates import CandidatesPanel
from app.widgets.keys import textual_key
from app.widgets.listing import is_stale
from app.widgets.panel import Panel
from engine.sampling import Sampler
from viewers.actions import ACTIONS, ALWAYS, BY_ID, EVERYWHERE, FOOTERS


def test_every_action_has_a_handler_and_every_key_one_meaning() -> None:
    for action in ACTIONS:
        owner = Explore if action.where == EVERYWHERE else Panel
        assert hasattr(owner, f"action_{action.id}") or action.id == "interrupt", action.id
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


def test_footers_name_actions_and_have_five_to_seven_keys() -> None:
    for panel, rows in FOOTERS.items():
        assert 5 <= len(rows) + len(ALWAYS) <= 7, panel
        assert all(action in BY_ID for action, _ in (*rows, *ALWAYS))


COMMANDS = (
    ("space", "generate", {"count": 25}),
    ("]", "generate", {"count": 1}),
    ("[", "take_back", {}),
    ("N", "step_back", {}),
    ("s", "step_into", {}),
    ("f", "step_out", {}),
    ("c", "run_until", {}),
    ("C", "rewind", {}),
    ("r", "restep", {}),
    ("p", "pass", {"kind": "generating"}),
    ("b", "breakpoint", {"address": "logits"}),
)


async def test_a_key_sends_its_command() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        for key, command, arguments in COMMANDS:
            driver_of(app).sent.clear()
            await pilot.press(textual_key(key))
            assert driver_of(app).sent == [(command, arguments)], key


async def test_step_goes_to_the_driver_unless_the_pass_is_at_its_end() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        assert driver_of(app).sent == [("step", {})]
        give(app, snapshot(version=2))
        await pilot.press("n")
        assert len(driver_of(app).sent) == 1
        await pilot.pause()
        assert "at its end" in "\n".join(plane(app))


async def test_space_stops_what_runs() -> None:
    app = application(snapshot(busy="generating", progress=(3, 9)))
    async with app.run_test(size=(80, 24)) as pilot:
        assert any("generating  3 of 9" in line for line in plane(app))
        await pilot.press("space")
        assert driver_of(app).cancelled == 1 and not driver_of(app).sent


async def test_the_token_cursor_chooses_candidates_and_enter_puts_one() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        assert app.explore.view.token is None
        await pilot.press("left", "left")
        assert app.explore.view.token == 5
        await pilot.press("tab", "down", "down", "enter")
        assert driver_of(app).sent == [("choose", {"position": 5, "id": 5})]
        assert app.explore.view.token is None


async def test_moving_past_the_end_follows_the_text_again() -> None:
    app = application()
    async with app.run_test() as pilot:
        await pilot.press("left", "right", "right", "right")
        assert app.explore.view.token is None
        await pilot.press("home")
        assert app.explore.view.token == 0
        await pilot.press("escape")
        assert app.explore.view.token is None


async def test_stepping_moves_the_listing_cursor_to_what_was_done() -> None:
    app = application(snapshot(done=2))
    async with app.run_test() as pilot:
        assert app.explore.view.address == "blocks.0.attn.q"
        give(app, snapshot(done=4, version=2))
        assert app.explore.view.address == "blocks.0.attn.pattern"
        await pilot.pause()


async def test_enter_in_the_listing_runs_to_its_line_or_back() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("program")
        await pilot.press("end", "enter", "home", "enter")
        expected = [("run_until", {"address": "logits"}), ("rewind", {"address": "embed"})]
        assert driver_of(app).sent == expected


async def test_left_and_right_fold_the_listing() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("program")
        listing = app.explore.panel("program")
        before = len(listing.found)  # type: ignore[attr-defined]
        await pilot.press("left", "left")
        assert len(listing.found) < before  # type: ignore[attr-defined]
        await pilot.press("right")
        assert len(listing.found) == before  # type: ignore[attr-defined]


async def test_attention_keys_choose_layer_and_head_within_the_model() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("attention")
        await pilot.press("down", "down", "down", "right")
        assert (app.explore.view.layer, app.explore.view.head) == (1, 1)
        await pilot.press("h", "k")
        assert (app.explore.view.layer, app.explore.view.head) == (0, 0)
        await pilot.press("enter", "up")  # inside, the arrows move the cell
        panel = app.explore.panel("attention")
        assert panel.cell is not None and panel.cell[0] == 5 and app.explore.view.layer == 0  # type: ignore[attr-defined]
        await pilot.press("escape")
        assert panel.cell is None  # type: ignore[attr-defined]


async def test_layer_keys_move_the_listing_to_the_same_line_of_the_next_block() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press(textual_key(">"))
        assert app.explore.view.address == "blocks.1.attn.pattern" and app.explore.view.layer == 1


async def test_the_prompt_is_edited_run_or_left() -> None:
    app = application()
    async with app.run_test() as pilot:
        await pilot.press("i")
        assert isinstance(app.screen, AskLayer)
        await pilot.press("end", "!", "enter")
        assert driver_of(app).sent == [("prompt", {"text": "The cat!"})]
        await pilot.press("i", "x", "escape")
        assert len(driver_of(app).sent) == 1 and isinstance(app.screen, Explore)


async def test_a_model_without_a_tokenizer_is_asked_for_ids() -> None:
    app = application(snapshot(has_tokenizer=False), prompt=None, ids=[0, 2, 1])
    async with app.run_test() as pilot:
        await pilot.press("i", "end", "comma", "4", "enter")
        assert driver_of(app).sent == [("prompt", {"ids": [0, 2, 1, 4]})]
        await pilot.press("i", "x", "enter")
        assert len(driver_of(app).sent) == 1
        await pilot.pause()
        assert any("expected whole numbers" in line for line in plane(app))


async def test_a_prompt_the_screen_cannot_show_is_run_as_it_was() -> None:
    app = application(prompt="a\x1b[2Jb")
    async with app.run_test() as pilot:
        await pilot.press("i", "enter")
        assert driver_of(app).sent == [("prompt", {"text": "a\x1b[2Jb"})]


async def test_sampling_changes_apply_at_once() -> None:
    app = application()
    async with app.run_test() as pilot:
        await pilot.press("t", "left")
        assert isinstance(app.screen, SamplingLayer)
        await pilot.press("down", "4", "0", "end", "down", "down", "down", "right", "escape")
        sent = driver_of(app).sent
        assert sent == [
            ("sampler", {"temperature": 0.9}),
            ("sampler", {"top_k": 4}),
            ("sampler", {"top_k": 40}),
            ("seed", {"value": 6}),
        ]


async def test_a_sampling_value_out_of_range_is_refused_in_words() -> None:
    app = application(snapshot(sampler=Sampler(temperature=0)))
    async with app.run_test() as pilot:
        await pilot.press("t", "left")
        assert not driver_of(app).sent
        await pilot.pause()
        assert any("temperature: expected" in line for line in plane(app))


async def test_branches_are_listed_and_taken() -> None:
    app = application()
    async with app.run_test() as pilot:
        await pilot.press("B")
        assert isinstance(app.screen, Explore)
        give(app, snapshot(version=2, branches=branches()))
        await pilot.press("B")
        assert isinstance(app.screen, BranchesLayer)
        await pilot.press("down", "enter")
        assert driver_of(app).sent == [("activate", {"branch": 1})]


async def test_help_names_every_key_and_any_close_key_closes_it() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("escape", "q", "question_mark"):
            await pilot.press("question_mark")
            assert isinstance(app.screen, HelpLayer)
            await pilot.press(key)
            assert isinstance(app.screen, Explore)


async def test_find_goes_to_lines_and_tokens() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("slash", *"mlp", "enter")
        assert app.explore.view.address == "blocks.0.mlp.post"
        await pilot.press("slash", "enter")
        assert app.explore.view.address == "blocks.1.mlp.post"
        await pilot.press("g", *["backspace"] * 3, "2", "enter")
        assert app.explore.view.token == 2


async def test_copying_says_what_was_copied() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("left", "y")
        assert app.clipboard.startswith('token 6 "·it" (id 9): p ')
        await pilot.press("Y")
        ids = ",".join(
            str(token.id) for token in snapshot().tokens
        )  # some were generated: the text is more than a prompt
        assert app.clipboard.startswith(f"minigpt-tui some/model --ids={ids} --seed 5")
        fresh = tuple(replace(token, generated=False) for token in snapshot().tokens)
        give(app, snapshot(version=2, tokens=fresh))
        await pilot.press("Y")
        assert app.clipboard.startswith("minigpt-tui some/model '--prompt=The cat' --seed 5 --temperature 1")


async def test_a_remark_lasts_until_the_next_thing_is_done() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("B")
        assert any("No branches yet" in line for line in plane(app))
        await pilot.press("tab")
        assert not any("No branches yet" in line for line in plane(app))


async def test_pasted_lines_all_count() -> None:
    app = application()
    async with app.run_test() as pilot:
        await pilot.press("i")
        app.screen.query_one(Line).post_message(events.Paste(" one\r\ntwo\nthree"))
        await pilot.pause()
        await pilot.press("enter")
        assert driver_of(app).sent == [("prompt", {"text": "The cat one\ntwo\nthree"})]


async def test_the_palette_has_our_actions_and_saves_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = application()
    async with app.run_test() as pilot:
        titles = [entry.title for entry in ActionCommands(app.screen).entries]
        assert "Generate or pause  (space)" in titles and "Save the screen" in titles
        await app.explore.run_action("save_screen")
        await pilot.pause()
        (saved,) = tmp_path.glob("*.svg")
        assert "cat" in saved.read_text() and any(saved.name in line for line in plane(app))


async def test_a_bug_in_a_command_is_reported_and_the_session_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        driver_of(app).failure = ZeroDivisionError("oh")
        give(app, snapshot(version=2, notice="internal error in step: oh"))
        await pilot.pause()
        assert "ZeroDivisionError: oh" in next(tmp_path.rglob("*.txt")).read_text()
        assert any("the session goes on; report: " in line for line in plane(app))


async def test_a_key_brings_forward_a_panel_that_shows_its_effect() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.bring("memory")
        await pilot.press("n")
        assert app.explore.panel("program").display
        await pilot.press("o")
        assert app.explore.panel("entropy").display


async def test_ctrl_c_stops_work_then_asks_then_leaves_with_130() -> None:
    app = application(snapshot(busy="generating"))
    async with app.run_test() as pilot:
        await pilot.press("ctrl+c")
        assert driver_of(app).cancelled == 1 and app.is_running
        driver_of(app).latest = replace(snapshot(), version=2)
        await pilot.press("ctrl+c")
        assert app.return_code is None
        await pilot.press("ctrl+c")
    assert app.return_code == 130


async def test_a_pass_nobody_steps_follows_the_text() -> None:
    old = snapshot(done=4)
    app = application(old)
    async with app.run_test() as pilot:
        give(app, replace(old, version=2, tokens=old.tokens[:-1]))
        again = [("restep", {}), ("run_until", {"address": "blocks.0.attn.pattern"})]
        assert driver_of(app).sent == again
        give(app, replace(snapshot(done=0), version=3, tokens=old.tokens[:-1]))  # still the old pass: asked for once
        assert driver_of(app).sent == again
        give(app, snapshot(done=0, version=4))  # a changed setting began it anew
        assert driver_of(app).sent == [*again, again[1]]
        await pilot.press("n")
        give(app, replace(old, version=5, tokens=old.tokens[:-2]))  # now it is the person's
        assert len(driver_of(app).sent) == 4


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_pass_is_old_when_its_tokens_or_their_places_are_not_the_text(is_plain: bool) -> None:
    latest = snapshot()
    assert latest.stepping is not None
    if not is_plain:  # of a cached pass only the last token is there
        values = dict(latest.stepping.values) | {"position_ids": latest.stepping.values["position_ids"][-1:]}
        cached = replace(latest.stepping, ids=latest.stepping.ids[-1:], values=values, kind="generating")
        latest = replace(latest, stepping=cached)
    assert not is_stale(latest)
    assert is_stale(replace(latest, tokens=latest.tokens[:-1]))
    assert is_stale(replace(latest, tokens=(*latest.tokens, latest.tokens[-1])))
    assert is_stale(replace(latest, tokens=(*latest.tokens[:-1], latest.tokens[0])))


async def test_the_candidates_cursor_returns_to_the_best_at_another_token() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("candidates")
        panel = app.explore.panel("candidates")
        assert isinstance(panel, CandidatesPanel)
        await pilot.press("down", "down")
        assert panel.cursor == 2
        await pilot.press("left")
        assert panel.cursor == 0


async def test_a_remark_made_while_work_runs_stays_long_enough_to_be_read(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("app.widgets.strips.monotonic", lambda: now[0])
    app = application(snapshot(busy="generating", progress=(1, 9)))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("B")
        for version, later_s, is_read in ((2, 1.0, True), (3, 1.0, True), (4, 2.0, False)):
            now[0] += later_s
            give(app, snapshot(version=version, busy="generating", progress=(version, 9)))
            await pilot.pause()
            screen = "\n".join(plane(app))
            assert ("No branches yet" in screen) is is_read and ("generating" in screen) is not is_read


async def test_tabs_that_have_no_room_are_marked_and_the_one_that_is_seen_is_there() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(80, 24)) as pilot:
        for name in ("edits", "lens", "changes", "watch"):
            app.explore.panel(name).offered = True
        app.explore.arrangement = None
        app.explore.bring("settings")
        await pilot.pause()
        row = next(line for line in plane(app) if "Settings" in line)
        assert "▌Settings" in row and row.startswith(" ‹") and "Candidates" not in row
        app.explore.bring("candidates")
        await pilot.pause()
        row = next(line for line in plane(app) if "Candidates" in line)
        assert row.startswith("▌Candidates Edits") and row.rstrip().endswith("›") and "Settings" not in row
        await pilot.click("#candidates", offset=(row.index("›"), 0))
        await pilot.pause()
        hidden = app.explore.focused.id
        assert hidden is not None and app.explore.panel(hidden).title not in row
