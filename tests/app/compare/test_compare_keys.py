"""Keys of the Compare screen: what is asked of the driver, and where the shared cursors go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from compare_factory import IDS, WINDOW, compared, comparing, give, pair, screen_of, traced
from tui_factory import application, driver_of, plane, snapshot

from app.screens.compare import Compare
from app.screens.layers import HelpLayer
from app.widgets.compare.lanes import choices, default_words
from app.widgets.panel import Panel
from engine.lane import PLAIN, with_words
from engine.settings import TABLE, Settings
from viewers.actions import ALWAYS, EVERYWHERE
from viewers.compare_actions import COMPARE_ACTIONS, COMPARE_FOOTERS

SIZE = (120, 36)


def said(app) -> str:
    return "\n".join(plane(app))


def test_every_action_has_a_handler_and_every_key_one_meaning():
    for action in COMPARE_ACTIONS:
        owner = Compare if action.where == EVERYWHERE else Panel
        assert hasattr(owner, f"action_{action.id}") or action.id == "interrupt", action.id
    keys = [key for action in COMPARE_ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


def test_footers_name_actions_and_have_five_to_seven_keys():
    ids = {action.id for action in COMPARE_ACTIONS}
    for panel, rows in COMPARE_FOOTERS.items():
        assert 5 <= len(rows) + len(ALWAYS) <= 7, panel
        assert all(action in ids for action, _ in (*rows, *ALWAYS))


def test_b_can_be_every_setting_of_the_table_that_changes_a_number():
    found = list(choices(Settings(kv_window=64)))
    settings = [with_words(PLAIN, choice.words) for choice in found if choice.kind == "setting"]
    for row in TABLE:
        offered = {getattr(each, row.name) for each in settings}
        assert row.name in ("kv_cache", "threads") or offered == {*row.choices}, row.name
    assert replace(PLAIN, kv_window=64) not in settings and PLAIN in settings  # A itself is no choice
    assert [choice.kind for choice in found if choice.kind != "setting"] == ["words", "model", "text", "none"]
    assert default_words(Settings()) == "int8=all" and default_words(Settings(int8="mlp")) == ""


async def test_the_first_time_int8_is_compared_and_the_text_is_followed_afterwards():
    app = comparing()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("v")
        sent = driver_of(app).sent
        assert app.screen is screen_of(app) and sent == [("compare", {"words": "int8=all"})]
        give(app, held=compared())
        assert len(sent) == 1  # it is of this text
        longer = snapshot(words=("a",) * 8, version=2)
        give(app, longer)
        give(app, replace(longer, version=3))
        assert sent[1:] == [("follow", {})]  # asked for once
        give(app, replace(longer, version=4, settings=Settings(int8="all")))
        assert sent[2:] == [("follow", {})]
        give(app, replace(longer, version=5, settings=Settings(int8="all", optimize=False)))
        assert len(sent) == 3  # how the session generates is no number of the lanes


async def test_while_the_first_comparison_is_made_nobody_is_told_to_choose_b():
    app = comparing()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("v")
        assert "choose B in the Lanes panel" in said(app)
        give(app, snapshot(version=2, busy="comparing", progress=(3, 115)))
        assert "Both lanes are being run" in said(app) and "choose B in the Lanes panel" not in said(app)
        await pilot.press("v")
        assert "not chosen yet" not in said(app)
        give(app, snapshot(version=3))
        assert "not chosen yet" in said(app) and "are being run" not in said(app)


async def test_f4_f2_and_f3_change_the_screen():
    app = comparing(held=compared())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4")
        assert app.screen is screen_of(app)
        await pilot.press("f3")
        assert app.screen is app.train
        await pilot.press("f4")
        assert app.screen is screen_of(app)
        await pilot.press("f2")
        assert app.screen is app.explore
        await pilot.press("v", "escape")
        assert app.screen is app.explore


async def test_b_is_chosen_in_the_list_in_words_as_a_model_and_as_a_text():
    app = comparing(held=compared())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4", "v")
        sent, lanes = driver_of(app).sent, screen_of(app).panel("lanes")
        await pilot.press("down", "enter")
        assert sent[-1] == ("compare", {"words": list(lanes.choices)[1].words})
        await pilot.press("t", *"rank=12", "enter")
        assert sent[-1] == ("compare", {"words": "rank=12"})
        await pilot.press("M", *"random:gpt2-2x240:1:tie", "enter")
        assert sent[-1] == ("compare", {"words": "tie", "model": "random:gpt2-2x240:1"})
        await pilot.press("i", "ctrl+u", *"The dog", "enter")
        assert sent[-1] == ("compare", {"words": "", "text": "The dog"})
        await pilot.press("i", "escape", "end", "enter")
        assert sent[-1] == ("uncompare", {})


async def test_a_model_that_is_not_there_is_the_drivers_to_refuse_and_its_words_are_shown():
    app = comparing(held=compared())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4", "M", *"./nowhere", "enter")
        assert driver_of(app).sent[-1] == ("compare", {"words": "", "model": "./nowhere"})
        give(app, snapshot(version=2, notice="error: ./nowhere: no such directory"))
        await pilot.pause()
        assert "error: ./nowhere: no such directory" in said(app)


async def test_the_cursor_begins_where_they_part_and_goes_from_one_parted_address_to_the_next():
    app = comparing(held=compared())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4")
        screen, drift = screen_of(app), compared().drift
        over = [place.address for place in drift.over]
        assert screen.view.at(drift).address == over[0] == "mask"
        await pilot.press("n")
        assert screen.view.address == over[1]
        await pilot.press("N", "N")
        assert screen.view.address == over[-1] == "logits"
        await pilot.press("f")
        assert screen.view.address == "mask"
        await pilot.press("/", *"mlp.pre", "enter")
        assert screen.view.address == "blocks.0.mlp.pre"
        await pilot.press(">")
        assert screen.view.address == "blocks.1.mlp.pre"
        await pilot.press("down")
        assert screen.view.address == "blocks.1.mlp.post"


async def test_the_threshold_decides_what_has_parted():
    app = comparing(held=compared())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4")
        screen, drift = screen_of(app), compared().drift
        assert f"{len(drift.over)} of {len(drift.places)} over 1e-05" in said(app)
        await pilot.press("+", "+", "+", "+", "+", "+", "-")
        await pilot.pause()
        fewer = sum(place.apart.relative > 1 for place in drift.places)
        assert screen.view.threshold == 1 and f"{fewer} of {len(drift.places)} over 1 " in said(app)
        assert fewer < len(drift.over)
        await pilot.press("e", "e")
        panel = screen.panel("drift")
        assert [p.address for p in panel.listed] == [p.address for p in drift.places if p.apart.relative > 1]


async def test_changed_choices_are_walked_through():
    held = compared()
    flips = [int(row) + 1 for row in np.nonzero(held.drift.tokens.flips)[0]]
    assert flips  # else the example shows nothing
    app = comparing(held=held)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4", "d")
        screen = screen_of(app)
        assert screen.view.token(held.drift) == flips[0]
        await pilot.press("D")
        assert screen.view.token(held.drift) == flips[-1]


async def test_heads_follow_the_largest_difference_until_one_is_chosen():
    held = compared()
    app = comparing(held=held)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4", "/", *"0.attn.pattern", "enter")
        screen, worst = screen_of(app), held.drift["blocks.0.attn.pattern"].apart.worst[1]
        assert f"head {worst} of 4" in said(app)
        await pilot.press(*[","] * 4, ".")
        await pilot.pause()
        assert screen.view.head == 1 and "head 1 of 4" in said(app)
        await pilot.press("/", "ctrl+u", *"mlp.pre", "enter", ".")
        assert "This value has no heads." in said(app)


async def test_tokens_are_drawn_and_taken_back_from_here():
    app = comparing(held=compared())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4", "]", "[")
        assert driver_of(app).sent == [("generate", {"count": 1}), ("take_back", {})]


async def test_the_command_is_copied_that_compares_the_same():
    app = comparing(held=compared())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f4", "Y")
        ids = ",".join(map(str, IDS))
        assert app.clipboard == f"minigpt diff some/model some/model:{WINDOW} --ids={ids}"
        give(app, held=pair(traced(), traced(ids=IDS[:4], texts=("a",) * 4)))
        await pilot.press("Y")
        assert app.clipboard.endswith("--ids=3,4,5,6,7,8,9 --ids-b=3,4,5,6")


async def test_help_and_escape():
    app = comparing(held=compared())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4", "?")
        assert isinstance(app.screen, HelpLayer)
        await pilot.press("escape", "n", "z")
        screen = screen_of(app)
        assert screen.maximised and screen.view.address is not None
        await pilot.press("escape", "escape")
        assert not screen.maximised and screen.view.address is None


async def test_before_a_model_is_there_the_screen_waits():
    app = application()
    app.opening.driver = None
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4", "f", "n", "d", "e", ">", ".", "y", "Y", "i", "down", "enter")
        assert app.screen is screen_of(app) and "opened" in said(app)


async def test_a_key_that_can_go_no_further_in_the_text_says_so():
    held = compared()
    app = comparing(held=held)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f4")
        await pilot.pause()
        screen_of(app).bring("texts")
        await pilot.press("right")
        await pilot.pause()
        assert "This is the place of the next token" in said(app)
        await pilot.press("left")
        await pilot.pause()
        assert "This is" not in said(app) and screen_of(app).view.place == held.drift.positions - 1
        await pilot.press("home", "left")
        await pilot.pause()
        assert "This is the first token." in said(app)
