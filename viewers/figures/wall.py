"""Attention of many heads at once: the heads of one layer, or a wall of all layers and heads, on one scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from engine.trace import Trace
from viewers.figures.attention import MEASURES, SCALE, layer_pattern, window_said
from viewers.figures.frame import Drawing, Look, Pick, checked, footer_of, sheet
from viewers.figures.heat import FEWEST_DOTS, SHARE_OF_SHEET, colour_bar, draw_cells
from viewers.figures.style import SMALL, TICK
from viewers.picture import shrink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

Array = np.ndarray
GAP = 0.07  # between two pictures, of the side of one
NAME = 0.21  # inches, of the line above each that holds its name
HOW_TO_READ = "in each picture: across, the key that is looked at; down, the query that looks"


@Drawing
def attention_layer(trace: Trace, look: Look, pick: Pick) -> Figure:
    """All heads of one layer."""
    layer, _ = checked(trace, Pick(pick.layer))
    values = layer_pattern(trace, layer)
    heads = len(values)
    columns = columns_for(heads)
    rows = math.ceil(heads / columns)
    each = min(max(7.0 / columns, 0.8), 2.4)
    down = 1 + NAME / each  # from one row to the next
    figure = sheet(look, f"Attention of layer {layer}: {_count(heads, 'head')}",
                   f"{window_said(trace, layer)}; {HOW_TO_READ}", footer_of(trace, f"layer {layer}, all heads"),
                   (each * columns * (1 + GAP) + 1.0, each * rows * down + 0.15))  # fmt: skip
    axes = figure.subplots()
    for head in range(heads):
        x, y = head % columns * (1 + GAP), head // columns * down
        image = small_picture(axes, values[head], x, y, max(columns, rows), look)
        axes.text(x - 0.5, y - 0.52, f"head {head}", size=TICK, va="bottom")
    _finish(axes, columns * (1 + GAP) - GAP, rows * down - NAME / each, NAME / each)
    axes.set(xticks=[], yticks=[])
    colour_bar(figure, image, axes, SCALE, MEASURES)
    return figure


@Drawing
def attention_wall(trace: Trace, look: Look, pick: Pick) -> Figure:
    """All heads of all layers: a row per layer, a column per head."""
    layers, heads = trace.about.layers, trace.about.heads
    each = min(max(8.0 / heads, 0.45), 1.5, max(10.0 / layers, 0.45))
    step = each * (1 + GAP)
    figure = sheet(look, f"Attention of {_count(layers, 'layer')}, {_count(heads, 'head')} each", HOW_TO_READ,
                   footer_of(trace, "all layers and heads"), (step * heads + 1.5, step * layers + 0.35))  # fmt: skip
    axes = figure.subplots()
    for layer in range(layers):
        for head, pattern in enumerate(layer_pattern(trace, layer)):
            image = small_picture(axes, pattern, head * (1 + GAP), layer * (1 + GAP), max(layers, heads), look)
    _finish(axes, heads * (1 + GAP) - GAP, layers * (1 + GAP) - GAP)
    few = each > 0.5
    axes.set_xticks([h * (1 + GAP) for h in range(heads)], [f"head {h}" if few else str(h) for h in range(heads)])
    axes.set_yticks([i * (1 + GAP) for i in range(layers)], [f"layer {i}" if few else str(i) for i in range(layers)])
    axes.tick_params(length=0, labelsize=TICK if few else SMALL, bottom=False, labelbottom=False, labeltop=True)
    if not few:
        axes.set(xlabel="head", ylabel="layer")
        axes.xaxis.set_label_position("top")
    colour_bar(figure, image, axes, SCALE, MEASURES)
    return figure


def columns_for(heads: int) -> int:
    """How many pictures stand side by side: all rows full if the number allows it, wider than high."""
    least = math.ceil(math.sqrt(heads))
    return next((n for n in range(least, min(heads, 2 * least) + 1) if heads % n == 0), least)


def small_picture(axes: Axes, pattern: Array, x: float, y: float, across: int, look: Look) -> AxesImage:
    """A pattern in a square of side 1 around (x, y); what is too fine is pooled, so that no peak is lost."""
    figure = axes.get_figure(root=True)
    dots = max(FEWEST_DOTS, int(max(figure.get_size_inches()) * SHARE_OF_SHEET * look.dpi / across))  # type: ignore[union-attr]
    few, high, wide = shrink(pattern, dots, dots)
    whole = (few.shape[1] * wide / pattern.shape[1], few.shape[0] * high / pattern.shape[0])
    image = draw_cells(axes, few, SCALE, look, (x, y, *whole), dots)
    square = [(x - 0.5, y - 0.5), (x + 0.5, y - 0.5), (x + 0.5, y + 0.5), (x - 0.5, y + 0.5)]
    axes.fill(*zip(*square, strict=True), facecolor="none", edgecolor=look.theme.faint, linewidth=0.5)
    return image


def _finish(axes: Axes, wide: float, high: float, above: float = 0.01) -> None:
    """Show all pictures and nothing around them."""
    axes.set(xlim=(-0.51, wide - 0.49), ylim=(high - 0.49, -0.5 - above), aspect="equal", anchor="NW")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number != 1 else ''}"
