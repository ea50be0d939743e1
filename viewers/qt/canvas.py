"""`Heat`: a `Picture` as a widget: colours, named axes with the tokens, a colour bar with its unit, a crosshair."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.text import visible
from viewers.palette import ABSENT, LEVELS, RGB, blend
from viewers.picture import Axis, Picture, number_text, shrink
from viewers.qt.theme import AT_NIGHT, Theme, qcolor

BAR, GAP = 12, 6
LONGEST = 14  # letters of a label


def indexed(levels: np.ndarray, colours: tuple[RGB, ...], absent: RGB) -> QImage:
    """Levels as an image with a table of colours; one byte a cell."""
    high, wide = levels.shape
    stride = (wide + 3) // 4 * 4
    padded = np.zeros((high, stride), np.uint8)
    padded[:, :wide] = np.where(levels == ABSENT, LEVELS, levels)
    image = QImage(padded.data, wide, high, stride, QImage.Format.Format_Indexed8)
    image.setColorTable([qcolor(c).rgb() for c in (*colours, absent)])
    return image.copy()  # it owns its bytes


def label_of(axis: Axis, i: int) -> str:
    """What stands beside a row or column: the token's text, or the number."""
    if i < len(axis.labels):
        text = visible(axis.labels[i], spaces=True) or "∅"
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return str(axis.number(i))


def every(cells: int, length: float, needed: float) -> int:
    """Every how many cells a label fits: 1, 2, 5, 10, 20 ..."""
    least = needed * cells / max(length, 1)
    step = 10 ** max(0, math.floor(math.log10(max(least, 1))))
    return next(int(step * k) for k in (1, 2, 5, 10) if step * k >= least)


