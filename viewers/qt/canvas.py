"""`Heat`: a `Picture` as a widget: colours, named axes with the tokens, a colour bar with its unit, a crosshair."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewers.palette import ABSENT, LEVELS, RGB
from viewers.picture import Picture, number_text, shrink
from viewers.qt.axes import BAR, GAP, Labels, draw_bar, draw_columns, draw_rows, ticks_of
from viewers.qt.theme import AT_NIGHT, Theme, qcolor

LARGEST = 26.0  # pixels of a cell that is not square
LEAST = 90.0  # of a picture; where it has less room, first the labels go, then the names of the axes


def indexed(levels: np.ndarray, colours: tuple[RGB, ...], absent: RGB) -> QImage:
    """Levels as an image with a table of colours; one byte a cell."""
    high, wide = levels.shape
    stride = (wide + 3) // 4 * 4
    padded = np.zeros((high, stride), np.uint8)
    padded[:, :wide] = np.where(levels == ABSENT, LEVELS, levels)
    image = QImage(padded.data, wide, high, stride, QImage.Format.Format_Indexed8)
    image.setColorTable([qcolor(c).rgb() for c in (*colours, absent)])
    return image.copy()  # it owns its bytes


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
        return self._laid_out()[0]

    def _laid_out(self) -> tuple[QRectF, Labels, Labels]:
        """The place of the cells, and the names of rows and columns beside it."""
        assert self.picture is not None
        for labelled, named in ((True, True), (False, True), (False, False)):
            room, rows, columns = self._room(labelled, named)
            if min(room.width(), room.height()) >= LEAST:
                break
        wide, tall = room.width(), room.height()
        if self.picture.square:
            wide = tall = min(wide, tall)
        else:  # a cell need not be larger
            wide, tall = min(wide, 2 * LARGEST * columns.axis.size), min(tall, LARGEST * rows.axis.size)
        return QRectF(room.left(), room.top(), wide, tall), rows.along(tall), columns.along(wide)

    def _room(self, labelled: bool, named: bool) -> tuple[QRectF, Labels, Labels]:
        """What is left for the cells beside labels, names of the axes, and the colour bar."""
        picture, metrics = self.picture, QFontMetrics(self.font())
        assert picture is not None
        high, most = metrics.height(), 0.28 * min(self.width(), self.height() * 1.6) if labelled else 0.0
        tall, wide = self.height() - 4.0 * high, self.width() - 6.0 * high
        if picture.square:
            tall = wide = min(tall, wide)
        rows = Labels(picture.rows, tall, metrics, most, named)
        columns = Labels(picture.columns, wide, metrics, most, named)
        numbers = max(metrics.horizontalAdvance(number_text(v)) for v in ticks_of(picture.scale))
        left, below = rows.room + rows.name_high + 2 * GAP, columns.room + columns.name_high + GAP
        right, top = BAR + numbers + 3 * GAP, 1.5 * high + 2  # the first row's name stands half above it
        wide, tall = max(10.0, self.width() - left - right), max(10.0, self.height() - top - below)
        return QRectF(left, top, wide, tall), rows, columns

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
        plot, rows, columns = self._laid_out()
        painter.drawImage(plot, self._pixels(painter, plot))
        painter.setPen(QPen(qcolor(theme.line), 1))
        painter.drawRect(plot)
        if self.cell:
            self._crosshair(painter, plot, *self.cell)
        row, column = self.cell or (-1, -1)
        draw_rows(painter, plot, rows, row, theme)
        draw_columns(painter, plot, columns, column, theme)
        metrics = QFontMetrics(self.font())
        draw_bar(painter, plot, picture.scale, metrics, theme)
        self._heading(painter, metrics)

    def _heading(self, painter: QPainter, metrics: QFontMetrics) -> None:
        """What it is to the left, what the colours measure to the right; the latter is never left out."""
        assert self.picture is not None
        said = self.picture.about or self.picture.scale.unit
        about = metrics.horizontalAdvance(said)
        painter.setPen(qcolor(self.theme.dim))
        box = QRectF(0, 0, self.width() - GAP, metrics.height() + 2)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, said)
        painter.setPen(qcolor(self.theme.text))
        title = metrics.elidedText(self.title, Qt.TextElideMode.ElideRight, self.width() - about - 4 * GAP)
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
