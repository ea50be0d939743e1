"""What is said after every update, and how long the rest will take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Glimpse:
    """What the model makes of the pinned prompt.

    text      the prompt and what it was continued with       ids   their tokens
    patterns  attention over the prompt, one (H, T, T) per layer, read-only
    """

    text: str
    ids: tuple[int, ...]
    prompt_length: int
    patterns: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """One update. `step` counts from 1; losses are nats per token.

    gradient_norm    of the whole, before clipping     gradient_norms   of each layer
    update_ratios    norm of the change / norm of the weights, for each layer; None where it was not measured
    tokens_per_s     targets per second of updates, without validation and saving
    left_s           time until the last update at the rate so far
    """

    step: int
    steps: int
    loss: float
    learning_rate: float
    gradient_norm: float
    gradient_norms: Mapping[str, float]
    update_ratios: Mapping[str, float] | None
    tokens: int
    tokens_per_s: float
    elapsed_s: float
    left_s: float
    validation_loss: float | None = None
    glimpse: Glimpse | None = None
    checkpoint: Path | None = None

    @property
    def perplexity(self) -> float:
        """exp of the validation loss where there is one, else of the batch's; infinite beyond what a float holds."""
        loss = self.loss if self.validation_loss is None else self.validation_loss
        return math.exp(loss) if loss < 700 else math.inf

    def to_json(self) -> dict[str, Any]:
        """One line of the log; what was not measured or made is left out."""
        row: dict[str, Any] = {
            "step": self.step,
            "loss": self.loss,
            "learning_rate": self.learning_rate,
            "gradient_norm": self.gradient_norm,
            "tokens": self.tokens,
            "tokens_per_s": round(self.tokens_per_s, 1),
            "elapsed_s": round(self.elapsed_s, 3),
        }
        if self.update_ratios is not None:
            row |= {"gradient_norms": dict(self.gradient_norms), "update_ratios": dict(self.update_ratios)}
        if self.validation_loss is not None:
            row |= {"validation_loss": self.validation_loss}
        if self.glimpse is not None:
            row["sample"] = self.glimpse.text
        if self.checkpoint is not None:
            row["checkpoint"] = self.checkpoint.name
        return row


@dataclass(frozen=True)
class Estimate:
    """How long a run will take, from two updates that were timed and then forgotten."""

    update_s: float
    updates: int
    tokens_per_s: float

    @property
    def total_s(self) -> float:
        return self.update_s * self.updates


@dataclass
class Pace:
    """Seconds and tokens of the updates done since the run was opened; waiting between them is not counted."""

    updates: int = 0
    tokens: int = 0
    update_s: float = 0.0  # gradient and optimizer
    whole_s: float = 0.0  # validation, samples and saving included
    _recent: list[tuple[int, float]] = field(default_factory=list)

    def add(self, tokens: int, update_s: float) -> None:
        """One more update."""
        self.updates += 1
        self.tokens += tokens
        self.update_s += update_s
        self.whole_s += update_s
        self._recent = [*self._recent[-49:], (tokens, update_s)]

    @property
    def tokens_per_s(self) -> float:
        """Over the last fifty updates."""
        return sum(t for t, _ in self._recent) / (sum(s for _, s in self._recent) or math.inf)

    def left_s(self, updates: int) -> float:
        """Seconds that so many further updates will take."""
        return updates * self.whole_s / self.updates if self.updates else math.nan
