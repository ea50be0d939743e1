"""How the learning rate goes: up in a straight line, then down along half a cosine, or level."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The learning rate of every update, counted from 0.

    peak     the highest rate
    warmup   updates until the peak is reached; while the moments are young, large steps do harm
    steps    updates in all
    floor    where the cosine ends
    kind     "cosine", or "constant": the peak to the end

    Loshchilov and Hutter 2017, SGDR, arXiv:1608.03983; warm-up: Goyal et al. 2017, arXiv:1706.02677.
    """

    peak: float
    warmup: int
    steps: int
    floor: float = 0.0
    kind: str = "cosine"

    def rate(self, update: int) -> float:
        """The rate of one update."""
        if update < self.warmup:
            return self.peak * (update + 1) / self.warmup
        if self.kind == "constant":
            return self.peak
        done = min(1.0, (update - self.warmup) / max(1, self.steps - self.warmup))
        return self.floor + (self.peak - self.floor) * (1 + math.cos(math.pi * done)) / 2
