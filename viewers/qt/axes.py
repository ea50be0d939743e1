"""The axes of a picture: which rows and columns are named and how, and the colour bar with its numbers."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from engine.text import visible
from viewers.palette import blend
from viewers.picture import KEY, QUERY, TOKEN, Axis, Scale, number_text
from viewers.qt.theme import Theme, qcolor

BAR, GAP = 12, 6
LONGEST = 14  # letters of a label
FEW = 5  # every how many cells a label stands that has its number


def label_of(axis: Axis, i: int, numbered: bool = False) -> str:
    """What stands beside a row or column: the token's text, or the number; `numbered` has both."""
    if i < len(axis.labels):
        text = visible(axis.labels[i], spaces=True) or "∅"
        text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        return f"{axis.number(i)} {text}" if numbered else text
    return str(axis.number(i))


def every(cells: int, length: float, needed: float) -> int:
    """Every how many cells a label fits: 1, 2, 5, 10, 20 ..."""
    least = needed * cells / max(length, 1)
    step = 10 ** max(0, math.floor(math.log10(max(least, 1))))
    return next(int(step * k) for k in (1, 2, 5, 10) if step * k >= least)


def written(cells: int, step: int) -> list[int]:
    """The cells that have a label: one in every `step`, and the last, in place of a neighbour that is nearer."""
    last = cells - 1
    return [*(i for i in range(0, cells, step) if last - i >= step), last] if cells else []


class Labels:
    """The names along one axis of this length: those that fit; where that are few, each says which it is.

    most    pixels that a name may be long, 0 for none         named    whether the axis' own name stands there too
    """

    def __init__(self, axis: Axis, length: float, metrics: QFontMetrics, most: float, named: bool = True) -> None:
        self.axis, self.metrics, self.high = axis, metrics, metrics.height()
        self.along(length)
        self.is_numbered = self.step >= FEW and axis.name in (QUERY, KEY, TOKEN)  # other names say it themselves
        self.room, self.name_high = 0, self.high if named else 0
        if most and (axis.size > 1 or axis.labels):
            shown = (*range(0, axis.size, max(self.step, axis.size // 64 or 1)), axis.size - 1)
            self.room = min(max(metrics.horizontalAdvance(self.text(i)) for i in shown), int(most)) + GAP

    def along(self, length: float) -> Labels:
        """Themselves on an axis of this length, in the room they have."""
        self.length = max(length, 1.0)
        self.step = every(self.axis.size, self.length, self.high) if self.axis.size else 1
        return self

    def text(self, i: int) -> str:
        return label_of(self.axis, i, self.is_numbered)

    def fitting(self, i: int) -> str:
        """The name within the room there is."""
        return self.metrics.elidedText(self.text(i), Qt.TextElideMode.ElideRight, self.room - GAP + 1)

    def shown(self, chosen: int) -> list[int]:
        """Which are written: as many as fit, and the chosen one in place of its neighbours."""
        size = self.length / max(self.axis.size, 1)
        near = [i for i in range(0, self.axis.size, self.step) if chosen < 0 or abs(i - chosen) * size >= self.high]
        return [*near, chosen] if 0 <= chosen < self.axis.size else near


def draw_rows(painter: QPainter, plot: QRectF, labels: Labels, chosen: int, theme: Theme) -> None:
    """Names to the left of the rows, and the axis' own name upright beside them."""
    if labels.room:
        size = plot.height() / labels.axis.size
        for i in labels.shown(chosen):
            _pen(painter, theme, i == chosen)
            y = plot.top() + (i + 0.5) * size - labels.high / 2
            box = QRectF(labels.name_high + GAP, y, labels.room - GAP, labels.high)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, labels.fitting(i))
    if not labels.name_high:
        return
    painter.setPen(qcolor(theme.dim))
    painter.save()
    painter.translate(0, plot.top())
    painter.rotate(-90)
    room = max(plot.height(), labels.metrics.horizontalAdvance(labels.axis.name) + 4.0)
    painter.drawText(QRectF(-room, 0, room, labels.high), Qt.AlignmentFlag.AlignRight, labels.axis.name)
    painter.restore()


def draw_columns(painter: QPainter, plot: QRectF, labels: Labels, chosen: int, theme: Theme) -> None:
    """Names below the columns, upright, and the axis' own name under them."""
    if labels.room:
        size = plot.width() / labels.axis.size
        for i in labels.shown(chosen):
            _pen(painter, theme, i == chosen)
            painter.save()
            painter.translate(plot.left() + (i + 0.5) * size, plot.bottom() + 3)
            painter.rotate(90)
            box = QRectF(0, -labels.high / 2, labels.room, labels.high)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, labels.fitting(i))
            painter.restore()
    if not labels.name_high:
        return
    painter.setPen(qcolor(theme.dim))
    across = QRectF(0, plot.bottom() + labels.room + 2, plot.right(), labels.high + 2)
    painter.drawText(across, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, labels.axis.name)


def _pen(painter: QPainter, theme: Theme, is_chosen: bool) -> None:
    painter.setPen(qcolor(theme.accent if is_chosen else blend(theme.panel, theme.text, 0.78)))


def ticks_of(scale: Scale) -> tuple[float, ...]:
    """The numbers beside a colour bar: its ends, and what has the colour in its middle."""
    if scale.high <= scale.low:
        return (scale.low,)
    if scale.log:
        return (scale.low, math.sqrt(scale.low * scale.high), scale.high)
    return (scale.low, scale.low + (scale.high - scale.low) * 0.5 ** (1 / scale.power), scale.high)


def draw_bar(painter: QPainter, plot: QRectF, scale: Scale, metrics: QFontMetrics, theme: Theme) -> None:
    """The colours from the lowest to the highest, with numbers."""
    colours = theme.map(scale.kind)
    x, height = plot.right() + GAP, max(plot.height(), 48.0)
    step = height / len(colours)
    for i, colour in enumerate(reversed(colours)):
        painter.fillRect(QRectF(x, plot.top() + i * step, BAR, step + 0.5), qcolor(colour))
    painter.setPen(qcolor(theme.dim))
    ticks = ticks_of(scale)
    for i, value in enumerate(ticks):
        y = plot.top() + height * (1 - i / max(1, len(ticks) - 1))
        y = min(max(y, plot.top() + metrics.ascent() / 2), plot.top() + height - metrics.ascent() / 2)
        painter.drawText(QPointF(x + BAR + 3, y + metrics.ascent() / 2 - 1), number_text(value))
