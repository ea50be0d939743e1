"""`same_picture`: compare the screen with a recorded one; `MINIGPT_RECORD=1 pytest` records anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
