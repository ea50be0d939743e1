"""A text to learn from, and the hand-made model that learns it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.training.loop import Trainer
from engine.training.start import Opened, begin, resume
from tests.engine.training.bigram import Bigram, plan

WORDS = "the cat sat on the mat and the dog ran to the cat "


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    path.write_text(WORDS * 40)
    return path


@pytest.fixture
def start(corpus: Path, tmp_path: Path) -> Iterator[Callable[..., Trainer]]:
    """Begin a run of the hand-made model; options change its plan."""
    opened: list[Trainer] = []

    def make(name: str = "run", **options: Any) -> Trainer:
        opened.append(begin(tmp_path / name, plan(**options), [corpus], step=Bigram).trainer)
        return opened[-1]

    yield make
    for trainer in opened:
        trainer.close()


@pytest.fixture
def go_on(tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Resume a run of the hand-made model."""
    opened: list[Opened] = []

    def make(name: str = "run", *settings: str) -> Opened:
        opened.append(resume(tmp_path / name, settings, step=Bigram))
        return opened[-1]

    yield make
    for run in opened:
        run.trainer.close()