class Heat(QWidget):
    """Rows and columns of one picture. Arrow keys or the mouse move the crosshair; Enter or a click pins it."""

    pointed = Signal(int, int)  # the cell under the crosshair, -1 -1 for none
    clicked = Signal(int, int)

    def __init__(self, empty: str = "") -> None:
        super().__init__()
        self.empty = empty  # what to say without a picture
        self.picture: Picture | None = None
        self.title = ""
        self.theme: Theme = AT_NIGHT
        self.cell: tuple[int, int] | None = None
        self._image: tuple[object, QImage] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)

    def sizeHint(self) -> QSize:
        return QSize(320, 280)

    def show_picture(self, picture: Picture | None, title: str, theme: Theme) -> None:
        """Draw this, now and until there is another."""
        self.picture, self.title, self.theme, self._image = picture, title, theme, None
        if self.cell and (picture is None or not self._is_inside(*self.cell)):
            self.cell = None
        if picture is None:
            self.setAccessibleDescription(self.empty)
        else:
            rows, columns = picture.rows, picture.columns
            self.setAccessibleDescription(
                f"{title}: {rows.size} by {columns.size}, {rows.name or 'one row'} by {columns.name}, from "
                f"{number_text(picture.scale.low)} to {number_text(picture.scale.high)} {picture.about}"
            )
        self.update()

    @property
    def sentence(self) -> str:
        """What the cell under the crosshair says; of the whole picture without one."""
        if self.picture is None:
            return self.empty
        return self.picture.sentence(*self.cell) if self.cell else self.title

    def point_at(self, cell: tuple[int, int] | None) -> None:
        """Move the crosshair."""
        if cell != self.cell:
            self.cell = cell
            self.update()
            self.pointed.emit(*(cell or (-1, -1)))

    # where things are

    def plot(self) -> QRectF:
        """Where the cells are drawn."""
        picture = self.picture
        assert picture is not None
        metrics = QFontMetrics(self.font())
        high = metrics.height()
        left = self._label_room(picture.rows, metrics) + high + GAP
        below = self._label_room(picture.columns, metrics) + high + GAP
        right = BAR + GAP + max(metrics.horizontalAdvance(number_text(v)) for v in self._ticks()) + GAP
        top = high + GAP
        room = QRectF(left, top, max(10.0, self.width() - left - right), max(10.0, self.height() - top - below))
        if picture.square:
            side = min(room.width(), room.height())
            return QRectF(room.left(), room.top(), side, side)
        most = 26.0  # a cell need not be larger
        return QRectF(
            room.left(), room.top(),
            min(room.width(), most * 2 * picture.columns.size), min(room.height(), most * picture.rows.size),
        )  # fmt: skip

    def _label_room(self, axis: Axis, metrics: QFontMetrics) -> int:
        if axis.size <= 1 and not axis.labels:
            return 0
        shown = range(0, axis.size, max(1, axis.size // 64))
        widest = max(metrics.horizontalAdvance(label_of(axis, i)) for i in (*shown, axis.size - 1))
        return min(widest, int(0.28 * min(self.width(), self.height() * 1.6))) + GAP

    def _ticks(self) -> tuple[float, ...]:
        assert self.picture is not None
        scale = self.picture.scale
        middle = scale.low + (scale.high - scale.low) * 0.5 ** (1 / scale.power)
        return (scale.low, middle, scale.high) if scale.high > scale.low else (scale.low,)

    def cell_at(self, point: QPointF) -> tuple[int, int] | None:
        """The row and column under a point of the widget."""
        if self.picture is None:
            return None
        plot = self.plot()
        if not plot.contains(point):
            return None
        rows, columns = self.picture.values.shape
        row = int((point.y() - plot.top()) / plot.height() * rows)
        column = int((point.x() - plot.left()) / plot.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)

    def _is_inside(self, row: int, column: int) -> bool:
        return self.picture is not None and row < self.picture.values.shape[0] and column < self.picture.values.shape[1]

    # drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.draw(painter)
        painter.end()

    def draw(self, painter: QPainter) -> None:
        theme, picture = self.theme, self.picture
        painter.fillRect(self.rect(), qcolor(theme.panel))
        if picture is None or not picture.values.size:
            painter.setPen(qcolor(theme.dim))
            frame = self.rect().adjusted(12, 12, -12, -12)
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.empty)
            return
        plot = self.plot()
        painter.drawImage(plot, self._pixels(painter, plot))
        painter.setPen(QPen(qcolor(theme.line), 1))
        painter.drawRect(plot)
        if self.cell:
            self._crosshair(painter, plot, *self.cell)
        self._labels(painter, plot)
        self._colour_bar(painter, plot)
        painter.setPen(qcolor(theme.text))
        metrics = QFontMetrics(self.font())
        title = metrics.elidedText(self.title, Qt.TextElideMode.ElideRight, self.width() - 2 * GAP)
        painter.drawText(QPointF(GAP, metrics.ascent() + 2), title)

    def _pixels(self, painter: QPainter, plot: QRectF) -> QImage:
        assert self.picture is not None
        ratio = self.devicePixelRatioF()
        room = (max(1, int(plot.height() * ratio)), max(1, int(plot.width() * ratio)))
        key = (id(self.picture.values), room, self.theme.is_dark)
        if self._image is None or self._image[0] != key:
            scale = self.picture.scale
            pooled, _, _ = shrink(self.picture.values, *room)
            self._image = key, indexed(scale.level(pooled), self.theme.map(scale.kind), self.theme.absent)
        return self._image[1]

    def _crosshair(self, painter: QPainter, plot: QRectF, row: int, column: int) -> None:
        assert self.picture is not None
        rows, columns = self.picture.values.shape
        high, wide = plot.height() / rows, plot.width() / columns
        y, x = plot.top() + row * high, plot.left() + column * wide
        light = qcolor(self.theme.text)
        veil = qcolor(self.theme.text)
        veil = type(veil)(veil.red(), veil.green(), veil.blue(), 38)
        painter.fillRect(QRectF(plot.left(), y, plot.width(), high), veil)
        painter.fillRect(QRectF(x, plot.top(), wide, plot.height()), veil)
        painter.setPen(QPen(light, 1))
        painter.drawRect(QRectF(x, y, max(wide, 2), max(high, 2)))

    def _labels(self, painter: QPainter, plot: QRectF) -> None:
        assert self.picture is not None
        picture, metrics = self.picture, QFontMetrics(self.font())
        high = metrics.height()
        row, column = self.cell or (-1, -1)
        room = int(plot.left() - high - GAP)
        if room > 0 and (picture.rows.size > 1 or picture.rows.labels):
            size = plot.height() / picture.rows.size
            for i in self._shown(picture.rows, plot.height(), high, row):
                self._pen(painter, i == row)
                box = QRectF(high, plot.top() + (i + 0.5) * size - high / 2, room, high)
                words = metrics.elidedText(label_of(picture.rows, i), Qt.TextElideMode.ElideRight, room)
                painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
        room = self._label_room(picture.columns, metrics)
        if room:
            size = plot.width() / picture.columns.size
            for i in self._shown(picture.columns, plot.width(), high, column):
                self._pen(painter, i == column)
                words = metrics.elidedText(label_of(picture.columns, i), Qt.TextElideMode.ElideRight, room)
                painter.save()
                painter.translate(plot.left() + (i + 0.5) * size, plot.bottom() + 3)
                painter.rotate(90)
                painter.drawText(QRectF(0, -high / 2, room, high), Qt.AlignmentFlag.AlignVCenter, words)
                painter.restore()
        self._names(painter, plot, metrics, room)

    def _names(self, painter: QPainter, plot: QRectF, metrics: QFontMetrics, below: int) -> None:
        """The axes' names."""
        assert self.picture is not None
        high = metrics.height()
        painter.setPen(qcolor(self.theme.dim))
        across = QRectF(0, plot.bottom() + below + 2, plot.left() + plot.width(), high + 2)
        painter.drawText(across, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, self.picture.columns.name)
        painter.save()
        painter.translate(0, plot.top())
        painter.rotate(-90)
        room = max(plot.height(), metrics.horizontalAdvance(self.picture.rows.name) + 4.0)
        painter.drawText(QRectF(-room, 0, room, high), Qt.AlignmentFlag.AlignRight, self.picture.rows.name)
        painter.restore()

    def _shown(self, axis: Axis, length: float, needed: float, chosen: int) -> list[int]:
        """Which labels are written: as many as fit, and the chosen one in place of its neighbours."""
        step = every(axis.size, length, needed)
        size = length / axis.size
        near = [i for i in range(0, axis.size, step) if chosen < 0 or abs(i - chosen) * size >= needed]
        return [*near, chosen] if 0 <= chosen < axis.size else near

    def _pen(self, painter: QPainter, is_chosen: bool) -> None:
        theme = self.theme
        painter.setPen(qcolor(theme.accent if is_chosen else blend(theme.panel, theme.text, 0.78)))

    def _colour_bar(self, painter: QPainter, plot: QRectF) -> None:
        assert self.picture is not None
        scale, metrics = self.picture.scale, QFontMetrics(self.font())
        colours = self.theme.map(scale.kind)
        x, height = plot.right() + GAP, max(plot.height(), 48.0)
        step = height / len(colours)
        for i, colour in enumerate(reversed(colours)):
            painter.fillRect(QRectF(x, plot.top() + i * step, BAR, step + 0.5), qcolor(colour))
        painter.setPen(qcolor(self.theme.dim))
        ticks = self._ticks()
        for i, value in enumerate(ticks):
            y = plot.top() + height * (1 - i / max(1, len(ticks) - 1))
            y = min(max(y, plot.top() + metrics.ascent() / 2), plot.top() + height - metrics.ascent() / 2)
            painter.drawText(QPointF(x + BAR + 3, y + metrics.ascent() / 2 - 1), number_text(value))
        said = self.picture.about or scale.unit
        if said:
            box = QRectF(0, 0, self.width() - GAP, metrics.height() + 2)
            wide = metrics.horizontalAdvance(said) + metrics.horizontalAdvance(self.title) + 4 * GAP
            if wide < self.width():
                painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, said)

    # mouse and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.point_at(self.cell_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and (cell := self.cell_at(event.position())):
            self.point_at(cell)
            self.clicked.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}
        if self.picture is None:
            super().keyPressEvent(event)
        elif event.key() in steps:
            down, right = steps[Qt.Key(event.key())]
            rows, columns = self.picture.values.shape
            row, column = self.cell or (0, 0)
            self.point_at((min(max(row + down, 0), rows - 1), min(max(column + right, 0), columns - 1)))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.cell:
            self.clicked.emit(*self.cell)
        else:
            super().keyPressEvent(event)

    def place_of(self, row: int, column: int) -> QPoint:
        """The middle of a cell, in pixels of the widget."""
        assert self.picture is not None
        plot = self.plot()
        rows, columns = self.picture.values.shape
        box = QRect(plot.toRect())
        return QPoint(
            round(box.left() + (column + 0.5) * plot.width() / columns),
            round(box.top() + (row + 0.5) * plot.height() / rows),
        )
