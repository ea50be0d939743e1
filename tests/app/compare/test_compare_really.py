"""The Compare screen over a real session: B is chosen, both lanes run, and a new token is followed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from compare_factory import screen_of
from tui_factory import plane

from app.screens.application import MiniGPTApp
from app.screens.opening import Opening

WAIT_S = 60


async def until(is_so: Callable[[], bool]) -> None:
    end = monotonic() + WAIT_S
    while not is_so():
        assert monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.02)


async def test_two_lanes_run_part_and_follow_the_text():
    opening = Opening("random:gpt2-2x240", ids=[1, 2, 3, 4])
    opening.start()
    app = MiniGPTApp(opening)
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            await until(lambda: opening.driver is not None and len(opening.driver.latest.tokens) == 4)
            await pilot.press("f4")
            driver, screen = opening.driver, screen_of(app)
            await until(lambda: driver.compared is not None and driver.latest.busy is None)
            screen.poll()
            assert screen.pair.compared.name_b == "random:gpt2-2x240:0:int8=all"
            assert "blocks.0.attn.q.rows is the first that parts" in "\n".join(plane(app))
            await pilot.press("t", "ctrl+u", *"kv-window=2", "enter")
            await until(lambda: driver.compared is not None and driver.compared.name_b.endswith(":kv-window=2"))
            await pilot.press("]")
            await until(lambda: len(driver.latest.tokens) == 5)
            screen.poll()
            await until(lambda: len(driver.compared.a.tokens) == 5)
            screen.poll()
            assert driver.compared.drift.first.address == "mask" and not screen.pair.is_stale
    finally:
        opening.close()
