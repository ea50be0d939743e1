"""Curves of a run: loss and validation loss, the learning rate, or the gradient norm, drawn by `textual-plot`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from rich.style import Style
from textual.app import ComposeResult
from textual.strip import Strip

from app.widgets.train.panel import TrainPanel, by_turns
from app.widgets.train.view import TrainView
from engine.training.snapshot import TrainingSnapshot
from viewers.run_numbers import loss_text, small_text

if TYPE_CHECKING:
    from textual_plot import PlotWidget

TOP = 2  # the title and the legend


class CurvesPanel(TrainPanel):
    """A legend with the newest numbers, and the plot."""

    title = "Curves"
    DEFAULT_CSS = """
    CurvesPanel PlotWidget { background: $surface; }
    CurvesPanel PlotWidget > .plot--axis { color: $foreground 45%; }
    CurvesPanel PlotWidget > .plot--tick { color: $foreground 75%; text-style: none; }
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.plot: PlotWidget | None = None
        self.merged = 1  # updates that one point of the curve stands for

    def compose(self) -> ComposeResult:
        from textual_plot import PlotWidget

        self.plot = PlotWidget(allow_pan_and_zoom=False)
        self.plot.can_focus = False
        self.plot.styles.position, self.plot.styles.offset = "absolute", (0, TOP)
        self.plot.display = False
        yield self.plot

    def on_mount(self) -> None:
        assert self.plot is not None
        self.plot.margin_top, self.plot.margin_left, self.plot.margin_bottom = 0, 8, 1

    def facts(self, run: TrainingSnapshot, look: TrainView) -> object:
        return by_turns(run), run.state, look.curve

    def note(self) -> str:
        return f"{self.look.curve} · e: another"

    def rows(self, run: TrainingSnapshot, width: int, height: int) -> list[Strip]:
        if not len(run.losses):
            words = "Nothing was learned yet. "
            words += (
                "space starts, n makes one update." if run.is_open else "Make a run first: the Run panel, then space."
            )
            return self.wrapped(words, width, height, self.style_of("dim"))
        return [self._legend(run, width)]

    def _legend(self, run: TrainingSnapshot, width: int) -> Strip:
        accent, good, dim = self.style_of("accent"), self.style_of("good"), self.style_of("dim")
        row = self.row(width)
        if self.look.curve == "loss":
            row.add("⠒⠒ ", accent).add(f"loss {loss_text(run.loss)}")
            if len(run.validation):
                row.add("  ● ", good).add(f"validation {loss_text(run.validation_loss)}")
                row.add(f" (best {loss_text(run.best_validation_loss)})", dim)
        elif self.look.curve == "learning rate":
            row.add("⠒⠒ ", accent).add(f"learning rate {small_text(run.learning_rate)}")
        else:
            row.add("⠒⠒ ", accent).add(f"gradient norm {small_text(run.gradient_norm)}").add(", before clipping", dim)
        words = f"each point {self.merged} updates" if self.merged > 1 else "by update"
        unit = " · nats per token" if self.look.curve == "loss" else ""
        return row.right(f"  {words}{unit}" if len(words) + len(unit) + 2 <= row.room else f" {words}", dim).strip()

    def changed(self, snapshot: object, view: object) -> None:
        self.redraw()

    def on_resize(self) -> None:
        super().on_resize()
        self.redraw()

    def redraw(self) -> None:
        """Give the plot the curve as it is now; this takes some 10 ms."""
        run, plot = self.run, self.plot
        if self.snapshot is None or plot is None or not plot.is_attached:
            return
        plot.display = bool(len(run.losses)) and self.size.height > TOP + 4
        plot.styles.width, plot.styles.height = self.size.width, max(1, self.size.height - TOP)
        if plot.display:
            self._fill(plot, run, self.look)

    def _fill(self, plot: PlotWidget, run: TrainingSnapshot, look: TrainView) -> None:
        from textual_plot import HiResMode

        history = {"loss": run.losses, "learning rate": run.rates, "gradient norm": run.norms}[look.curve]
        points, self.merged = thinned(history, 2 * max(20, self.size.width - 10))
        plot.clear()
        last = float(history[-1, 0])
        plot.set_xlimits(0, max(2.0, last))
        plot.set_xticks([float(i) for i in range(max(2, int(last)) + 1)] if last < 5 else None)  # no half updates
        accent, good = _colour(self.style_of("accent")), _colour(self.style_of("good"))
        if len(points) > 1:
            plot.plot(points[:, 0], points[:, 1], line_style=accent, hires_mode=HiResMode.BRAILLE)
        else:
            plot.scatter(points[:, 0], points[:, 1], marker="⠒", marker_style=accent)
        held_out = run.validation[:0]
        if look.curve == "loss" and len(run.validation):
            held_out, _ = thinned(run.validation, max(10, self.size.width // 3))
            plot.scatter(held_out[:, 0], held_out[:, 1], marker="●", marker_style=good)
        heights = np.append(points[:, 1], held_out[:, 1])
        is_level = heights.min() == heights.max()
        plot.set_ylimits(*(around(float(heights[0])) if is_level else (None, None)))


def around(value: float) -> tuple[float, float]:
    """A range for the axis of one value alone, whose own is nothing: with the value in its middle."""
    reach = abs(value) / 2 or 1.0
    return value - reach, value + reach


def thinned(history: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """At most `most` points, each the mean of so many rows."""
    size = max(1, math.ceil(len(history) / most))
    if size == 1:
        return history, 1
    starts = np.arange(0, len(history), size)
    counts = np.diff(np.append(starts, len(history)))
    return np.add.reduceat(history, starts, axis=0) / counts[:, None], size


def _colour(style: Style) -> str:
    return style.color.get_truecolor().hex if style.color is not None else "white"
