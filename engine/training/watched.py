"""A step that says when it judges instead of learning: validation takes long, and is heard of only when it is over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.training.loop import Result, Step


class Watched:
    """`judging` is called before every batch of a validation; it may raise."""

    def __init__(self, step: Step, judging: Callable[[], None]) -> None:
        self.step, self.parameters, self._judging = step, step.parameters, judging

    def gradients(self, tokens: np.ndarray, targets: np.ndarray, update: int, first_sample: int) -> Result:
        return self.step.gradients(tokens, targets, update, first_sample)

    def loss(self, tokens: np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        self._judging()
        return self.step.loss(tokens, targets)

    def close(self) -> None:
        if close := getattr(self.step, "close", None):
            close()
