"""What the Compare screen shows is what the comparison holds, at every size; foreign text stays text."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from compare_factory import IDS, WORDS, compared, comparing, give, pair, screen_of, traced
from tui_factory import HOSTILE, plane, snapshot

from app.screens.compare_places import COMPARE_PANELS, arrange_comparing
from app.widgets.compare.addresses import place_sentence
from app.widgets.compare.curve import LOWEST, height_of
from app.widgets.compare.lanes import lane_words
from app.widgets.compare.strips import figures
from app.widgets.compare.texts import summary, token_sentence
from app.widgets.compare.values import pictures
from app.widgets.compare.view import CompareView, Pair
from engine.effect import EditView
from viewers.differences import amount, size_text
from viewers.palette import LEVELS
from viewers.picture import Chosen


def said(app) -> str:
    return "\n".join(plane(app))


def test_figures_are_the_comparisons():
    held = compared()
    shown = dict(figures(Pair(snapshot(), held), CompareView()))
    assert (shown["A"], shown["B"], shown["first over"]) == ("tiny", "tiny:kv-window=3", "mask")
    assert shown["changed"] == str(int((held.drift.tokens.choice_a != held.drift.tokens.choice_b).sum()))
    assert float(shown["mean KL"]) == pytest.approx(held.drift.tokens.kl.mean(), rel=0.01)
    assert dict(figures(Pair(snapshot(), held), CompareView(threshold=math.inf)))["first over"] == "none"


def test_the_strip_says_that_values_changed_by_hand_are_in_neither_lane():
    held, edits = compared(), (EditView("embed:zero"),)
    assert "edits" not in dict(figures(Pair(snapshot(), held), CompareView()))
    assert dict(figures(Pair(snapshot(edits=edits), held), CompareView()))["edits"] == "in neither lane"


def test_a_lane_is_described_by_what_the_other_has_not():
    held = compared()
    assert lane_words(held) == (f"{len(IDS)} tokens, Window none", f"{len(IDS)} tokens, Window 3")
    shorter = traced(ids=IDS[:1], texts=WORDS[:1])
    assert lane_words(pair(held.a, shorter)) == (f"{len(IDS)} tokens", "1 token")
    other = replace(held.a, fingerprint="another", about=replace(held.a.about, line="llama, 3 layers x 2 heads"))
    assert lane_words(pair(held.a, other)) == (
        f"{len(IDS)} tokens, {held.a.about.line}",
        f"{len(IDS)} tokens, llama, 3 layers x 2 heads",
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_why_one_would_want_b_is_read_under_the_list(size):
    app, _ = comparing(held=compared()), compared()
    async with app.run_test(size=size) as pilot:
        await pilot.press("f4", "v")
        await pilot.pause()
        lanes = screen_of(app).panel("lanes")
        for key, words in (("home", "Each token sees only the last N"), ("end", "ends the comparison")):
            await pilot.press(key)
            await pilot.pause()
            last = [strip.text.strip() for strip in map(lanes.render_line, range(lanes.size.height))]
            assert any(line.startswith(words) for line in last[-2:]), (key, last)


def test_changed_choices_are_underlined_only_where_there_are_any():
    held = compared()
    same = pair(held.a, held.a)
    assert summary(same).endswith(f"0 of {same.drift.positions} choices changed")
    assert "underlined" not in summary(held)  # it is copied too, and what is copied has no lines under it


async def test_what_both_lanes_expect_is_read_in_full_at_120_columns():
    app, held = comparing(held=compared()), compared()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f4")
        await pilot.pause()
        panel = screen_of(app).panel("texts")
        rows = " ".join(panel.render_line(y).text.strip() for y in range(panel.size.height))
        assert token_sentence(held, held.drift.positions) in rows and summary(held) in rows
        assert ("(underlined)" in rows) == bool(held.drift.tokens.flips.any())


def test_colours_and_bars_grow_by_the_decade():
    assert [amount(x) for x in (0, 1e-9, 1e-7, 1.0, 5.0, math.inf, math.nan)] == [0, 0, 0, 1, 1, 1, 1]
    assert amount(10**-3.5) == pytest.approx(0.5)
    assert [height_of(x) for x in (0, LOWEST, 1, math.inf, math.nan)] == [0, 0, 1, 1, 1]
    assert height_of(1e-4) == pytest.approx(0.5)


def test_sizes_are_short():
    sizes = (0, 1e-12, 3.21e-6, 0.00123, 0.123456, 9.999, 1234.5, 1e30, math.inf, math.nan)
    assert [size_text(x) for x in sizes][:5] == ["0", "1.0e-12", "3.2e-06", "0.00123", "0.123"]
    assert all(len(size_text(x)) <= 8 for x in sizes)


def test_the_three_pictures_are_a_b_and_their_difference():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1, 4, 5, 6)).astype(np.float32), rng.normal(size=(1, 4, 5, 6)).astype(np.float32)
    left, right, apart = pictures("blocks.0.attn.q", a, b, WORDS, Chosen(0, 2))
    assert np.array_equal(left.values, a[0, 2]) and np.array_equal(right.values, b[0, 2])
    assert apart.values == pytest.approx(a[0, 2] - b[0, 2]) and left.scale == right.scale
    assert left.scale.high == max(np.abs(a[0, 2]).max(), np.abs(b[0, 2]).max())
    assert apart.scale.kind == "diverging" and apart.scale.high == np.abs(apart.values).max()


def test_what_is_masked_on_both_sides_does_not_differ_and_on_one_it_cannot_be_told():
    a, b = np.array([[1.0, -np.inf, -np.inf]]), np.array([[1.5, -np.inf, 2.0]])
    apart = pictures("x", a, b, (), Chosen())[2].values
    assert apart[0, :2].tolist() == [-0.5, 0] and np.isinf(apart[0, 2])
    same = pictures("x", a, a, (), Chosen())[2]
    assert not same.values.any() and same.scale.level(same.values).tolist() == [[LEVELS // 2] * 3]


async def test_every_address_stands_with_its_numbers():
    app, held = comparing(held=compared()), compared()
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.press("f4", "home")
        await pilot.pause()
        lines = {words[0]: line for line in plane(app) if (words := line[68:].lstrip("▶◆● ▌").split())}
        shown = [place for place in held.drift.places if place.address in lines]
        assert len(shown) > 15
        for place in shown[1:]:
            assert size_text(place.apart.relative) in lines[place.address], place.address


async def test_the_sentences_are_those_of_the_arrays():
    app, held = comparing(held=compared()), compared()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f4", "/", *"1.mlp.out", "enter")
        screen = screen_of(app)
        place = held.drift["blocks.1.mlp.out"]
        assert screen.panel("drift").sentence() == place_sentence(place)
        assert f"at [{', '.join(map(str, place.apart.worst))}]" in place_sentence(place)
        _, row, column = place.apart.worst
        words = screen.panel("values").sentence()
        assert words.startswith(f"token {row} ")
        assert f"channel {column}: A {held.a['blocks.1.mlp.out'][0, row, column]:.3f}"[:-1] in words


def test_the_sentence_of_a_token_names_both_choices():
    held = compared()
    flip = int(np.nonzero(held.drift.tokens.flips)[0][0])
    words = token_sentence(held, flip + 1)
    chance = 100 * math.exp(float(held.b.candidate_logprobs[flip, 0]))
    assert f"B {held.b.candidate_ids[flip, 0]} {chance:.1f}%" in words and "A expects " in words
    assert "nothing foresaw it" in token_sentence(held, 0)
    assert token_sentence(held, len(IDS)).startswith(f"next token, {len(IDS)}: KL ")


async def test_two_texts_are_shown_and_compared_on_the_common_positions():
    held = pair(traced(), traced(ids=(3, 4, 20, 21), texts=("<s>", " The", " dog", " ran")), "")
    app = comparing(held=held)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f4")
        assert "A <s>·The·cat·sat" in said(app) and "B <s>·The·dog·ran" in said(app)
        assert "tokens the first 4 of 7 and 4" in said(app)
        assert held.drift.first.address == "embed"


async def test_an_older_text_is_said_to_be_one():
    app = comparing(held=compared())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4", "v")
        assert "older text" not in said(app)
        give(app, snapshot(words=("a", "b"), version=2))
        await pilot.pause()
        assert "older text" in said(app)


async def test_hostile_tokens_are_shown_and_not_obeyed():
    words = (*HOSTILE, "a", "b")[: len(IDS)]
    app = comparing(held=compared(texts=words))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f4")
        for name in COMPARE_PANELS:
            screen_of(app).bring(name)
            await pilot.pause()
            assert not {c for c in said(app)} & {"\x1b", "\x07", "\u202e", "\ud800", "\x00"}
        assert "[/]" in said(app) and app.is_running


@pytest.mark.parametrize("maximised", [False, True])
def test_places_fill_the_screen_without_overlap_at_every_size(maximised: bool):
    for width, height in itertools.product(range(20, 260, 7), range(1, 80)):
        plan = arrange_comparing(width, height, 2, maximised)
        assert sorted(name for place in plan.places for name in place.panels) == sorted(COMPARE_PANELS)
        bottom = height - plan.status - plan.keys
        for a in plan.places:
            assert a.width > 0 and a.height > 0 and a.x >= 0 and a.x + a.width <= width
            assert a.y >= plan.config + plan.crumb and (a.y + a.height <= bottom or height < 6)
        for a, b in itertools.combinations(plan.places, 2):
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart, (width, height)


def test_more_room_shows_more_panels():
    assert [len(arrange_comparing(*size, 2).places) for size in ((80, 24), (120, 36), (200, 60))] == [2, 4, 6]


async def test_resizing_at_any_time_breaks_nothing():
    app = comparing(held=compared())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4")
        for size in ((20, 5), (200, 60), (1, 1), (41, 13), (120, 36), (300, 8), (80, 24)):
            await pilot.resize_terminal(*size)
            for name in COMPARE_PANELS:
                screen_of(app).bring(name)
                screen_of(app).panel(name).move(1, 1)
                await pilot.pause()
        assert app.is_running and any("tiny" in line for line in plane(app))


async def test_values_without_tokens_and_scalars_can_be_looked_at():
    app = comparing(held=compared())
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f4")
        for place in compared().drift.places:
            screen_of(app).go_to(place.address)
            await pilot.pause()
            assert screen_of(app).panel("values").sentence()
        give(app, held=replace(compared(), name_b="tiny:x"))
        assert app.is_running
