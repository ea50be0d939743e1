"""Stacked bars that lie down: a name, a bar of parts, its number. Painted, so that no name is cut without need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from viewers.palette import RGB
from viewers.qt.theme import AT_NIGHT, Theme, qcolor

GAP = 6
PATTERNS = (Qt.BrushStyle.SolidPattern, Qt.BrushStyle.Dense3Pattern, Qt.BrushStyle.Dense5Pattern,
            Qt.BrushStyle.BDiagPattern)  # fmt: skip


@dataclass(frozen=True)
class BarRow:
    """parts   as many numbers as the legend has names"""

    name: str
    parts: tuple[float, ...]
    number: str
    details: str = ""


class Bars(QWidget):
    """Rows of bars on one scale, a legend above. Parts differ in texture too."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[BarRow] = ()
        self.legend: Sequence[str] = ()
        self.theme: Theme = AT_NIGHT
        self.setMouseTracking(True)

    def show_rows(self, rows: Sequence[BarRow], legend: Sequence[str], theme: Theme) -> None:
        self.rows, self.legend, self.theme = rows, legend, theme
        self.setMinimumHeight(self.sizeHint().height())
        self.setAccessibleDescription("; ".join(f"{row.name} {row.number}" for row in rows))
        self.update()

    @property
    def _high(self) -> int:
        return QFontMetrics(self.font()).height() + 5

    def sizeHint(self) -> QSize:
        return QSize(260, self._high * (len(self.rows) + 1) + GAP)

    def row_at(self, y: float) -> int | None:
        i = int(y // self._high) - 1
        return i if 0 <= i < len(self.rows) else None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), qcolor(self.theme.panel))
        metrics, high = QFontMetrics(self.font()), self._high
        self._legend(painter, metrics)
        name = max((metrics.horizontalAdvance(row.name) for row in self.rows), default=0) + GAP
        number = max((metrics.horizontalAdvance(row.number) for row in self.rows), default=0) + GAP
        name = min(name, self.width() // 2)
        room = max(10, self.width() - name - number - 2 * GAP)
        most = max((sum(row.parts) for row in self.rows), default=0) or 1
        for i, row in enumerate(self.rows, 1):
            y = i * high
            painter.setPen(qcolor(self.theme.text))
            words = metrics.elidedText(row.name, Qt.TextElideMode.ElideMiddle, name)
            painter.drawText(QRectF(GAP, y, name, high), Qt.AlignmentFlag.AlignVCenter, words)
            x = float(GAP + name)
            for part, size in enumerate(row.parts):
                wide = size / most * room
                painter.fillRect(QRectF(x, y + 3, wide, high - 6), self._brush(part))
                x += wide
            painter.setPen(qcolor(self.theme.dim))
            painter.drawText(QRectF(x + GAP, y, number, high), Qt.AlignmentFlag.AlignVCenter, row.number)
        painter.end()

    def _brush(self, part: int) -> QBrush:
        colour: RGB = self.theme.series[part % len(self.theme.series)]
        return QBrush(qcolor(colour), PATTERNS[part % len(PATTERNS)])

    def _legend(self, painter: QPainter, metrics: QFontMetrics) -> None:
        x = float(GAP)
        for part, name in enumerate(self.legend):
            painter.fillRect(QRectF(x, 5, 12, self._high - 10), self._brush(part))
            painter.setPen(qcolor(self.theme.dim))
            painter.drawText(QRectF(x + 16, 0, self.width(), self._high), Qt.AlignmentFlag.AlignVCenter, name)
            x += 16 + metrics.horizontalAdvance(name) + 14

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        i = self.row_at(event.position().y())
        if i is None or not self.rows[i].details:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.rows[i].details, self)
