"""The pinned prompt at the checkpoints of a run, without Qt: which one is shown, and all its heads as levels."""

from __future__ import annotations

import numpy as np

from engine.training.snapshot import Seen, TrainingSnapshot
from viewers.picture import KEY, QUERY, SHARE, Axis, Picture
from viewers.qt.mosaic_model import SCALE, Patterns
from viewers.run_numbers import loss_text


class PinnedPatterns(Patterns):
    """Every head's attention over the pinned prompt at one checkpoint, as levels."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Seen | None = None

    def take_seen(self, seen: Seen | None) -> bool:
        """Go over to another checkpoint; whether it is another."""
        if seen is self._seen:
            return False
        self._seen = seen
        if seen is None or not seen.patterns:
            self._room, self.tokens = np.zeros((0, 0, 0, 0), np.uint8), 0
            return True
        whole = np.stack(seen.patterns)  # (L, H, T, T)
        self.tokens = whole.shape[-1]
        self._room = np.where(np.tri(self.tokens, dtype=bool), SCALE.level(whole) + 1, 0).astype(np.uint8)
        return True


def pinned_picture(seen: Seen, layer: int, head: int) -> Picture:
    """Attention over the pinned prompt at one checkpoint; what lies after the query is not seen."""
    values = seen.patterns[min(layer, seen.layers - 1)][min(head, seen.heads - 1)]
    count = values.shape[0]
    whole = np.where(np.tri(count, dtype=bool), values, np.nan).astype(np.float32)
    texts = seen.tokens[:count]
    return Picture(whole, Axis(QUERY, count, texts), Axis(KEY, count, texts), SCALE, square=True, about=SHARE)


def place_of(run: TrainingSnapshot, at: int | None) -> int:
    """Which of the checkpoints is shown: the last that is not after the update `at`; None is the newest. -1: none."""
    if at is None:
        return len(run.seen) - 1
    earlier = [i for i, seen in enumerate(run.seen) if seen.step <= at]
    return earlier[-1] if earlier else min(0, len(run.seen) - 1)


def checkpoint_words(run: TrainingSnapshot, place: int) -> str:
    """`update 500 (2 of 3), validation 1.9312`."""
    if place < 0:
        return ""
    seen = run.seen[place]
    held_out = "" if seen.validation_loss is None else f", validation {loss_text(seen.validation_loss)}"
    return f"update {seen.step:,} ({place + 1} of {len(run.seen)}){held_out}"
