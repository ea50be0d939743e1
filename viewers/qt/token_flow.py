"""The text as the model sees it: tokens in reading order, coloured by how well each was foreseen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from engine.snapshot import Snapshot
from engine.text import visible
from viewers.actions import key_of
from viewers.differing import MOST_KL, difference_at, difference_sentence, drift_shade, flipped
from viewers.palette import RGB, blend, readable_on
from viewers.qt.theme import AT_NIGHT, Theme, letters, qcolor
from viewers.tokens import surprise, token_sentence, why_not_drawn
from viewers.view import DIFFERENCE, View

PAD, GAP = 3, 2
EMPTY = "No text yet: write a prompt above, and Enter runs it."
LEGENDS = {
    "probability": ("p 1", "p ≤ 0.0001"),
    "entropy": ("entropy 0", "log V"),
    DIFFERENCE: ("KL 0", f"≥ {MOST_KL:g} nat, √; framed: another first choice"),
}


class TokenFlow(QWidget):
    """Tokens in reading order. The cursor stands on one, or behind the last, where the next one comes."""

    moved = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.snapshot: Snapshot | None = None
        self.view = View()
        self.theme: Theme = AT_NIGHT
        self._boxes: list[QRect] = []
        self._texts: list[str] = []
        self.setFont(letters(self.font()))
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_text(self, snapshot: Snapshot | None, view: View, theme: Theme) -> None:
        self.snapshot, self.view, self.theme = snapshot, view, theme
        tokens = snapshot.tokens if snapshot else ()
        texts = [visible(token.text, spaces=True) or "∅" for token in tokens] + ["▁"]
        if texts != self._texts:
            self._texts = texts
            self.updateGeometry()
        self._boxes = self._laid_out(self.width())
        self.setMinimumHeight(self.heightForWidth(self.width()))
        self.setAccessibleDescription(visible("".join(token.text for token in tokens)) or EMPTY)
        self.update()

    def heightForWidth(self, width: int) -> int:
        boxes = self._laid_out(width)
        return (boxes[-1].bottom() if boxes else 0) + 8

    def sizeHint(self) -> QSize:
        return QSize(280, self.heightForWidth(280))

    def resizeEvent(self, event: QEvent) -> None:
        self._boxes = self._laid_out(self.width())
        self.setMinimumHeight(self.heightForWidth(self.width()))

    def _laid_out(self, width: int) -> list[QRect]:
        """A box for each token and one behind them; a token that ends a line begins another."""
        metrics = QFontMetrics(self.font())
        high, boxes, x, y = metrics.height() + 4, list[QRect](), 4, 4
        for text in self._texts:
            wide = min(metrics.horizontalAdvance(text) + PAD, max(20, width - 8))
            if x + wide > width - 4 and x > 4:
                x, y = 4, y + high + GAP
            boxes.append(QRect(x, y, wide, high))
            x += wide + 1
            if text.endswith("↵"):
                x, y = 4, y + high + GAP
        return boxes

    def box_of(self, place: int) -> QRect:
        """Where a token is drawn."""
        return self._boxes[min(place, len(self._boxes) - 1)] if self._boxes else QRect()

    def token_at(self, point: QPointF) -> int | None:
        return next((i for i, box in enumerate(self._boxes) if box.contains(point.toPoint())), None)

    def says(self, place: int) -> str:
        """What there is to say of a place."""
        snapshot = self.snapshot
        if snapshot is None or not snapshot.tokens:
            return EMPTY
        if place >= len(snapshot.tokens):
            return f"next token, {place}: {why_not_drawn(snapshot)}"
        if self.view.colouring == DIFFERENCE:
            return difference_sentence(snapshot, place)
        return token_sentence(snapshot.tokens[place], place)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        snapshot, theme = self.snapshot, self.theme
        painter.fillRect(self.rect(), qcolor(theme.panel))
        if snapshot is None or not snapshot.tokens:
            painter.setPen(qcolor(theme.dim))
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), Qt.TextFlag.TextWordWrap, EMPTY)
            return
        place = self.view.place(snapshot)
        for i, (box, text) in enumerate(zip(self._boxes, self._texts, strict=True)):
            if not box.intersects(event.rect()):
                continue
            token = snapshot.tokens[i] if i < len(snapshot.tokens) else None
            shade = theme.panel if token is None else self._shade(snapshot, i)
            painter.fillRect(box, qcolor(shade))
            ink = readable_on(shade) if shade != theme.panel else theme.text
            painter.setPen(qcolor(ink if token is not None else theme.dim))
            inner = QRectF(box).adjusted(1, 0, 1, 0)
            words = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, words)
            if token is not None and token.generated:
                painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), qcolor(theme.dim))
            if token is not None and token.siblings:
                painter.fillRect(QRect(box.right() - 3, box.top(), 4, 4), qcolor(theme.accent))
            if self.view.colouring == DIFFERENCE and flipped(snapshot, i):
                painter.setPen(QPen(qcolor(theme.text), 1))
                painter.drawRect(box.adjusted(0, 0, -1, -1))
            if i == place:
                painter.setPen(QPen(qcolor(theme.accent), 2))
                painter.drawRect(box.adjusted(0, 0, 0, 0))
        painter.end()

    def _shade(self, snapshot: Snapshot, place: int) -> RGB:
        """The ground of a token."""
        token, how, theme = snapshot.tokens[place], self.view.colouring, self.theme
        if how == "none":
            return blend(theme.panel, theme.text, 0.08 if place % 2 else 0.0)
        if how == DIFFERENCE:
            amount = drift_shade(difference_at(snapshot, place))
        else:
            amount = surprise(token, how, snapshot.vocab)
        return blend(theme.panel, theme.surprise, amount or 0.0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.token_at(event.position())
        if place is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.says(place).replace("<", "‹"), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.token_at(event.position())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.moved.emit(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.snapshot is None or not self._boxes:
            super().keyPressEvent(event)
            return
        place, last = self.view.place(self.snapshot), len(self.snapshot.tokens)
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            place += 1 if event.key() == Qt.Key.Key_Right else -1
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            place = self._beside(place, 1 if event.key() == Qt.Key.Key_Down else -1)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            place = last if event.key() == Qt.Key.Key_End else 0
        else:
            super().keyPressEvent(event)
            return
        self.moved.emit(min(max(place, 0), last))

    def _beside(self, place: int, down: int) -> int:
        """The token in the line below or above."""
        here = self.box_of(place)
        high = here.height() + GAP
        line = [i for i, box in enumerate(self._boxes) if abs(box.top() - here.top() - down * high) < 2]
        return min(line, key=lambda i: abs(self._boxes[i].left() - here.left()), default=place)


class Legend(QWidget):
    """What plain and full colour of a token mean."""

    def __init__(self) -> None:
        super().__init__()
        self.colouring, self.theme = "probability", AT_NIGHT
        self.setFixedHeight(QFontMetrics(self.font()).height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme, metrics = QPainter(self), self.theme, QFontMetrics(self.font())
        painter.setPen(qcolor(theme.dim))
        if self.colouring == "none":
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignVCenter, f"not coloured; {key_of('colouring')} colours the text"
            )
            return
        low, high = LEGENDS[self.colouring]
        x = 0
        painter.drawText(QPointF(x, metrics.ascent() + 2), low)
        x += metrics.horizontalAdvance(low) + 6
        for i in range(40):
            painter.fillRect(QRect(x + 2 * i, 3, 2, self.height() - 6),
                             qcolor(blend(theme.panel, theme.surprise, i / 39)))  # fmt: skip
        x += 86
        room = self.width() - x
        words = f"{high}   {key_of('colouring')}: otherwise"
        words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(x, metrics.ascent() + 2), words)
        painter.end()
