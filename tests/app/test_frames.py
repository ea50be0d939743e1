"""While the engine works the screen draws less often the more a drawing costs, but never too seldom."""

from __future__ import annotations

import pytest
from tui_factory import application, driver_of, snapshot

from app.screens.explore import SHARE, SLOWEST_S
from engine.pace import Frames


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    at = {"monotonic": 100.0, "thread_time": 5.0}
    for name in ("monotonic", "thread_time"):
        monkeypatch.setattr(f"engine.pace.{name}", lambda name=name: at[name])
    return at


def test_the_next_frame_waits_until_the_last_is_a_small_share(clock):
    made = Frames(SHARE, SLOWEST_S)
    assert made.is_due(True)
    clock["thread_time"] += 0.004  # what the frame cost
    clock["monotonic"] += 0.9 * 0.004 / SHARE
    assert not made.is_due(True)
    clock["monotonic"] += 0.2 * 0.004 / SHARE
    assert made.is_due(True)


def test_however_dear_a_frame_is_the_next_comes_soon(clock):
    made = Frames(SHARE, SLOWEST_S)
    made.is_due(True)
    clock["thread_time"] += 10
    clock["monotonic"] += 0.99 * SLOWEST_S
    assert not made.is_due(True)
    clock["monotonic"] += 0.02 * SLOWEST_S
    assert made.is_due(True)


def test_when_nothing_runs_every_snapshot_is_drawn(clock):
    made = Frames(SHARE, SLOWEST_S)
    made.is_due(True)
    clock["thread_time"] += 10
    assert made.is_due(False)


async def test_the_screen_skips_a_snapshot_of_work_and_shows_the_last(clock):
    app = application(snapshot())
    async with app.run_test(size=(120, 36)):
        screen, driver = app.explore, driver_of(app)
        screen.frames.is_due(True)
        clock["thread_time"] += 10
        driver.latest = snapshot(version=7, busy="generating")
        screen._tick()
        assert screen.snapshot.version != 7
        driver.latest = snapshot(version=8)
        screen._tick()
        assert screen.snapshot.version == 8
