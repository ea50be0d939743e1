"""`TrainingSnapshot`: a frozen picture of a run, which a screen may read while the run goes on.

Histories are views of arrays that only grow at their end: a snapshot costs the same after ten updates and after ten
thousand, and what it shows never changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from engine.training.report import Estimate

NONE, PREPARING, PAUSED, RUNNING, DONE, STOPPED = "none", "preparing", "paused", "running", "done", "stopped"
OPEN = (PAUSED, RUNNING, DONE)  # there is a run, and it can go on or be stopped
NOTHING: Mapping[str, float] = MappingProxyType({})


class History:
    """Rows of numbers, the first of them the update they belong to."""

    def __init__(self, columns: int) -> None:
        self._room = np.empty((256, columns))
        self._count = 0

    def add(self, *row: float) -> None:
        if self._count == len(self._room):
            self._room = np.concatenate([self._room, np.empty_like(self._room)])  # what was seen keeps the old room
        self._room[self._count] = row
        self._count += 1

    def view(self) -> np.ndarray:
        """(n, columns), read-only."""
        seen = self._room[: self._count]
        seen.flags.writeable = False
        return seen


def _nothing() -> np.ndarray:
    return History(2).view()


@dataclass(frozen=True, eq=False)
class Seen:
    """The model after `step` updates, by what it makes of the pinned prompt.

    tokens    texts of the prompt's tokens        ids    their numbers
    patterns  attention over the prompt, one (H, T, T) per layer, read-only
    path      the checkpoint of that moment; old ones may be deleted since
    """

    step: int
    prompt: str
    continuation: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    patterns: tuple[np.ndarray, ...]
    validation_loss: float | None
    path: Path | None

    @property
    def layers(self) -> int:
        return len(self.patterns)

    @property
    def heads(self) -> int:
        return self.patterns[0].shape[0] if self.patterns else 0


@dataclass(frozen=True, eq=False)
class TrainingSnapshot:
    """One moment of a run; NaN is what was not measured yet.

    losses, rates, norms   (n, 2): update, and nats per token / learning rate / gradient norm before clipping
    validation             (m, 2): update, and nats per token
    gradient_norms         of each layer, at the last update; update_ratios at `ratios_step`
    busy, progress         what goes on just now, how much of how much
    seen                   checkpoints, oldest first
    """

    version: int = 0
    state: str = NONE
    busy: str | None = None
    progress: tuple[int, int] | None = None
    notice: str | None = None
    preset: str = ""
    files: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    out: Path | None = None
    model_line: str = ""
    data_line: str = ""
    step: int = 0
    steps: int = 0
    losses: np.ndarray = field(default_factory=_nothing)
    validation: np.ndarray = field(default_factory=_nothing)
    rates: np.ndarray = field(default_factory=_nothing)
    norms: np.ndarray = field(default_factory=_nothing)
    gradient_norms: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    update_ratios: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    ratios_step: int = 0
    tokens_per_s: float = math.nan
    left_s: float = math.nan
    estimate: Estimate | None = None
    seen: tuple[Seen, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def layers(self) -> int:
        return self.seen[-1].layers if self.seen else 0

    @property
    def heads(self) -> int:
        return self.seen[-1].heads if self.seen else 0

    @property
    def loss(self) -> float:
        return _last(self.losses)

    @property
    def validation_loss(self) -> float:
        return _last(self.validation)

    @property
    def best_validation_loss(self) -> float:
        return float(self.validation[:, 1].min()) if len(self.validation) else math.nan

    @property
    def learning_rate(self) -> float:
        return _last(self.rates)

    @property
    def gradient_norm(self) -> float:
        return _last(self.norms)


def _last(history: np.ndarray) -> float:
    return float(history[-1, 1]) if len(history) else math.nan
