"""How fast tokens come: limited by keys, also while they come; a stop does not wait for the limit."""

from __future__ import annotations

import time

from tui_factory import application, driver_of, plane

from engine.driver import Driver
from engine.model import open_model
from engine.pace import SPEEDS
from engine.session import Session


async def test_keys_go_through_the_limits_and_say_them():
    app = application()
    driver_of(app).speed_limit = None  # type: ignore[attr-defined]
    async with app.run_test(size=(80, 24)) as pilot:
        seen = []
        for key in ("-", "-", "+", "=", "+"):
            await pilot.press(key)
            seen.append(driver_of(app).speed_limit)  # type: ignore[attr-defined]
        assert seen == [32, 16, 32, None, None]
        assert "as fast as it can" in "\n".join(plane(app))
        for _ in SPEEDS:
            await pilot.press("-")
        await pilot.pause()
        assert "at most 0.5 tokens/s" in "\n".join(plane(app))


def test_a_limit_is_kept_and_a_stop_does_not_wait_for_it():
    session = Session(open_model("random:gpt2-2x240"))
    driver = Driver(session)
    driver.start()
    driver.send("prompt", ids=[1, 2])
    wait(lambda: len(driver.latest.tokens) == 2 and driver.latest.busy is None)
    driver.speed_limit = 20
    started = time.perf_counter()
    driver.send("generate", count=5)
    wait(lambda: len(driver.latest.tokens) == 7 and driver.latest.busy is None)
    assert time.perf_counter() - started >= 5 / 20
    driver.speed_limit = 0.01
    driver.send("generate", count=5)
    wait(lambda: len(driver.latest.tokens) == 8)
    driver.cancel()
    wait(lambda: driver.latest.busy is None)
    assert len(driver.latest.tokens) == 8 and driver.failure is None
    driver.close()


def wait(until) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 20
    while not until() and time.monotonic() < end:
        time.sleep(0.005)
    assert until()
