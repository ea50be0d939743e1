"""The cache drawn: a square for each slot, by whether the next token sees what lies in it, and where it is written."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from engine.memory import Slots
from viewers.cache_slots import FREE, OLD, SEEN, WRITE, mark_of, position_in
from viewers.palette import readable_on
from viewers.qt.memory_model import NO_CACHE, slot_words, slots_words
from viewers.qt.theme import AT_NIGHT, Theme, qcolor

EDGE = 6
SIDES = (26, 18, 12, 8)  # of a square; the largest with which all of them fit, else the smallest
MEANINGS = ((SEEN, "the next token sees it"), (OLD, "no more"), (FREE, "empty"), (WRITE, "written next"))


class SlotsView(QWidget):
    """Groups of layers whose slots are filled alike, one under the other. The mouse or arrow keys point at a slot."""

    pointed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.slots: Sequence[Slots] = ()
        self.theme: Theme = AT_NIGHT
        self.marked: tuple[int, int] | None = None  # group, slot
        self.room = 0  # pixels that may be used without scrolling
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Slots of the cache")

    def show_slots(self, slots: Sequence[Slots], theme: Theme) -> None:
        self.slots, self.theme = slots, theme
        if self.marked and (self.marked[0] >= len(slots) or self.marked[1] >= slots[self.marked[0]].count):
            self.marked = None
        self.setAccessibleDescription("; ".join(map(slots_words, slots)) or NO_CACHE)
        self._fit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _fit(self) -> None:
        parent = self.parentWidget()
        self.room = parent.height() if parent else self.height()
        self.setMinimumHeight(round(self._height(self.side)))

    def sizeHint(self) -> QSize:
        return QSize(260, round(self._height(self.side)))

    # where things are

    @property
    def _line(self) -> int:
        return QFontMetrics(self.font()).height() + 4

    def _across(self, side: int) -> int:
        return max(1, (self.width() - 2 * EDGE) // side)

    def _height(self, side: int) -> float:
        rows = sum(-(-group.count // self._across(side)) for group in self.slots)
        return 2 * EDGE + self._line * (1 + 2 * len(self.slots)) + side * rows

    @property
    def side(self) -> int:
        """Pixels of a square."""
        return next((side for side in SIDES if self._height(side) <= self.room), SIDES[-1])

    def top_of(self, group: int) -> float:
        """Where a group's heading is."""
        side, across = self.side, self._across(self.side)
        rows = sum(-(-before.count // across) for before in self.slots[:group])
        return EDGE + self._line * (1 + 2 * group) + side * rows

    def box_of(self, group: int, slot: int) -> QRectF:
        """Where a slot is drawn."""
        side, across = self.side, self._across(self.side)
        y = self.top_of(group) + self._line + slot // across * side
        return QRectF(EDGE + slot % across * side, y, side, side)

    def slot_at(self, point: QPointF) -> tuple[int, int] | None:
        """The group and the slot under a point."""
        side, across = self.side, self._across(self.side)
        column, x = int((point.x() - EDGE) // side), point.x()
        for group, slots in enumerate(self.slots):
            row = int((point.y() - self.top_of(group) - self._line) // side)
            slot = row * across + column
            if row >= 0 and x >= EDGE and 0 <= column < across and slot < slots.count:
                return group, slot
        return None

    # drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), self.theme
        painter.fillRect(self.rect(), qcolor(theme.panel))
        painter.setPen(qcolor(theme.dim))
        if not self.slots:
            frame = self.rect().adjusted(12, 12, -12, -12)
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, NO_CACHE)
            return
        self._legend(painter)
        for group, slots in enumerate(self.slots):
            painter.setPen(qcolor(theme.text))
            heading = QRectF(EDGE, self.top_of(group), self.width() - 2 * EDGE, self._line)
            words = self.fontMetrics().elidedText(slots_words(slots), Qt.TextElideMode.ElideRight, int(heading.width()))
            painter.drawText(heading, Qt.AlignmentFlag.AlignVCenter, words)
            for slot in range(slots.count):
                box = self.box_of(group, slot)
                if box.intersects(QRectF(event.rect())):
                    self._square(painter, box, slots, slot)
        if self.marked:
            painter.setPen(QPen(qcolor(theme.text), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.box_of(*self.marked))
        painter.end()

    def _square(self, painter: QPainter, box: QRectF, slots: Slots, slot: int) -> None:
        mark, position = mark_of(slots, slot), position_in(slots, slot)
        self._fill(painter, box.adjusted(0.5, 0.5, -1.5, -1.5), mark)
        words, widest = str(position), str(max(slots.used, *slots.positions, 9))
        if position >= 0 and self.fontMetrics().horizontalAdvance(widest) < box.width() - 3:
            painter.setPen(qcolor(readable_on(self._colour(mark)) if mark in (SEEN, WRITE) else self.theme.text))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _colour(self, mark: str) -> tuple[int, int, int]:
        return self.theme.series[1] if mark == WRITE else self.theme.series[0]

    def _fill(self, painter: QPainter, box: QRectF, mark: str) -> None:
        """A square: full, textured where it is seen no more, empty; what is written next has a corner cut in."""
        pattern = {FREE: Qt.BrushStyle.NoBrush, OLD: Qt.BrushStyle.Dense6Pattern}.get(mark, Qt.BrushStyle.SolidPattern)
        painter.setPen(QPen(qcolor(self.theme.line), 1))
        painter.setBrush(QBrush(qcolor(self._colour(mark)), pattern))
        painter.drawRect(box)

    def _legend(self, painter: QPainter) -> None:
        x, metrics, size = float(EDGE), self.fontMetrics(), self._line - 8
        for mark, words in MEANINGS:
            self._fill(painter, QRectF(x, EDGE + 3, size, size), mark)
            painter.setPen(qcolor(self.theme.dim))
            room = QRectF(x + size + 4, EDGE, self.width(), self._line)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, words)
            x += size + 4 + metrics.horizontalAdvance(words) + 14

    # mouse and keys

    def point_at(self, cursor: tuple[int, int] | None) -> None:
        """Go to a slot, and say what is in it."""
        if cursor != self.marked:
            self.marked = cursor
            self.update()
            self.pointed.emit(self.sentence)

    @property
    def sentence(self) -> str:
        return slot_words(self.slots[self.marked[0]], self.marked[1]) if self.marked else ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.slot_at(event.position())
        self.point_at(found)
        if found is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.sentence, self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        across = self._across(self.side)
        steps = {Qt.Key.Key_Up: -across, Qt.Key.Key_Down: across, Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() not in steps or not self.slots:
            super().keyPressEvent(event)
            return
        group, slot = self.marked or (0, -1)
        slot += steps[Qt.Key(event.key())]
        if slot < 0 and group:
            group, slot = group - 1, self.slots[group - 1].count - 1
        elif slot >= self.slots[group].count and group + 1 < len(self.slots):
            group, slot = group + 1, 0
        self.point_at((group, min(max(slot, 0), self.slots[group].count - 1)))
