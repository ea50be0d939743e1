"""Every screen on the shipped model, as recorded: words exactly, numbers to a unit of their last digit.

The figures come from products of matrices that another processor rounds otherwise; times and what the machine has free
differ always and are left out. `MINIGPT_RECORD=1 pytest` records anew, after the shipped model was trained again.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from textual.pilot import Pilot
from tui_factory import plane

from app.screens.application import MiniGPTApp
from app.screens.opening import Opening
from engine.sampling import Sampler

RECORDED = Path(__file__).parent / "recorded" / "shipped"
PROMPT = "Once upon a time, there was a little girl called Mia. Mia"
PANELS = ("candidates", "entropy", "attention", "program", "value", "memory", "settings")
BESIDE = [("f3", "train", "Train › "), ("question_mark", "help", "Esc closes")]  # key, name, what the screen then says
WAIT_S = 60
UNSTEADY = re.compile(r" *(?:\d[\d.,]* ?)?\b(?:ns|µs|ms|s)\b|tokens/s +[\d.,—]+")
NUMBER = re.compile(r"-?\d+\.\d+")


async def until(app: MiniGPTApp, wanted: str) -> None:
    end = monotonic() + WAIT_S
    while wanted not in "\n".join(plane(app)):
        assert monotonic() < end, f"no {wanted!r} in\n" + "\n".join(plane(app))
        await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
def kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Train screen says where it would keep a run; nothing is written."""
    monkeypatch.setenv("XDG_STATE_HOME", "/tmp/state")


@asynccontextmanager
async def shipped(size: tuple[int, int]) -> AsyncIterator[tuple[MiniGPTApp, Pilot]]:
    opening = Opening("tales", prompt=PROMPT, sampler=Sampler(temperature=0.8), seed=1)
    opening.start()
    app = MiniGPTApp(opening)
    try:
        async with app.run_test(size=size) as pilot:
            end = monotonic() + WAIT_S
            while not is_at_rest(app):
                assert monotonic() < end, "the model did not open, or its first pass did not come to its pattern"
                await asyncio.sleep(0.02)
            app.explore.poll()
            await pilot.pause()
            yield app, pilot
    finally:
        opening.close()


def is_at_rest(app: MiniGPTApp) -> bool:
    """Whether the prompt was run, and the pass went as far as it goes by itself."""
    driver = app.opening.driver
    stepping = driver.latest.stepping if driver else None
    return driver is not None and stepping is not None and stepping.cursor > 1 and driver.latest.busy is None


def same_screen(app: MiniGPTApp, name: str) -> None:
    lines = [UNSTEADY.sub("", line).rstrip() for line in plane(app)]
    path = RECORDED / f"{name}-{app.size.width}x{app.size.height}.txt"
    if os.environ.get("MINIGPT_RECORD"):
        RECORDED.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    recorded = path.read_text(encoding="utf-8").splitlines()
    for seen, expected in zip(lines, recorded, strict=True):
        assert NUMBER.sub("#", seen) == NUMBER.sub("#", expected)
        for one, other in zip(NUMBER.findall(seen), NUMBER.findall(expected), strict=True):
            unit = 10.0 ** -len(other.partition(".")[2])
            assert float(one) == pytest.approx(float(other), abs=1.01 * unit), (seen, expected)


@pytest.mark.parametrize("panel", PANELS)
async def test_explore_at_80x24(panel: str) -> None:
    async with shipped((80, 24)) as (app, pilot):
        app.explore.bring(panel)
        await pilot.pause()
        same_screen(app, panel)


async def test_explore_at_120x36() -> None:
    async with shipped((120, 36)) as (app, _pilot):
        same_screen(app, "explore")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["80x24", "120x36"])
@pytest.mark.parametrize(
    ("key", "name", "wanted"), [("f3", "train", "Train › "), ("question_mark", "help", "Esc closes")]
)
async def test_a_screen_beside_it(size: tuple[int, int], key: str, name: str, wanted: str) -> None:
    async with shipped(size) as (app, pilot):
        await pilot.press(key)
        await until(app, wanted)
        same_screen(app, name)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["80x24", "120x36"])
async def test_compare_with_int8(size: tuple[int, int]) -> None:
    async with shipped(size) as (app, pilot):
        await pilot.press("f4")
        driver = app.opening.driver
        while driver.compared is None or driver.latest.busy:  # type: ignore[union-attr]
            await asyncio.sleep(0.05)
        app.screen.poll()  # type: ignore[attr-defined]
        await pilot.pause()
        same_screen(app, "compare")
