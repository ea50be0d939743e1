"""Hand-made training snapshots and a driver that only writes down what it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tui_factory import application

from app.screens.application import MiniGPTApp
from app.screens.train import Train
from engine.training.report import Estimate
from engine.training.snapshot import PAUSED, History, Seen, TrainingSnapshot

LAYERS, HEADS = 2, 4
PROMPT = ("R", "O", "M", "E", "O", ":", "\n")


def history(steps: range, scale: float) -> np.ndarray:
    rows = History(2)
    for step in steps:
        rows.add(step, scale * (1 + 3 / step))
    return rows.view()


def seen(step: int, continuation: str = "But soft, what light", path: Path | None = None) -> Seen:
    rng = np.random.default_rng(step)
    weights = np.tril(rng.random((LAYERS, HEADS, len(PROMPT), len(PROMPT))) + 1e-2).astype(np.float32)
    patterns = weights / weights.sum(-1, keepdims=True)
    loss = None if step == 0 else 1.5 + 100 / step
    return Seen(step, "".join(PROMPT), continuation, PROMPT, tuple(range(7)), tuple(patterns), loss, path)


def training(steps: int = 200, version: int = 1, **changes: Any) -> TrainingSnapshot:
    """A run of 1,000 updates, `steps` of them done; a checkpoint every 100."""
    base = TrainingSnapshot(
        version=version, state=PAUSED, preset="mini", files=("romeo.txt",), settings=("steps=1000",),
        out=Path("runs/mini-romeo"), model_line="gpt2, 2 layers, width 240, 4 heads: 1,441,200 parameters",
        data_line="1,003,854 tokens to learn from, 111,540 to validate on, vocabulary 65", step=steps, steps=1000,
        losses=history(range(1, steps + 1), 1.4), validation=history(range(50, steps + 1, 50), 1.6),
        rates=history(range(1, steps + 1), 0.001), norms=history(range(1, steps + 1), 0.8),
        gradient_norms={"embed": 0.25, "blocks.0": 0.5, "blocks.1": 0.125, "final.norm": 0.03125},
        update_ratios={"embed": 0.002, "blocks.0": 0.001, "blocks.1": 0.0015, "final.norm": 0.0005},
        ratios_step=steps // 10 * 10, tokens_per_s=12345.6, left_s=754.0, estimate=Estimate(0.25, 1000, 16384.0),
        seen=tuple(seen(step) for step in range(0, steps + 1, 100)),
    )  # fmt: skip
    return replace(base, **changes)


class FakeTraining:
    """Holds a snapshot; remembers commands."""

    def __init__(self) -> None:
        self.latest = TrainingSnapshot()
        self.sent: list[tuple[Any, ...]] = []
        self.failure: BaseException | None = None
        self.is_alive = True

    def start(self) -> None:
        pass

    def begin(self, *arguments: Any) -> None:
        self.sent.append(("begin", *arguments))

    def resume(self, out: str) -> None:
        self.sent.append(("resume", out))

    def run(self) -> None:
        self.sent.append(("run",))

    def pause(self) -> None:
        self.sent.append(("pause",))

    def step(self) -> None:
        self.sent.append(("step",))

    def stop(self) -> None:
        self.sent.append(("stop",))

    def finish(self) -> None:
        self.sent.append(("finish",))

    def close(self, seconds: float | None = None) -> None:
        self.is_alive = False


def opened(app: MiniGPTApp, latest: TrainingSnapshot | None = None) -> tuple[Train, FakeTraining]:
    """The Train screen once F3 was pressed, and its driver."""
    train: Any = app.train
    if latest is not None:
        give(app, latest)
    return train, train.driver


def give(app: MiniGPTApp, latest: TrainingSnapshot) -> None:
    """Publish a snapshot and let the screen see it."""
    train: Any = app.train
    train.driver.latest = latest
    train.poll()


__all__ = ["FakeTraining", "application", "give", "opened", "seen", "training"]
