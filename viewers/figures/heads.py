"""One number per layer, head and token, as two heat maps: means per head, and every head along the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.readings import attention_entropy, mean_over_tokens, patterns
from engine.trace import Trace
from viewers.figures.charts import note
from viewers.figures.frame import Drawing, Look, Pick, footer_of, sheet
from viewers.figures.heat import colour_bar, heat, set_apart, write_numbers
from viewers.figures.style import SMALL, TICK
from viewers.figures.ticks import token_axis
from viewers.picture import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
CELL = 0.42  # inches, of one head in the map of means
ROW = 0.15  # inches, of one head along the text
MOST_NAMED = 48  # heads that each have their own label


@Drawing
def entropy_heatmap(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Entropy of attention: how widely every head looks."""
    return layers_heads_tokens(
        trace, look, attention_entropy(patterns(trace)), "Entropy of attention",
        "0: all attention on one token; log n: spread evenly over n tokens", "nats",
    )  # fmt: skip


@Drawing
def head_contribution(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Length of what every head adds to the residual stream."""
    return layers_heads_tokens(
        trace, look, trace.head_contributions, "What each head adds to the residual stream",
        "the length of the vector that a head writes, at each token", "length (L2 norm)",
    )  # fmt: skip


def layers_heads_tokens(trace: Trace, look: Look, values: Array, title: str, said: str, unit: str) -> Figure:
    """Two maps of `values` (L, H, T) on one scale."""
    layers, heads, tokens = values.shape
    wide = min(max(0.12 * tokens, 2.4), 6.4)
    high = min(max(ROW * layers * heads, CELL * layers, 1.4), 7.5)
    side = min(max(CELL * heads, 1.0), 4.0)
    figure = sheet(look, title, said, footer_of(trace, "all layers and heads"), (side + 1.15 * wide + 2.4, high + 0.95))
    few, many = figure.subplots(1, 2, width_ratios=(side, wide))
    finite = values[np.isfinite(values)]
    if not finite.size:
        many.remove()
        note(few, "not recorded", look.theme.muted)
        return figure
    scale = Scale("sequential", 0.0, float(finite.max()), unit)
    _means(few, mean_over_tokens(values), scale, look)
    image = heat(many, values.reshape(layers * heads, tokens), scale, look)
    many.hlines(np.arange(1, layers) * heads - 0.5, -0.5, tokens - 0.5, colors=look.theme.paper, linewidths=1.6)
    name_heads(many, layers, heads)
    token_axis(many, "x", trace.about.texts, wide)
    many.set_title("along the text", pad=4)
    many.set_xlabel("token (looking)")
    colour_bar(figure, image, [few, many], scale, unit)
    return figure


def name_heads(axes: Axes, layers: int, heads: int, across: bool = False) -> None:
    """Label rows (or columns) of layer times head: every head if there are few, else every layer in its middle."""
    axis = axes.xaxis if across else axes.yaxis
    if layers * heads <= MOST_NAMED:
        axis.set_ticks(range(layers * heads), [f"{i}.{h}" for i in range(layers) for h in range(heads)], size=SMALL)
        axis.set_label_text("layer.head")
    else:
        axis.set_ticks([i * heads + (heads - 1) / 2 for i in range(layers)], [str(i) for i in range(layers)], size=TICK)
        axis.set_label_text(f"layer ({heads} heads each)")
    axis.set_tick_params(length=0)


def _means(axes: Axes, means: Array, scale: Scale, look: Look) -> None:
    image = heat(axes, means, scale, look)
    set_apart(axes, means.shape, look)
    write_numbers(axes, image, means)
    every = max(1, round(max(means.shape) / 24))
    axes.set_xticks(range(0, means.shape[1], every))
    axes.set_yticks(range(0, means.shape[0], every))
    axes.tick_params(length=0)
    axes.set(xlabel="head", ylabel="layer")
    axes.set_title("mean over the text", pad=4)
