"""Attention of one head as lines between tokens: where the chosen token looks, and who looks at it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewers.picture import Picture, number_text
from viewers.qt.axes import label_of
from viewers.qt.theme import AT_NIGHT, Theme, qcolor

GAP = 6
LEAST = 0.005  # shares below this are not drawn


class Arcs(QWidget):
    """Two columns of tokens, those that look and those that are looked at. A click on either side chooses a token."""

    clicked = Signal(int)
    pointed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.picture: Picture | None = None
        self.place = 0
        self.theme: Theme = AT_NIGHT
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)

    def show_picture(self, picture: Picture | None, place: int, theme: Theme) -> None:
        """Lines of this head for the token at `place`."""
        self.picture, self.place, self.theme = picture, place, theme
        if picture is not None:
            looks, seen = self.strongest()
            self.setAccessibleDescription(f"{looks}; {seen}")
        self.update()

    def strongest(self) -> tuple[str, str]:
        """The largest share that the token gives, and the largest that it gets from a later one, in words."""
        picture = self.picture
        assert picture is not None
        gives = np.nan_to_num(picture.values[self.place])
        gets = np.nan_to_num(picture.values[:, self.place]).copy()
        gets[self.place] = 0
        to, by = int(gives.argmax()), int(gets.argmax())
        looked = f"{picture.columns.words(self.place)} is looked at most by {picture.rows.words(by)}: "
        looks = f"{picture.rows.words(self.place)} looks most at {picture.columns.words(to)}: {number_text(gives[to])}"
        return (
            looks if gives[to] > 0 else f"{picture.rows.words(self.place)} looks at nothing that is shown",
            f"{looked}{number_text(gets[by])}" if gets[by] > 0 else "no later token looks at it",
        )

    def span(self) -> range:
        """The tokens that fit, the chosen one among them."""
        assert self.picture is not None
        count = self.picture.rows.size
        room = max(3, (self.height() - 3 * self._high) // self._high)
        first = min(max(0, self.place - room // 2), max(0, count - room))
        return range(first, min(count, first + room))

    @property
    def _high(self) -> int:
        return QFontMetrics(self.font()).height() + 1

    def token_at(self, y: float) -> int | None:
        if self.picture is None:
            return None
        span, i = self.span(), int(y // self._high) - 1
        return span[i] if 0 <= i < len(span) else None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), self.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), qcolor(theme.panel))
        if self.picture is None:
            return
        metrics, high, span = QFontMetrics(self.font()), self._high, self.span()
        side = min(
            max(metrics.horizontalAdvance(label_of(self.picture.rows, i)) for i in span) + GAP, self.width() // 3
        )
        left, right = GAP + side, self.width() - GAP - side
        painter.setPen(qcolor(theme.dim))
        painter.drawText(QRectF(GAP, 0, self.width(), high), Qt.AlignmentFlag.AlignVCenter, "looking")
        ends = QRectF(0, 0, self.width() - GAP, high)
        painter.drawText(ends, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "looked at")
        self._lines(painter, span, left, right)
        for row, i in enumerate(span, 1):
            painter.setPen(qcolor(theme.accent if i == self.place else theme.text))
            words = metrics.elidedText(label_of(self.picture.rows, i), Qt.TextElideMode.ElideRight, side)
            box = QRectF(GAP, row * high, side - 3, high)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
            painter.drawText(QRectF(right + 3, row * high, side, high), Qt.AlignmentFlag.AlignVCenter, words)
        self._legend(painter, metrics)
        painter.end()

    def _lines(self, painter: QPainter, span: range, left: float, right: float) -> None:
        """First who looks at the token, dashed; then where it looks."""
        assert self.picture is not None
        values, high = np.nan_to_num(self.picture.values), self._high
        for is_given, colour in ((False, self.theme.series[1]), (True, self.theme.series[0])):
            for i in span:
                query, key = (self.place, i) if is_given else (i, self.place)
                share = float(values[query, key])
                if share < LEAST or (not is_given and i == self.place):
                    continue
                ink = QColor(qcolor(colour))
                ink.setAlphaF(0.15 + 0.85 * share**0.5)
                pen = QPen(ink, 1 + 4 * share)
                pen.setStyle(Qt.PenStyle.SolidLine if is_given else Qt.PenStyle.DashLine)
                painter.setPen(pen)
                a = QPointF(left, (query - span[0] + 1.5) * high)
                b = QPointF(right, (key - span[0] + 1.5) * high)
                path = QPainterPath(a)
                path.cubicTo(a + QPointF((right - left) / 2, 0), b - QPointF((right - left) / 2, 0), b)
                painter.drawPath(path)

    def _legend(self, painter: QPainter, metrics: QFontMetrics) -> None:
        y, x = self.height() - metrics.height(), float(GAP)
        kinds = (("where it looks", Qt.PenStyle.SolidLine), ("who looks at it", Qt.PenStyle.DashLine))
        for i, (words, style) in enumerate(kinds):
            painter.setPen(QPen(qcolor(self.theme.series[i]), 2, style))
            painter.drawLine(QPointF(x, y + metrics.height() / 2), QPointF(x + 18, y + metrics.height() / 2))
            painter.setPen(qcolor(self.theme.dim))
            painter.drawText(QPointF(x + 24, y + metrics.ascent()), words)
            x += 36 + metrics.horizontalAdvance(words)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.token_at(event.position().y())
        if self.picture is not None and place is not None:
            is_left = event.position().x() < self.width() / 2
            query, key = (place, self.place) if is_left else (self.place, place)
            self.pointed.emit(self.picture.sentence(query, key))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.token_at(event.position().y())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(place)
