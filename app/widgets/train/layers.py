"""The gradient of every layer as a bar with its number, and how far an update moves the layer's weights."""

from __future__ import annotations

import math

from textual.strip import Strip

from app.widgets.panel import first_row
from app.widgets.train.panel import TrainPanel, by_turns
from app.widgets.train.view import TrainView
from engine.training.snapshot import TrainingSnapshot
from viewers.numbers import bar
from viewers.run_numbers import layer_words, small_text

NUMBER = 10


class LayersPanel(TrainPanel):
    """One row a layer; up and down scroll."""

    title = "Gradients"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = self._top = 0

    def facts(self, run: TrainingSnapshot, look: TrainView) -> object:
        return by_turns(run)

    def note(self) -> str:
        return f"update {self.run.step:,}" if self.run.gradient_norms else ""

    def sentence(self) -> str:
        norms = self.run.gradient_norms if self.snapshot else {}
        if not norms:
            return ""
        return layer_words(self.run, list(norms)[min(self.cursor, len(norms) - 1)])

    def rows(self, run: TrainingSnapshot, width: int, height: int) -> list[Strip]:
        dim, norms = self.style_of("dim"), run.gradient_norms
        if not norms:
            words = "The norm of every layer's gradient stands here after the first update: n makes one."
            return self.wrapped(words, width, height, dim)
        names = list(norms)
        self.cursor = min(self.cursor, len(names) - 1)
        title = min(max(map(len, names)), max(6, width // 3)) + 1
        long = max(0, width - 2 - title - 2 * NUMBER - 1)
        largest = max((norm for norm in norms.values() if math.isfinite(norm)), default=0.0) or 1.0
        head = self.row(width).add("  ").column("layer", title, dim).column("gradient norm", long + NUMBER, dim)
        rows = [head.column("upd/weight", NUMBER + 1, dim, "right").strip()]
        foot = self._foot(run, width, height)
        room = max(1, height - 1 - len(foot))
        self._top = first_row(self.cursor, len(names), room, self._top)
        for i, name in enumerate(names[self._top : self._top + room], self._top):
            is_cursor = i == self.cursor
            row = self.row(width).add("▶ " if is_cursor and self.has_focus else "  ", self.style_of("accent"))
            row.column(name, title, self.style_of("strong") if is_cursor else None)
            share = norms[name] / largest if math.isfinite(norms[name]) else 0.0
            row.column(bar(share, max(0, long - 1)), long, self.style_of("accent"))
            row.column(small_text(norms[name]), NUMBER, align="right")
            row.column(small_text(run.update_ratios.get(name, math.nan)), NUMBER + 1, align="right")
            rows.append(row.strip())
        return [*rows, *foot]

    def _foot(self, run: TrainingSnapshot, width: int, height: int) -> list[Strip]:
        if height < 8:
            return []
        at = f"measured at update {run.ratios_step:,}" if run.ratios_step else "not measured yet"
        words = f"Bars: share of the largest. Update/weight: how far one update moves a layer, {at}; 0.001 is usual."
        return self.wrapped(words, width, 2, self.style_of("dim"))

    def move(self, down: int, right: int) -> None:
        if self.snapshot is not None:
            self.cursor = min(max(self.cursor + down, 0), max(0, len(self.run.gradient_norms) - 1))
            self.refresh()

    def edge(self, end: bool) -> None:
        self.move(10**6 if end else -(10**6), 0)

    def clicked(self, x: int, y: int) -> None:
        if y:
            self.cursor = self._top + y - 1
            self.move(0, 0)
