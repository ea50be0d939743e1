"""What charts share: a light grid, a legend above the data, axes of numbers, bytes and powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from viewers.figures.style import ROUND, TICK, tick_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

UNITS = (("GB", 1e9), ("MB", 1e6), ("KB", 1e3))


def plain(axes: Axes, grid: str = "y") -> None:
    """Grid lines along one axis, plain numbers on both."""
    axes.grid(axis=grid)  # type: ignore[arg-type]
    axes.tick_params(length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
        axis.set_major_locator(MaxNLocator(6, steps=ROUND))


def whole(axis: Axis) -> None:
    """Ticks at whole numbers only."""
    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def legend_above(axes: Axes, columns: int = 6) -> None:
    """A legend on a line of its own above the data, at the right."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=columns, borderaxespad=0.2, borderpad=0.0,
                handlelength=1.4, columnspacing=1.4)  # fmt: skip


def bytes_text(count: float) -> str:
    """`1.5 MB`: three digits that count, powers of 1,000."""
    for unit, size in UNITS:
        if abs(count) >= size:
            return f"{tick_text(float(f'{count / size:.3g}'))} {unit}"
    return f"{tick_text(round(count))} B"


def bytes_axis(axis: Axis, largest: float) -> None:
    """Round numbers of one unit."""
    unit, size = next(((unit, size) for unit, size in UNITS if largest >= size), ("B", 1.0))
    ticks = [tick for tick in MaxNLocator(5, steps=ROUND).tick_values(0, largest / size) if tick >= 0]
    axis.set_major_locator(FixedLocator([tick * size for tick in ticks]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{tick_text(value / size)} {unit}" if value else "0"))


def powers_axis(axis: Axis, values: Sequence[float]) -> None:
    """Powers of ten around positive values, written as 1e-6; every second or third where there are many."""
    exponents = [math.floor(math.log10(value)) for value in values if value > 0 and math.isfinite(value)] or [0]
    low, high = min(exponents), max(exponents) + 1
    every = max(1, round((high - low) / 6))
    axis.set_major_locator(FixedLocator([10.0**n for n in range(low, high + 1, every)]))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_text(value)))


def power_text(value: float) -> str:
    """0.01, 1, 1e−6."""
    exponent = round(math.log10(value))
    return tick_text(10.0**exponent) if -3 <= exponent <= 3 else f"1e{exponent}".replace("-", "−")


def note(axes: Axes, text: str, colour: str) -> None:
    """A line in the middle of axes that have nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", size=TICK, color=colour)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
