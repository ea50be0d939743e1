"""How a model changes from stage to stage: small multiples, one bar chart for each measure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engine.text import visible
from viewers.figures.charts import bytes_axis, note, plain
from viewers.figures.frame import Look, drawn, sheet, written
from viewers.figures.style import SMALL, tick_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, HIGH = 2.5, 1.75  # inches, of one chart
MOST_NUMBERS = 8  # bars that carry their value
BYTES = ", bytes"  # how the name of such a measure ends
LONGEST = 16  # letters of a stage


def phase_metrics(
    stages: Sequence[str], metrics: Mapping[str, Sequence[float | None]], look: Look, title: str, footer: str
) -> bytes:
    """The file of `phase_figure`."""
    return written(phase_figure(stages, metrics, look, title, footer), look)


def phase_figure(
    stages: Sequence[str], metrics: Mapping[str, Sequence[float | None]], look: Look, title: str, footer: str
) -> Figure:
    """A chart per measure, a bar per stage.

    stages    names, in order     metrics   by name (with its unit), a value for each stage; None where there is none
    """
    return drawn(look, lambda: _draw(stages, metrics, look, title, footer))


def _draw(
    stages: Sequence[str], metrics: Mapping[str, Sequence[float | None]], look: Look, title: str, footer: str
) -> Figure:
    columns = min(len(metrics), 4 if len(metrics) > 6 else 3) or 1
    rows = math.ceil(len(metrics) / columns) or 1
    wide = max(WIDE, min(0.22 * len(stages), 5.0))
    figure = sheet(look, title, f"{len(stages)} stages, from left to right", visible(footer),
                   (wide * columns + 0.3, HIGH * rows + 0.5))  # fmt: skip
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (name, values) in zip(grid.flat, metrics.items(), strict=False):
        _chart(axes, visible(name), stages, values, look)
    for axes in grid.flat[len(metrics) :]:
        axes.remove()
    for axes in grid.flat[: max(0, len(metrics) - columns)]:
        axes.set_xticklabels([])
    return figure


def _chart(axes: Axes, name: str, stages: Sequence[str], values: Sequence[float | None], look: Look) -> None:
    plain(axes)
    axes.set_title(name, pad=4)
    there = {i: float(v) for i, v in enumerate(values) if v is not None and math.isfinite(v)}
    if not there:
        note(axes, "not measured", look.theme.muted)
        return
    low, high = min(0.0, *there.values()), max(0.0, *there.values())
    reach = (high - low) or 1.0
    axes.bar(list(there), list(there.values()), width=0.7, color=look.theme.series[0])
    if len(stages) <= MOST_NUMBERS:
        for i, value in there.items():
            written_at = "bottom" if value >= 0 else "top"
            axes.text(i, value, tick_text(float(f"{value:.3g}")), ha="center", va=written_at, size=SMALL)
    axes.set(xlim=(-0.6, len(stages) - 0.4), ylim=(low - (0.14 * reach if low < 0 else 0), high + 0.14 * reach))
    if name.endswith(BYTES):
        axes.set_title(name.removesuffix(BYTES), pad=4)
        bytes_axis(axes.yaxis, high)
    axes.axhline(0, color=look.theme.muted, linewidth=0.6)
    every = max(1, math.ceil(len(stages) / 12))
    is_long = max(len(_label(stage)) for stage in stages) * len(stages) > 26
    axes.set_xticks(range(0, len(stages), every), [_label(stages[i]) for i in range(0, len(stages), every)],
                    rotation=90 if is_long else 0, size=SMALL)  # fmt: skip


def _label(stage: str) -> str:
    text = visible(stage)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
