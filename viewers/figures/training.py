"""The course of a training run as one picture: losses, learning rate, and the length of the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from engine.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHED = 0.02  # share of the run that one point of the smoothed line looks at
LINE, FAINT, SECOND = "#1f5fa8", "#b9cde4", "#d0661b"


def training_png(rows: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """A PNG of a run's log: the rows of `log.jsonl`, in order."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    loss, rate, norm = figure.subplots(3, 1, sharex=True, height_ratios=(4, 1, 1))
    _losses(loss, rows)
    loss.set_title(visible(title), fontsize=11, parse_math=False)
    for axes, key, label in ((rate, "learning_rate", "learning rate"), (norm, "gradient_norm", "gradient norm")):
        axes.plot(_of(rows, "step"), _of(rows, key), color=LINE, linewidth=1)
        axes.set_ylabel(label, fontsize=9)
        axes.grid(alpha=0.3)
    norm.set_xlabel("update", fontsize=9)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def smoothed(values: Sequence[float], width: int) -> list[float]:
    """The mean of the last `width` values at each place, of fewer at the beginning."""
    result, total = [], 0.0
    for i, value in enumerate(values):
        total += value - (values[i - width] if i >= width else 0.0)
        result.append(total / min(i + 1, width))
    return result


def _losses(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    steps, losses = _of(rows, "step"), _of(rows, "loss")
    axes.plot(steps, losses, color=FAINT, linewidth=0.8, label="training, each update")
    axes.plot(steps, smoothed(losses, max(1, int(len(losses) * SMOOTHED))), color=LINE, label="training, smoothed")
    validated = [row for row in rows if "validation_loss" in row]
    if validated:
        last = validated[-1]["validation_loss"]
        axes.plot(_of(validated, "step"), _of(validated, "validation_loss"), "o-", color=SECOND, markersize=3,
                  label=f"validation, {last:.3f} at the end")  # fmt: skip
    axes.set_ylabel("nats per token", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9, frameon=False)


def _of(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [row[key] for row in rows]
