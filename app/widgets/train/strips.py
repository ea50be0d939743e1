"""The lines around the panels of the Train screen: the run's figures, and the keys."""

from __future__ import annotations

from textual.strip import Strip

from app.widgets.ink import Row, cells
from app.widgets.strips import KeyLine, Lines, Status
from engine.training.snapshot import NONE, TrainingSnapshot
from viewers.run_numbers import DASH, duration, loss_text, perplexity_text, small_text
from viewers.training_actions import TRAINING_ACTIONS, TRAINING_FOOTERS


class FigureStrip(Lines):
    """What the run has come to: always visible."""

    run: TrainingSnapshot | None = None

    def show(self, run: TrainingSnapshot) -> None:
        self.run = run
        self.refresh()

    def body(self, width: int) -> list[Strip]:
        return self.body_lines(self.run, width)

    def body_lines(self, run: TrainingSnapshot | None, width: int) -> list[Strip]:
        """As many lines as it needs."""
        row, rows = Row(width, self.rich_style).add(" "), []
        for name, value in figures(run or TrainingSnapshot()):
            size = cells(name) + cells(value) + 3
            if row.used > 1 and row.used + size - 2 > width:
                rows.append(row.strip())
                row = Row(width, self.rich_style).add(" ")
            row.add(f"{name} " if name else "", self.style_of("dim")).add(value, self.style_of("strong"))
            row.add("  "[: row.room])
        return [*rows, row.strip()]


def figures(run: TrainingSnapshot) -> list[tuple[str, str]]:
    """The newest numbers as (name, value), in the order of the strip."""
    if run.state == NONE:
        return [("", "Train"), ("", "no run yet")]
    held_out = run.validation_loss
    return [
        ("", f"Train {run.preset}".rstrip()),
        ("", run.state),
        ("step", f"{run.step:,}/{run.steps:,}" if run.steps else DASH),
        ("loss", loss_text(run.loss)),
        ("validation", loss_text(held_out)),
        ("perplexity", perplexity_text(held_out if len(run.validation) else run.loss)),
        ("rate", small_text(run.learning_rate)),
        ("gradient", small_text(run.gradient_norm)),
        ("tokens/s", f"{run.tokens_per_s:,.0f}" if run.tokens_per_s == run.tokens_per_s else DASH),
        ("left", duration(run.left_s)),
    ]


class TrainStatus(Status):
    """What goes on, and how it is stopped: not all of it is."""

    def body(self, width: int) -> list[Strip]:
        if self.said or not self.busy or self.busy in ("training", "validating"):
            return super().body(width)
        row = Row(width, self.rich_style).add(" ● ", self.style_of("accent")).add(self.busy, self.style_of("strong"))
        if self.progress:
            row.add(f"  {self.progress[0]:,} of {self.progress[1]:,}")
        return [row.add("" if self.busy == "saving" else "  S or Esc gives it up", self.style_of("dim")).strip()]


class TrainKeys(KeyLine):
    """The keys that matter in the focused panel of this screen."""

    panel = "run"
    actions = TRAINING_ACTIONS
    footers = TRAINING_FOOTERS
