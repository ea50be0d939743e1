"""Token labels along an axis that never overlap: as many as there is room for, whatever the size.

The number of labels is decided while the figure is laid out, from the length that the axis has then. Where every token
has its label, the label is the token; where only some have, its position stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import Formatter, Locator

from engine.text import visible
from viewers.figures.style import SMALL, TICK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000)
TIGHT = 1.2  # of the font size, from one upright label to the next
PLANNED = 1.2  # times the room they need, because an axis comes out shorter than planned
SMALLEST = 5.2  # points of a label
LONGEST = 14  # characters of one label
FLAT_LETTER = 0.72  # of the font size, for a letter in a row of labels that lie flat
BETWEEN = 0.6  # letters, between two of them


class TokenLocator(Locator):
    """Every n-th token, n the least of `STEPS` that leaves each label its room.

    n only grows: longer labels make a shorter axis, and the two must not chase each other.
    """

    def __init__(self, count: int, room: float, step: int = 1) -> None:
        self.count = count
        self.room = room  # points from one label to the next
        self.step = step

    def __call__(self) -> Sequence[float]:
        axis: Axis = self.axis  # type: ignore[assignment]
        box = axis.axes.bbox
        is_x = axis.axis_name == "x"  # type: ignore[attr-defined]
        length = (box.width if is_x else box.height) * 72 / axis.get_figure(root=True).dpi  # type: ignore[union-attr]
        low, high = sorted(axis.get_view_interval())
        self.step = max(self.step, step_for(length / max(high - low, 1e-9), self.room))
        return self.tick_values(0, self.count)

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        return np.arange(0, self.count, self.step).tolist()


class BarLocator(Locator):
    """Of the values that a colour bar would name, those that have room, from the upper end down."""

    def __init__(self, values: Sequence[float]) -> None:
        self.values = values

    def __call__(self) -> Sequence[float]:
        return self.tick_values(0, 1)

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        axes: Axes = self.axis.axes  # type: ignore[union-attr]
        room = SMALL * TIGHT * axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
        kept: list[tuple[float, float]] = []
        for value in sorted(self.values, reverse=True):
            height = float(axes.transData.transform((0, value))[1])
            if not kept or kept[-1][1] - height >= room:
                kept.append((value, height))
        return [value for value, _ in kept[::-1]]


def step_for(each: float, room: float) -> int:
    """The least of `STEPS` where labels are `room` apart, if tokens are `each` apart."""
    return next((step for step in STEPS if each * step >= room), STEPS[-1])


def settle(figure: Figure) -> None:
    """Lay the figure out until no axis wants fewer labels, and then for good."""
    for _ in range(4):
        before = _steps(figure)
        figure.draw_without_rendering()
        if _steps(figure) == before:
            break
    figure.set_layout_engine("none")


def _steps(figure: Figure) -> list[int]:
    locators = (axis.get_major_locator() for axes in figure.axes for axis in (axes.xaxis, axes.yaxis))
    return [locator.step for locator in locators if isinstance(locator, TokenLocator)]


class TokenFormatter(Formatter):
    """The token at a place, and its position too where not every token is labelled."""

    def __init__(self, texts: Sequence[str], numbers: Sequence[int], locator: TokenLocator) -> None:
        self.texts, self.numbers, self.locator = texts, numbers, locator

    def __call__(self, x: float, pos: int | None = None) -> str:
        i = round(x)
        if not 0 <= i < len(self.numbers):
            return ""
        text = shown(self.texts[i]) if i < len(self.texts) else ""
        return text or str(self.numbers[i]) if self.locator.step == 1 else f"{self.numbers[i]} {text}".rstrip()


def shown(text: str) -> str:
    """A token as a label: spaces visible, nothing obeyed, not too long."""
    text = visible(text, spaces=True)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def token_axis(axes: Axes, which: str, texts: Sequence[str], inches: float, numbers: Sequence[int] = ()) -> None:
    """Label the x or y axis by tokens. The labels of x stand upright unless all fit side by side.

    inches    about how long the axis will be: where all labels fit if they are a little smaller, they are
    numbers   positions of the tokens; empty: from 0
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    numbers = numbers or range(len(texts))
    each = inches * 72 / max(1, len(texts))
    letters = max((len(shown(text)) for text in texts), default=1) + BETWEEN
    is_flat = which == "x" and each >= PLANNED * letters * FLAT_LETTER * SMALLEST
    takes = letters * FLAT_LETTER if is_flat else TIGHT  # of the font size, along the axis
    points = min(TICK, each / PLANNED / takes)
    points = points if points >= SMALLEST else TICK
    room = points * takes
    locator = TokenLocator(len(texts), room, step_for(each, room))
    axis.set_major_locator(locator)
    axis.set_major_formatter(TokenFormatter(texts, numbers, locator))
    axis.set_tick_params(length=0 if len(texts) <= 80 else 2.5, labelsize=points)
    if which == "x":
        axes.tick_params(axis="x", labelrotation=0 if is_flat else 90)
