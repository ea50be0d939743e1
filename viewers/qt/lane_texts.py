"""Two lanes' texts: each token coloured by how far the lanes' predictions of it are apart."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from engine.side_by_side import LaneText, SideBySide
from engine.text import visible
from viewers.differing import drift_shade
from viewers.palette import blend, readable_on
from viewers.qt.compare_model import EMPTY, is_flipped, kl_at, token_words
from viewers.qt.theme import AT_NIGHT, Theme, letters, qcolor

PAD, GAP, EDGE = 3, 2, 4
LEGEND = ("colour: KL, full from 1 nat on, √ scale", "underlined: another first choice", "framed: another token")


class LaneTexts(QWidget):
    """One text where both lanes read the same; else A's, then B's. A click or the arrow keys go to a token."""

    moved = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.lanes: SideBySide | None = None
        self.theme: Theme = AT_NIGHT
        self.place = 0  # of the cursor
        self._boxes: list[tuple[int, int, QRect, str]] = []  # lane, token, where, words; token -1: a heading
        self.setFont(letters(self.font()))
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Texts of both lanes")

    def show_lanes(self, lanes: SideBySide | None, place: int, theme: Theme) -> None:
        self.lanes, self.place, self.theme = lanes, place, theme
        self._lay_out()
        self.setAccessibleDescription(visible("".join(lanes.b.texts)) if lanes else EMPTY)
        self.update()

    def resizeEvent(self, event: QEvent) -> None:
        self._lay_out()

    def sizeHint(self) -> QSize:
        return QSize(280, self.minimumHeight())

    def _shown(self) -> list[tuple[str, LaneText]]:
        """The texts with their headings."""
        if self.lanes is None:
            return []
        a, b = self.lanes.a, self.lanes.b
        if a.ids == b.ids and a.texts == b.texts:
            return [(f"A and B: {visible(a.name)} | {visible(b.name)}", a)]
        return [(f"A: {visible(a.name)}", a), (f"B: {visible(b.name)}", b)]

    def _lay_out(self) -> None:
        metrics, boxes, y = QFontMetrics(self.font()), list[tuple[int, int, QRect, str]](), EDGE
        high, width = metrics.height() + 4, self.width()
        for lane, (heading, text) in enumerate(self._shown()):
            boxes.append((lane, -1, QRect(EDGE, y, width - 2 * EDGE, high), heading))
            x, y = EDGE, y + high + GAP
            for i, token in enumerate(text.texts):
                words = visible(token, spaces=True) or "∅"
                wide = min(metrics.horizontalAdvance(words) + PAD, max(20, width - 8))
                if x + wide > width - EDGE and x > EDGE:
                    x, y = EDGE, y + high + GAP
                boxes.append((lane, i, QRect(x, y, wide, high), words))
                x += wide + 1
                if words.endswith("↵"):
                    x, y = EDGE, y + high + GAP
            y += high + 2 * GAP
        for words in LEGEND if boxes else ():
            boxes.append((-1, -1, QRect(EDGE, y, width - 2 * EDGE, high), words))
            y += high
        self._boxes = boxes
        self.setMinimumHeight(y + high)

    def token_at(self, point: QPointF) -> int | None:
        """The place of the token under a point."""
        return next((i for _, i, box, _ in self._boxes if i >= 0 and box.contains(point.toPoint())), None)

    def shade(self, place: int) -> float | None:
        """How strongly a token is coloured, 0 to 1; None where nothing was compared."""
        if self.lanes is None:
            return None
        kl = kl_at(self.lanes, place)
        return None if math.isnan(kl) else drift_shade(kl)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), self.theme
        painter.fillRect(self.rect(), qcolor(theme.panel))
        if self.lanes is None:
            painter.setPen(qcolor(theme.dim))
            frame = self.rect().adjusted(12, 12, -12, -12)
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, EMPTY)
            return
        for _, i, box, words in self._boxes:
            if not box.intersects(event.rect()):
                continue
            if i < 0:
                painter.setPen(qcolor(theme.dim))
                cut = self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, box.width())
                painter.drawText(QRectF(box), Qt.AlignmentFlag.AlignVCenter, cut)
            else:
                self._token(painter, i, box, words)
        painter.end()

    def _token(self, painter: QPainter, i: int, box: QRect, words: str) -> None:
        theme, amount = self.theme, self.shade(i)
        assert self.lanes is not None
        colour = blend(theme.panel, theme.surprise, amount or 0.0)
        painter.fillRect(box, qcolor(colour))
        painter.setPen(qcolor(theme.dim if amount is None else readable_on(colour) if amount else theme.text))
        painter.drawText(QRectF(box).adjusted(1, 0, 1, 0), Qt.AlignmentFlag.AlignVCenter, words)
        if is_flipped(self.lanes, i):
            painter.fillRect(QRect(box.left(), box.bottom() - 1, box.width(), 2), qcolor(theme.text))
        if i in self.lanes.unequal:
            painter.setPen(QPen(qcolor(theme.dim), 1))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
        if i == self.place:
            painter.setPen(QPen(qcolor(theme.accent), 2))
            painter.drawRect(box)

    # mouse and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.token_at(event.position())
        if place is None or self.lanes is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), token_words(self.lanes, place).replace("<", "‹"), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.token_at(event.position())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.moved.emit(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() not in steps or self.lanes is None:
            super().keyPressEvent(event)
        else:
            last = max(len(self.lanes.a.ids), len(self.lanes.b.ids)) - 1
            self.moved.emit(min(max(self.place + steps[Qt.Key(event.key())], 0), last))
