"""Sizes: what stands where, that nothing breaks, and a few recorded screens (text and a digest of the colours)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from tui_factory import application, give, picture, plane, snapshot

from app.screens.arrangement import PANELS, arrange


@pytest.mark.parametrize("maximised", [False, True])
def test_places_fill_the_screen_without_overlap_at_every_size(maximised: bool) -> None:
    for width, height in itertools.product(range(20, 260, 7), range(1, 80)):
        plan = arrange(width, height, 2, maximised)
        seen = [panel for place in plan.places for panel in place.panels]
        assert sorted(seen) == sorted(PANELS)
        bottom = height - plan.status - plan.keys
        for a in plan.places:
            assert a.width > 0 and a.height > 0 and a.x >= 0 and a.x + a.width <= width
            assert a.y >= plan.config + plan.crumb and (a.y + a.height <= bottom or height < 6)
        for a, b in itertools.combinations(plan.places, 2):
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart, (width, height)


def test_more_room_shows_more_panels() -> None:
    assert [len(arrange(*size, 2).places) for size in ((80, 24), (120, 36), (200, 60))] == [2, 4, 8]


@pytest.mark.parametrize("panel", ["candidates", "program", "value", "attention", "memory"])
async def test_at_80x24(panel: str, same_picture: Callable[[str], None]) -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.bring(panel)
        await pilot.pause()
        same_picture(picture(app))


async def test_at_120x36(same_picture: Callable[[str], None]) -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        same_picture(picture(app))


async def test_resizing_at_any_time_breaks_nothing() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(80, 24)) as pilot:
        for size in ((20, 5), (200, 60), (1, 1), (41, 13), (120, 36), (30, 80), (300, 8), (80, 24)):
            await pilot.resize_terminal(*size)
            for name in PANELS:
                app.explore.bring(name)
                app.explore.panel(name).move(1, 1)
                await pilot.pause()
        assert app.is_running and any("tiny" in line for line in plane(app))


async def test_a_screen_without_colour_tells_cursor_state_and_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = application(snapshot(done=4))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("z")
        said = {}
        for panel in PANELS:
            app.explore.bring(panel)
            await pilot.pause()
            said[panel] = "\n".join(plane(app))
        assert all(mark in said["program"] for mark in "▶✓▸")
        assert "▶" in said["candidates"] and "▶" in said["memory"] and "▸" in said["attention"]
        app.explore.bring("value")
        app.explore.look(address="embed")
        await pilot.pause()
        grid = "\n".join(plane(app))
        assert "-" in grid and "▀" not in grid


async def test_long_texts_scroll_with_their_cursor() -> None:
    words = tuple(f" word{i}" for i in range(400))
    latest = replace(snapshot(words=words), context=512)
    app = application(latest)
    async with app.run_test(size=(80, 24)) as pilot:
        assert any("word399" in line for line in plane(app))
        await pilot.press("home")
        await pilot.pause()
        assert any("word0" in line for line in plane(app)) and not any("word399" in line for line in plane(app))


async def test_an_unchanged_snapshot_draws_nothing() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        drawn: list[str] = []
        for name in PANELS:
            panel = app.explore.panel(name)
            panel._draw = lambda name=name: drawn.append(name) or []  # type: ignore[method-assign,misc,func-returns-value]
        app.explore.poll()
        await pilot.pause()
        assert not drawn
        give(app, snapshot(version=2))  # as while it generates: the stepped pass and the memory are what they were
        await pilot.pause()
        assert "text" in drawn and not {"program", "memory"} & set(drawn)
        give(app, snapshot(version=3, done=4))
        await pilot.pause()
        assert "program" in drawn


async def test_small_pictures_of_heads_never_cost_the_large_one_its_size() -> None:
    def lines(rows: list[str]) -> tuple[int, bool]:
        start = next(i for i, row in enumerate(rows) if "query (looking)" in row)
        return next(i for i, row in enumerate(rows) if "share, √ scale" in row) - start, any(
            "▸head 0" in r for r in rows
        )

    for count, size, has_small in ((7, (120, 36), True), (20, (120, 36), False), (20, (120, 60), True)):
        app = application(snapshot(words=tuple(f" w{i}" for i in range(count))))
        async with app.run_test(size=size) as pilot:
            app.explore.bring("attention")
            await pilot.pause()
            height, is_small = lines(plane(app))
            assert height >= 2 + count / 2 and is_small == has_small, (count, size)
