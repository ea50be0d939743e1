"""The time panel adds up what was measured, and says what bounds each line by the machine's peaks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tui_factory import HOSTILE, application, driver_of, plane, snapshot

from app.widgets.time_panel import MARKS, cache_words, sentence_of, time_rows
from engine import commands
from engine.analysis.machine_peaks import Peaks, bound_of
from engine.driver import Driver
from engine.memory import place_of
from engine.program import Cost
from engine.session import Session
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.switch import Footprint, Switch
from viewers.numbers import count_text, seconds_text

PEAKS = Peaks(1e8, 1e9)  # of the factory's lines: 10 ns a FLOP against 1 ns a byte


def measured(peaks: Peaks | None = PEAKS) -> Snapshot:
    return replace(snapshot(), peaks=peaks)


def test_sums_of_places_are_those_of_their_lines_by_what_bounds_them() -> None:
    rows = measured().stepping.rows  # type: ignore[union-attr]
    found = time_rows(rows, PEAKS, frozenset({"blocks.1"}))
    assert [row.name for row in found if row.is_place] == ["embed", "blocks.0", "blocks.1", "unembed"]
    for place in (row for row in found if row.is_place):
        mine = [row for row in rows if place_of(row.address) == place.name]
        assert place.elapsed_s == pytest.approx(sum(row.elapsed_s or 0 for row in mine))
        assert place.cost.flops == sum(row.cost.flops for row in mine)
        for bound in place.seconds:
            spent = sum(row.elapsed_s or 0 for row in mine if bound_of(row.cost, PEAKS, row.elapsed_s) == bound)
            assert place.seconds[bound] == pytest.approx(spent)
    assert [row.name for row in found if not row.is_place] == [r.address for r in rows if "blocks.1" in r.address]


def test_the_sentence_of_a_line_says_rate_bound_and_least_time() -> None:
    rows = measured().stepping.rows  # type: ignore[union-attr]
    line = time_rows(rows, PEAKS, frozenset({"embed"}))[1]
    assert sentence_of(line, PEAKS) == (
        "embed: 20 µs, 1.0k FLOP at 50.0M/s, 20 B at 977 KiB/s; compute-bound, at least 10 µs here"
    )
    slow = replace(rows[0], cost=Cost(10, 10, 10))
    assert list(time_rows([slow], PEAKS, frozenset())[0].seconds) == ["overhead"]
    assert "bound" not in sentence_of(time_rows(rows, None, frozenset({"embed"}))[1], None)


async def test_the_panel_shows_every_place_with_its_time_and_unfolds() -> None:
    latest = measured()
    app = application(latest)
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("time")
        await pilot.press("z", "down", "right")
        said = "\n".join(plane(app))
        for row in time_rows(latest.stepping.rows, PEAKS, frozenset({"blocks.0"})):  # type: ignore[union-attr]
            line = next(x for x in said.split("\n") if f" {row.label} " in x and "FLOP" not in x and "╵" not in x)
            assert seconds_text(row.elapsed_s) in line and count_text(row.cost.flops) in line
        assert "peaks: 100 MFLOP/s" in said and all(MARKS[bound] in said for bound in ("compute", "memory"))
        await pilot.press("left")
        assert "blocks.0" in said and "    attn.pattern" not in "\n".join(plane(app))


async def test_enter_asks_for_the_peaks_once_they_are_wanted() -> None:
    app = application(measured(None))
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.bring("time")
        await pilot.pause()
        assert "Enter measures" in "\n".join(plane(app))
        await pilot.press("enter")
        assert ("peaks", {}) in driver_of(app).sent


def test_the_driver_measures_and_the_snapshot_holds_it(make_driver_model, monkeypatch) -> None:
    monkeypatch.setattr(commands, "known_peaks", lambda: PEAKS)
    driver = Driver(Session(make_driver_model))
    assert driver.latest.peaks is None
    driver._peaks()
    driver._publish()
    assert driver.latest.peaks == PEAKS


@pytest.fixture
def make_driver_model():
    from engine.model import open_model

    return open_model("random:sinusoidal-2x64")


def test_what_the_cache_saves_are_the_numbers_of_the_last_change() -> None:
    on, off = Footprint(1, 1, 1, 1_000_000), Footprint(1, 0, 1, 61_000_000)
    change = Switch(1, Settings(kv_cache=False), Settings(), (), off, on, 40.0, None)
    words = cache_words(replace(measured(), switch=change, tokens_per_s=210.0))
    assert words == (
        "next token: 1.0M FLOP with the KV cache, 61.0M without, 61.0 times as many; "
        "210 tokens/s with, 40 tokens/s without"
    )
    back = Switch(2, Settings(), Settings(kv_cache=False), (), on, off, 210.0, None)
    words = cache_words(replace(measured(), switch=back, tokens_per_s=None))
    assert "1.0M FLOP with the KV cache, 61.0M without" in words and "210 tokens/s with, not measured without" in words
    assert "press 1" in cache_words(measured())


async def test_no_size_and_no_hostile_text_breaks_it() -> None:
    app = application(replace(snapshot(words=HOSTILE), peaks=PEAKS))
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.bring("time")
        for size in ((80, 24), (20, 5), (1, 1), (41, 13), (200, 60), (300, 8)):
            await pilot.resize_terminal(*size)
            await pilot.press("down", "right", "down", "enter", "end", "home")
            await pilot.pause()
        assert app.is_running


async def test_all_tabs_have_room_at_80_columns_also_when_every_panel_is_there() -> None:
    app = application(measured())
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.bring("time")
        await pilot.pause()
        panel = app.explore.panel("time")
        panel.tabs = tuple((name, name.title()) for name in ("candidates", "edits", "program", "changes", "value",
                           "attention", "entropy", "memory", "time", "settings"))  # fmt: skip
        panel.refresh()
        await pilot.pause()
        line = next(row for row in plane(app) if "▌Time" in row)
        assert "Settings" in line
        await pilot.click("#time", offset=(line.index("Attention") + 1, 0))
        assert app.explore.panel("attention").has_focus
