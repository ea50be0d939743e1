"""Attention of one head, large: all queries, or only the rows of the tokens that were generated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.readings import patterns
from engine.trace import Trace
from viewers.figures.charts import note
from viewers.figures.frame import Drawing, Look, Pick, checked, footer_of, sheet
from viewers.figures.heat import colour_bar, heat, set_apart, write_numbers
from viewers.figures.ticks import token_axis
from viewers.picture import KEY, QUERY, pattern_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray
SCALE = pattern_scale(1.0)
MEASURES = "share of the query's attention (√ scale)"
CELL = 0.16  # inches, of one token
BESIDE, BELOW = 1.9, 0.9  # inches for labels and colour bar


def seen(pattern: Array, window: int | None = None) -> Array:
    """(..., T, S) with NaN where a query cannot look: later tokens, and those that left its window."""
    queries, keys = pattern.shape[-2:]
    back = np.arange(keys - queries, keys)[:, None] - np.arange(keys)
    return np.where((back >= 0) & (back < (window or keys)), pattern, np.nan)


def layer_pattern(trace: Trace, layer: int) -> Array:
    """(H, T, S) of one layer, NaN where a query cannot look."""
    return seen(patterns(trace)[layer], trace.about.windows[layer])


def window_said(trace: Trace, layer: int) -> str:
    """What a token of this layer sees, in words."""
    window = trace.about.windows[layer]
    return f"a token sees the last {window}, itself included" if window else "a token sees itself and all before it"


@Drawing
def attention_head(trace: Trace, look: Look, pick: Pick) -> Figure:
    """One head: who looks at whom."""
    layer, head = checked(trace, pick)
    values = layer_pattern(trace, layer)[head]
    side = min(max(CELL * len(values), 3.0), 7.0)
    figure = sheet(look, f"Attention of layer {layer}, head {head}", window_said(trace, layer),
                   footer_of(trace, f"layer {layer}, head {head}"), (side + BESIDE, side + BELOW))  # fmt: skip
    axes = figure.subplots()
    image = heat(axes, values, SCALE, look, "equal")
    set_apart(axes, values.shape, look)
    write_numbers(axes, image, values)
    token_axis(axes, "x", trace.about.texts, side)
    token_axis(axes, "y", trace.about.texts[-len(values) :], side, range(values.shape[1])[-len(values) :])
    axes.set(xlabel=KEY, ylabel=QUERY)
    colour_bar(figure, image, axes, SCALE, MEASURES)
    return figure


@Drawing
def attention_generated(trace: Trace, look: Look, pick: Pick) -> Figure:
    """One head's rows of the generated tokens only: where each looked when it was read."""
    layer, head = checked(trace, pick)
    start, count = trace.about.prompt_length, len(trace.tokens)
    values = layer_pattern(trace, layer)[head][-(count - start) :] if start < count else np.empty((0, count))
    wide, high = min(max(CELL * count, 4.0), 10.0), min(max(CELL * len(values), 1.5), 6.0)
    figure = sheet(look, f"Where the generated tokens look: layer {layer}, head {head}",
                   f"left of the line the prompt, {start:,} tokens; right of it what was generated",
                   footer_of(trace, f"layer {layer}, head {head}"), (wide + BESIDE, high + BELOW))  # fmt: skip
    axes = figure.subplots()
    if not len(values):
        note(axes, "no token of this text was generated", look.theme.muted)
        return figure
    image = heat(axes, values, SCALE, look)
    set_apart(axes, values.shape, look)
    write_numbers(axes, image, values)
    axes.axvline(start - 0.5, color=look.theme.ink, linewidth=0.9)
    token_axis(axes, "x", trace.about.texts, wide)
    token_axis(axes, "y", trace.about.texts[start:], high, range(start, count))
    axes.set(xlabel=KEY, ylabel="generated token (looking)")
    colour_bar(figure, image, axes, SCALE, MEASURES)
    return figure
