"""Which heads look alike: the similarity of every two heads, and how far each stands apart in its layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.readings import head_similarity, patterns, specialization
from engine.trace import Trace
from viewers.figures.charts import plain
from viewers.figures.frame import Drawing, Look, Pick, footer_of, sheet
from viewers.figures.heads import name_heads
from viewers.figures.heat import colour_bar, heat, set_apart, write_numbers
from viewers.figures.style import SMALL
from viewers.picture import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
SCALE = Scale("sequential", 0.0, 1.0)
BARS = 1.3  # inches


@Drawing
def similarity(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Similarity of heads."""
    values = head_similarity(patterns(trace))
    layers, heads = trace.about.layers, trace.about.heads
    side = min(max(0.17 * len(values), 2.6), 7.0)
    figure = sheet(look, "Which heads look alike",
                   "cosine of two heads' attention, averaged over the queries; 1: always at the same tokens",
                   footer_of(trace, "all layers and heads"), (side + BARS + 1.9, side + 0.75))  # fmt: skip
    matrix, bars = figure.subplots(1, 2, width_ratios=(side, BARS))
    image = heat(matrix, values, SCALE, look)
    set_apart(matrix, values.shape, look)
    write_numbers(matrix, image, values, SMALL)
    edges = np.arange(1, layers) * heads - 0.5
    for lines in (matrix.vlines, matrix.hlines):
        lines(edges, -0.5, len(values) - 0.5, colors=look.theme.paper, linewidths=1.8)
    name_heads(matrix, layers, heads)
    name_heads(matrix, layers, heads, across=True)
    matrix.tick_params(axis="x", labelrotation=90 if layers * heads > 8 else 0)
    _standing_apart(bars, specialization(values, heads).ravel(), look)
    colour_bar(figure, image, matrix, SCALE, "cosine")
    return figure


def _standing_apart(axes: Axes, values: Array, look: Look) -> None:
    plain(axes, "x")
    axes.barh(range(len(values)), np.nan_to_num(values), color=look.theme.series[0], height=0.7)
    axes.set(ylim=(len(values) - 0.5, -0.5), xlim=(0, max(0.01, float(np.nanmax(values, initial=0)) * 1.05)), yticks=[])
    axes.set_title("1 − mean cosine\nwith its layer", pad=4)
    axes.spines["bottom"].set_visible(False)
