"""Entropy of attention as lines: how it changes from layer to layer, and along the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.readings import attention_entropy, mean_over_tokens, patterns
from engine.trace import Trace
from viewers.figures.charts import legend_above, plain, whole
from viewers.figures.frame import Drawing, Look, Pick, footer_of, sheet
from viewers.figures.style import LABEL, Theme, colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
DARKEST, LIGHTEST = 0.35, 0.9  # the part of the map that lines can be seen in


@Drawing
def entropy_lines(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Entropy of attention over layers and tokens."""
    entropies = attention_entropy(patterns(trace))
    figure = sheet(look, "Entropy of attention over layers and tokens",
                   "0: all attention on one token; dashed: spread evenly over all that are seen",
                   footer_of(trace, "all layers and heads"), (8.6, 3.3))  # fmt: skip
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.5))
    _over_layers(left, mean_over_tokens(entropies), look.theme)
    _over_tokens(right, np.nanmean(entropies, axis=1), trace, look.theme)
    left.set_ylabel("nats", size=LABEL)
    left.set_ylim(bottom=0)
    return figure


def _over_layers(axes: Axes, means: Array, theme: Theme) -> None:
    plain(axes)
    layers, heads = means.shape
    axes.plot(range(layers), means.mean(1), color=theme.series[0], marker="o", markersize=4, label="mean of the heads")
    axes.plot(np.repeat(range(layers), heads), means.ravel(), linestyle="", marker="_", markersize=7,
              markeredgewidth=1.2, color=theme.series[1], label="one head")  # fmt: skip
    whole(axes.xaxis)
    axes.set_xlim(-0.5, layers - 0.5)
    axes.set_xlabel("layer")
    legend_above(axes)


def _over_tokens(axes: Axes, means: Array, trace: Trace, theme: Theme) -> None:
    """A line per layer, light to dark in their order; each means over its heads."""
    plain(axes)
    layers, tokens = means.shape
    shades = colours(theme, "sequential")(np.linspace(DARKEST, LIGHTEST, layers))
    seen = np.arange(1, tokens + 1)
    axes.plot(seen - 1, np.log(seen), linestyle="--", color=theme.muted, linewidth=0.9, label="evenly")
    for layer in range(layers):
        named = layer in (0, layers - 1) or layers <= 6
        axes.plot(means[layer], color=shades[layer], linewidth=1.0, marker="o" if tokens <= 12 else "", markersize=3,
                  label=f"layer {layer}" if named else None)  # fmt: skip
    whole(axes.xaxis)
    axes.set_xlabel("position of the token that looks")
    legend_above(axes, columns=8)
