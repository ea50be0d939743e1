"""`same_picture` compares the screen with a recorded one; `MINIGPT_RECORD=1 pytest` records anew.

`settled` makes the tests of screens wait for messages instead of for an idle processor.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import textual.app
import textual.pilot
from textual._context import active_app

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def same_picture(request: pytest.FixtureRequest) -> Callable[[str], None]:
    def check(picture: str) -> None:
        path = RECORDED / f"{request.node.name.replace('[', '-').rstrip(']')}.txt"
        if os.environ.get("MINIGPT_RECORD"):
            RECORDED.mkdir(exist_ok=True)
            path.write_text(picture, encoding="utf-8")
        assert picture == path.read_text(encoding="utf-8")

    return check


async def until_settled(*_: float) -> None:
    """Return when no widget has a message left. Textual's own wait watches the processor, which others use too."""
    app, quiet = active_app.get(), 0
    for _turn in range(10_000):
        await asyncio.sleep(0)
        waiting = any(node._message_queue.qsize() for node in (app, *app.screen.walk_children(with_self=True)))
        quiet = 0 if waiting else quiet + 1
        if quiet == 5:
            app.screen._on_timer_update()
        elif quiet == 10:
            return


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (textual.app, textual.pilot):
        monkeypatch.setattr(module, "wait_for_idle", until_settled)
