"""A matrix as a heat map: sharp cells, a colour bar that tells the truth, numbers in the cells where they fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from viewers.figures.frame import Look
from viewers.figures.style import SMALL, TICK, bar_ticks, colours, norm_of, tick_text
from viewers.figures.ticks import BarLocator
from viewers.palette import hexed, readable_on
from viewers.picture import Scale, number_text, shrink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

Array = np.ndarray
MOST_WITH_LINES = 40  # cells along a side that are still set apart by a line
MOST_WITH_NUMBERS = 12
SHARE_OF_SHEET = 0.7  # that a matrix has at least, along a side
FEWEST_DOTS = 24


def heat(axes: Axes, values: Array, scale: Scale, look: Look, aspect: str = "auto") -> AxesImage:
    """Draw `values` (R, C), the first row on top; NaN cells are left empty.

    Where there are more cells than dots, cells are pooled: each shows the largest of those it stands for.
    """
    rows, columns = values.shape
    figure = axes.get_figure(root=True)
    dots = [max(FEWEST_DOTS, int(side * SHARE_OF_SHEET * look.dpi)) for side in figure.get_size_inches()[::-1]]  # type: ignore[union-attr]
    few, high, wide = shrink(values, *dots)
    image = draw_cells(axes, few, scale, look, (0, 0, few.shape[1] * wide, few.shape[0] * high), min(dots))
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect=aspect)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image


def draw_cells(
    axes: Axes, values: Array, scale: Scale, look: Look, box: tuple[float, float, float, float], dots: int
) -> AxesImage:
    """An image of a matrix over `box` (left, top, width, height) in cells, the middle of the first at (0, 0).

    In an SVG each cell is a block of equal dots, `dots` along a side of the image: many viewers blur what they enlarge.
    """
    left, top, wide, high = box
    block = max(1, round(dots / max(values.shape))) if look.format == "svg" else 1
    return axes.imshow(
        np.ma.masked_invalid(values).repeat(block, 0).repeat(block, 1),
        cmap=colours(look.theme, scale.kind),
        norm=norm_of(scale),
        extent=(left - 0.5, left + wide - 0.5, top + high - 0.5, top - 0.5),
        aspect="auto",
        interpolation="none" if look.format == "svg" else "nearest",
    )


def set_apart(axes: Axes, shape: Sequence[int], look: Look) -> None:
    """Thin lines between the cells of a small matrix."""
    if max(shape) > MOST_WITH_LINES:
        return
    lines: dict[str, Any] = {"colors": look.theme.paper, "linewidths": 0.8 if max(shape) <= MOST_WITH_NUMBERS else 0.4}
    axes.vlines(np.arange(1, shape[1]) - 0.5, -0.5, shape[0] - 0.5, **lines)
    axes.hlines(np.arange(1, shape[0]) - 0.5, -0.5, shape[1] - 0.5, **lines)


def write_numbers(axes: Axes, image: AxesImage, values: Array, points: float = TICK) -> None:
    """The value in every cell that has one, if there are few cells."""
    if max(values.shape) > MOST_WITH_NUMBERS:
        return
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            red, green, blue, _ = image.to_rgba(value, bytes=True)
            ink = hexed(readable_on((int(red), int(green), int(blue))))
            axes.text(column, row, brief(float(value)), ha="center", va="center", color=ink, size=points)


def brief(value: float) -> str:
    """A number in two digits that count, for a cell: .41, 0, 1.2, 37."""
    if abs(value) >= 10 or value == int(value):
        return number_text(round(value)).replace("-", "−")
    text = f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"
    return text.replace("0.", ".", 1).replace("-", "−") if abs(value) < 1 else text.replace("-", "−")


def colour_bar(figure: Figure, image: AxesImage, axes: Axes | list[Axes], scale: Scale, said: str) -> Colorbar:
    """A bar beside the axes with the scale's own values and what they measure."""
    bar = figure.colorbar(image, ax=axes, fraction=0.05, aspect=28, pad=0.02, panchor=False)
    bar.ax.yaxis.set_major_locator(BarLocator(bar_ticks(scale)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    bar.set_label(said, size=TICK)
    bar.ax.tick_params(labelsize=SMALL)
    return bar
