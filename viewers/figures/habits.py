"""Four habits of heads: previous token, first token, same token, induction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.readings import pattern_scores, patterns
from engine.trace import Trace
from viewers.figures.frame import Drawing, Look, Pick, footer_of, sheet
from viewers.figures.heat import colour_bar, heat, set_apart, write_numbers
from viewers.figures.style import SMALL
from viewers.picture import pattern_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = ("the token before", "the first token", "earlier, the same token", "after the same token (induction)")


@Drawing
def head_habits(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Habits of heads: the token before, the first, the same, induction."""
    scores = pattern_scores(patterns(trace), trace.tokens, trace.about.windows)
    layers, heads = scores.previous.shape
    wide, high = min(max(0.36 * heads, 1.9), 4.0), min(max(0.36 * layers, 1.0), 4.0)
    figure = sheet(look, "Where heads look by habit", "mean share of a query's attention; empty: none to look at",
                   footer_of(trace, "all layers and heads"), (2 * wide + 1.8, 2 * high + 1.3))  # fmt: skip
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    scale = pattern_scale(max(float(np.nan_to_num(values).max()) for values in scores))
    for axes, values, title in zip(grid.flat, scores, TITLES, strict=True):
        image = heat(axes, values, scale, look)
        set_apart(axes, values.shape, look)
        write_numbers(axes, image, values, SMALL)
        axes.set_title(title, pad=4)
        axes.set_xticks(range(0, heads, max(1, round(heads / 16))))
        axes.set_yticks(range(0, layers, max(1, round(layers / 16))))
        axes.tick_params(length=0)
    for axes in grid[1]:
        axes.set_xlabel("head")
    for axes in grid[:, 0]:
        axes.set_ylabel("layer")
    colour_bar(figure, image, grid, scale, "share of attention (√ scale)")
    return figure
