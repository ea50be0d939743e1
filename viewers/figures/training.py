"""The course of a training run as one picture: losses, learning rate, and the length of the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.version import VERSION
from viewers.figures.charts import legend_above, plain
from viewers.figures.frame import Look, drawn, sheet, written
from viewers.figures.style import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMOOTHED = 0.02  # share of the run that one point of the smoothed line looks at


def training_png(rows: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """A PNG of a run's log: the rows of `log.jsonl`, in order."""
    look = Look()
    return written(training_figure(rows, title, look), look)


def training_figure(rows: Sequence[Mapping[str, Any]], title: str, look: Look) -> Figure:
    """The same, in any look."""
    return drawn(look, lambda: _draw(rows, title, look))


def smoothed(values: Sequence[float], width: int) -> list[float]:
    """The mean of the last `width` values at each place, of fewer at the beginning."""
    result, total = [], 0.0
    for i, value in enumerate(values):
        total += value - (values[i - width] if i >= width else 0.0)
        result.append(total / min(i + 1, width))
    return result


def _draw(rows: Sequence[Mapping[str, Any]], title: str, look: Look) -> Figure:
    figure = sheet(look, title, "", f"MiniGPT {VERSION}", (8.6, 5.6))
    loss, rate, norm = figure.subplots(3, 1, sharex=True, height_ratios=(4, 1, 1))
    _losses(loss, rows, look.theme)
    for axes, key, label in ((rate, "learning_rate", "learning rate"), (norm, "gradient_norm", "gradient norm")):
        plain(axes)
        axes.plot(_of(rows, "step"), _of(rows, key), color=look.theme.series[0], linewidth=0.9)
        axes.set_ylabel(label)
    norm.set_xlabel("update")
    return figure


def _losses(axes: Axes, rows: Sequence[Mapping[str, Any]], theme: Theme) -> None:
    plain(axes)
    steps, losses = _of(rows, "step"), _of(rows, "loss")
    axes.plot(steps, losses, color=theme.series[0], alpha=0.35, linewidth=0.7, label="training, each update")
    axes.plot(steps, smoothed(losses, max(1, int(len(losses) * SMOOTHED))), color=theme.series[0],
              label="training, smoothed")  # fmt: skip
    validated = [row for row in rows if "validation_loss" in row]
    if validated:
        last = validated[-1]["validation_loss"]
        axes.plot(_of(validated, "step"), _of(validated, "validation_loss"), "o-", color=theme.series[1],
                  markersize=3, label=f"validation, {last:.3f} at the end")  # fmt: skip
    axes.set_ylabel("loss, nats per token")
    legend_above(axes)


def _of(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [row[key] for row in rows]
