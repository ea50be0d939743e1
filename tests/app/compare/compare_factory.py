"""A comparison of a small random model with itself under a window, and a driver that only writes down commands."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from tui_factory import WORDS, FakeDriver, application, snapshot

from app.screens.application import MiniGPTApp
from app.screens.compare import Compare
from engine.analysis.drift import compare
from engine.lane import PLAIN, Compared, Lane, with_words
from engine.model import Model, open_model
from engine.snapshot import Snapshot
from engine.trace import Trace

IDS = tuple(range(3, 3 + len(WORDS)))
WINDOW = "kv-window=3"


@cache
def model() -> Model:
    return open_model("random:gpt2-2x240")


def traced(words: str = "", ids: tuple[int, ...] = IDS, texts: tuple[str, ...] = WORDS) -> Trace:
    trace = Lane(model(), with_words(PLAIN, words), ids).record()
    return replace(trace, about=replace(trace.about, name="tiny", texts=texts, has_tokenizer=True))


def pair(a: Trace, b: Trace, words: str = WINDOW) -> Compared:
    return Compared("tiny", f"tiny:{words}", a, b, compare(a, b))


@cache
def compared(texts: tuple[str, ...] = WORDS) -> Compared:
    """The snapshot's text, without and with a window of three tokens."""
    return pair(traced(texts=texts), traced(WINDOW, texts=texts))


class ComparingDriver(FakeDriver):
    """Also holds a comparison."""

    compared: Compared | None = None


def comparing(latest: Snapshot | None = None, held: Compared | None = None) -> MiniGPTApp:
    """The app over a driver whose session has a second lane."""
    app = application(latest)
    driver = ComparingDriver(latest or snapshot())
    driver.compared = held
    app.opening.driver = driver  # type: ignore[assignment]
    return app


def screen_of(app: MiniGPTApp) -> Compare:
    assert app.compare is not None
    return app.compare


def give(app: MiniGPTApp, latest: Snapshot | None = None, held: Compared | None = None) -> None:
    """Publish a snapshot, a comparison or both, and let the screen see them."""
    driver: Any = app.opening.driver
    driver.latest, driver.compared = latest or driver.latest, held or driver.compared
    screen_of(app).poll()
