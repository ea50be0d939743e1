"""What the panels of the Train screen share: they draw a training snapshot, and know the slider over checkpoints."""

from __future__ import annotations

from time import monotonic
from typing import Any

from textual.strip import Strip

from app.widgets.panel import Panel
from app.widgets.train.view import TrainView, is_saved_later
from engine.training.snapshot import RUNNING, TrainingSnapshot

MOST_DOTS = 24
READ_S = 0.25


class Sparing(Panel):
    """A panel whose snapshot is a training run's, drawn again only when something that it shows has changed."""

    waiting = ""
    _shown: object = None

    @property
    def run(self) -> TrainingSnapshot:
        found: Any = self.snapshot
        return found

    @property
    def look(self) -> TrainView:
        found: Any = self.view
        return found

    def facts(self, run: TrainingSnapshot, look: TrainView) -> object:
        """What the drawing depends on."""
        return run.version, look

    def show(self, snapshot: Any, view: Any) -> None:
        facts = self.facts(snapshot, view)
        if facts == self._shown:
            self.snapshot, self.view = snapshot, view
        else:
            self._shown = facts
            super().show(snapshot, view)


class TrainPanel(Sparing):
    """What most of them are: rows of text and numbers."""

    def body(self, snapshot: Any, width: int, height: int) -> list[Strip]:
        return self.rows(snapshot, width, height)

    def rows(self, run: TrainingSnapshot, width: int, height: int) -> list[Strip]:
        """The rows under the title, at most `height`."""
        raise NotImplementedError


def by_turns(run: TrainingSnapshot) -> object:
    """Changes with every update; while the run goes on, only as often as numbers can be read."""
    return int(monotonic() / READ_S) if run.state == RUNNING else run.version


def slider(panel: Panel, run: TrainingSnapshot, look: TrainView, width: int) -> Strip:
    """`[ ○─●─○ ] step 500 (2 of 3) validation 1.9312`."""
    row, index, count = panel.row(width), look.index(run), len(run.seen)
    seen = run.seen[index]
    dim, accent = panel.style_of("dim"), panel.style_of("accent")
    places = min(count, max(2, min(MOST_DOTS, width // 6)))
    here = index if places == count else round(index * (places - 1) / max(1, count - 1))
    row.add("[ ", accent)
    for i in range(places):
        row.add("─" if i else "", dim).add("●" if i == here else "○", accent if i == here else dim)
    row.add(" ]", accent).add(f" step {seen.step:,}", panel.style_of("strong"))
    row.add(f" ({index + 1} of {count})", dim)
    later = f"; o opens step {run.step:,}" if look.at is None and is_saved_later(run) else ""
    row.add(later if len(later) <= row.room else "", accent)
    held_out = "" if seen.validation_loss is None else f" validation {seen.validation_loss:.4f}"
    row.add(held_out if len(held_out) <= row.room else "")
    words = ", the newest" if index == count - 1 and not later else ""
    return row.add(words if len(words) <= row.room else "", dim).strip()
