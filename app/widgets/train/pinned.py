"""The attention of the pinned prompt, as it was at every checkpoint: the same picture, changing while it is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from textual.strip import Strip

from app.widgets.attention import AttentionPanel
from app.widgets.patterns import Window
from app.widgets.train.panel import Sparing, slider
from app.widgets.train.view import TrainView
from engine.training.snapshot import Seen, TrainingSnapshot
from viewers.picture import KEY, QUERY, SHARE, Axis, Picture, Scale, pattern_scale


class PinnedPanel(Sparing, AttentionPanel):
    """Layer, head and cursor as on the first screen; `[` and `]` go back and forth in time."""

    title = "Attention"

    def facts(self, run: TrainingSnapshot, look: TrainView) -> object:
        return run.seen, look.at, look.layer, look.head, run.state

    @property
    def seen(self) -> Seen | None:
        return self.look.seen(self.run) if self.snapshot is not None else None

    def changed(self, snapshot: Any, view: Any) -> None:
        if not self.inside:
            self.cell = None

    def note(self) -> str:
        return f"layer {self.look.layer} head {self.look.head}" if self.seen else ""

    def text_length(self, snapshot: Any) -> int:
        return len(self.seen.tokens) if self.seen is not None else 0

    def window(self, snapshot: Any) -> Window:
        """All of the pinned prompt, which is short."""
        return Window(0, self.text_length(snapshot))

    def pattern(self, snapshot: Any, head: int) -> np.ndarray:
        """(T, T); what lies after the query is not seen."""
        assert self.seen is not None
        values = self.seen.patterns[min(self.look.layer, self.seen.layers - 1)][head]
        return np.where(np.tri(len(values), dtype=bool), values, np.nan)

    def scale(self, snapshot: Any) -> Scale:
        """One scale for all heads and checkpoints: the first token always has the share 1."""
        return pattern_scale(1.0)

    def picture(self, snapshot: Any) -> Picture | None:
        seen = self.seen
        if seen is None:
            return None
        head, numbers = min(self.look.head, seen.heads - 1), tuple(range(len(seen.tokens)))
        rows, columns = (Axis(name, len(seen.tokens), seen.tokens, numbers) for name in (QUERY, KEY))
        about = f"head {head} of {seen.heads}"
        return Picture(self.pattern(snapshot, head), rows, columns, self.scale(snapshot), True, about, SHARE)

    def empty(self, snapshot: Any) -> str:
        return "The pinned prompt's attention stands here, from before the first update on: make a run, then space."

    def usual_cell(self, picture: Picture) -> tuple[int, int]:
        """The last token, and what it looks at most."""
        last = len(picture.values) - 1
        row = picture.values[last]
        return last, int(np.nanargmax(row)) if np.isfinite(row).any() else 0

    def heading(self, snapshot: Any, width: int, height: int) -> list[Strip]:
        if self.seen is None:
            return []
        rows = [slider(self, self.run, self.look, width)]
        if height >= 14:
            name = f"blocks.{self.look.layer}.attn.pattern, head {self.look.head}"
            row = self.row(width).add(name, self.style_of("strong"))
            rows.append(row.add(" · of the pinned prompt · no proof of cause", self.style_of("dim")).strip())
        return rows
