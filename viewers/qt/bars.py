"""Stacked bars that lie down: a name, a bar of parts, its number. Painted, so that no name is cut without need."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QScrollArea, QToolTip, QVBoxLayout, QWidget

from viewers.palette import blend
from viewers.qt.bar_row import BarRow
from viewers.qt.theme import AT_NIGHT, Theme, qcolor

GAP = 6
PATTERNS = (Qt.BrushStyle.SolidPattern, Qt.BrushStyle.Dense3Pattern, Qt.BrushStyle.Dense5Pattern,
            Qt.BrushStyle.BDiagPattern)  # fmt: skip


class Bars(QWidget):
    """Rows of bars on one scale. Parts differ in texture too; `key` is their legend.

    The mouse or the arrow keys go from row to row, and each says its details; Enter or a click chooses one.
    """

    chosen = Signal(int)
    pointed = Signal(str)  # the details of the row under the cursor

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[BarRow] = ()
        self.legend: Sequence[str] = ()
        self.theme: Theme = AT_NIGHT
        self.marked, self._was_moved = 0, False
        self.key = BarLegend()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_rows(self, rows: Sequence[BarRow], legend: Sequence[str], theme: Theme) -> None:
        self.rows, self.legend, self.theme = rows, legend, theme
        self.key.show_names(legend, theme)
        self.marked = max(0, min(self.marked, len(rows) - 1))
        self.setMinimumHeight(self.sizeHint().height())
        self.setAccessibleDescription("; ".join(f"{row.name.strip()} {row.number}" for row in rows))
        self.update()

    def in_scroll(self) -> QWidget:
        """The legend, and under it a frame that scrolls the bars and follows their cursor."""
        whole, area = QWidget(), QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self)
        self.pointed.connect(lambda _: area.ensureVisible(0, self.box_of(self.marked).center().y(), 0, self._high))
        box = QVBoxLayout(whole)
        box.setContentsMargins(0, 2, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.key)
        box.addWidget(area, 1)
        return whole

    @property
    def sentence(self) -> str:
        """What the row under the cursor says."""
        return self.rows[self.marked].details if self.rows else ""

    @property
    def _high(self) -> int:
        return QFontMetrics(self.font()).height() + 5

    def sizeHint(self) -> QSize:
        return QSize(260, self._high * len(self.rows) + GAP)

    def box_of(self, row: int) -> QRect:
        """Where a row is drawn."""
        return QRect(0, row * self._high, self.width(), self._high)

    def row_at(self, y: float) -> int | None:
        i = int(y // self._high)
        return i if 0 <= i < len(self.rows) else None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), qcolor(self.theme.panel))
        metrics, high = QFontMetrics(self.font()), self._high
        name = max((metrics.horizontalAdvance(row.name) for row in self.rows), default=0) + GAP
        number = max((metrics.horizontalAdvance(row.number) for row in self.rows), default=0) + GAP
        name = min(name, self.width() // 2)
        room = max(10, self.width() - name - number - 2 * GAP)
        most = max((sum(map(finite, row.parts)) for row in self.rows), default=0) or 1
        for i, row in enumerate(self.rows):
            box = self.box_of(i)
            if not box.intersects(event.rect()):
                continue
            if i == self.marked and self._was_moved:
                shade = 0.25 if self.hasFocus() else 0.1
                painter.fillRect(box, qcolor(blend(self.theme.panel, self.theme.accent, shade)))
            y = box.top()
            painter.setPen(qcolor(self.theme.text))
            words = metrics.elidedText(row.name, Qt.TextElideMode.ElideMiddle, name)
            painter.drawText(QRectF(GAP, y, name, high), Qt.AlignmentFlag.AlignVCenter, words)
            x = float(GAP + name)
            for part, size in enumerate(map(finite, row.parts)):
                wide = size / most * room
                painter.fillRect(QRectF(x, y + 3, wide, high - 6), brush_of(part, self.theme))
                x += wide
            painter.setPen(qcolor(self.theme.dim))
            painter.drawText(QRectF(x + GAP, y, number, high), Qt.AlignmentFlag.AlignVCenter, row.number)
        painter.end()

    # mouse and keys

    def _move(self, row: int) -> None:
        self.marked, self._was_moved = max(0, min(row, len(self.rows) - 1)), True
        self.update()
        self.pointed.emit(self.sentence)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        i = self.row_at(event.position().y())
        if i is None or not self.rows[i].details:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.rows[i].details, self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        i = self.row_at(event.position().y())
        if i is not None and event.button() == Qt.MouseButton.LeftButton:
            self._move(i)
            self.chosen.emit(i)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() in steps and self.rows:
            self._move(self.marked + steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.rows:
            self.chosen.emit(self.marked)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()


class BarLegend(QWidget):
    """The parts' names beside their colours and textures; in as many lines as they need."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Sequence[str] = ()
        self.theme: Theme = AT_NIGHT

    def show_names(self, names: Sequence[str], theme: Theme) -> None:
        self.names, self.theme = names, theme
        self._fit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _fit(self) -> None:
        lines = 1 + max((line for line, _, _ in self._places()), default=-1)
        self.setFixedHeight(lines * (QFontMetrics(self.font()).height() + 4))

    def _places(self) -> list[tuple[int, int, str]]:
        """Line, x and words of each name."""
        metrics, places, line, x = QFontMetrics(self.font()), list[tuple[int, int, str]](), 0, GAP
        for name in self.names:
            wide = 16 + metrics.horizontalAdvance(name)
            if x > GAP and x + wide > self.width():
                line, x = line + 1, GAP
            places.append((line, x, name))
            x += wide + 14
        return places

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, high = QPainter(self), QFontMetrics(self.font()).height() + 4
        for part, (line, x, name) in enumerate(self._places()):
            painter.fillRect(QRectF(x, line * high + 4, 12, high - 8), brush_of(part, self.theme))
            painter.setPen(qcolor(self.theme.dim))
            painter.drawText(QRectF(x + 16, line * high, self.width(), high), Qt.AlignmentFlag.AlignVCenter, name)
        painter.end()


def brush_of(part: int, theme: Theme) -> QBrush:
    """The colour and the texture of a part."""
    return QBrush(qcolor(theme.series[part % len(theme.series)]), PATTERNS[part % len(PATTERNS)])


def finite(size: float) -> float:
    """A length, none for what is not a number or has no end."""
    return size if 0 < size < float("inf") else 0.0
