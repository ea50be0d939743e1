"""All heads of all layers as one picture: a row for each layer, a column for each head. A click opens one."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.snapshot import Snapshot
from viewers.qt.mosaic_model import SCALE, Patterns, pooled
from viewers.qt.theme import AT_NIGHT, Theme, qcolor

GAP = 3
EMPTY = "No attention yet: write a prompt, and Enter runs it."


class Mosaic(QWidget):
    """The heads. The chosen one is framed; arrow keys and the mouse choose."""

    chosen = Signal(int, int)
    pointed = Signal(str)

    def __init__(self, empty: str = EMPTY) -> None:
        super().__init__()
        self.empty = empty  # what to say without attention
        self.patterns = Patterns()
        self.theme: Theme = AT_NIGHT
        self.layer = self.head = 0
        self._images: dict[int, QImage] = {}  # by layer
        self._key: object = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(170, 90)

    def sizeHint(self) -> QSize:
        return QSize(240, 240)

    def show_snapshot(self, snapshot: Snapshot, layer: int, head: int, theme: Theme) -> None:
        self.show_patterns(self.patterns.take(snapshot), layer, head, theme)

    def show_patterns(self, changed: bool, layer: int, head: int, theme: Theme) -> None:
        """Draw `patterns`, which may have changed, with this head chosen."""
        if changed:
            self._key = None
        if changed or (layer, head, theme) != (self.layer, self.head, self.theme):
            self.layer, self.head, self.theme = layer, head, theme
            layers, heads = self.patterns.levels.shape[:2]
            self.setAccessibleDescription(
                f"attention of {layers} layers with {heads} heads each over {self.patterns.tokens} tokens; "
                f"layer {layer}, head {head} is chosen"
            )
            self.update()

    # where the heads are

    def grid(self) -> tuple[QRectF, float, float]:
        """Where the heads lie, and how wide and high one is with its gap."""
        layers, heads = self.patterns.levels.shape[:2]
        metrics = QFontMetrics(self.font())
        left, top = metrics.horizontalAdvance("L99") + GAP, metrics.height() + GAP
        wide, high = self.width() - left - GAP, self.height() - top - 2 * metrics.height()
        side = max(6.0, min(wide / max(heads, 1), high / max(layers, 1)))
        return QRectF(left, top, side * heads, side * layers), side, side

    def head_at(self, point: QPointF) -> tuple[int, int] | None:
        """Layer and head under a point."""
        layers, heads = self.patterns.levels.shape[:2]
        box, wide, high = self.grid()
        if not box.contains(point) or not self.patterns.tokens:
            return None
        layer, head = int((point.y() - box.top()) / high), int((point.x() - box.left()) / wide)
        return min(layer, layers - 1), min(head, heads - 1)

    # drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.draw(painter)
        painter.end()

    def draw(self, painter: QPainter) -> None:
        theme = self.theme
        painter.fillRect(self.rect(), qcolor(theme.panel))
        layers = self.patterns.levels.shape[0]
        if not self.patterns.tokens or not layers:
            painter.setPen(qcolor(theme.dim))
            frame = self.rect().adjusted(12, 12, -12, -12)
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.empty)
            return
        box, wide, high = self.grid()
        self._fill(box, wide)
        for layer in range(layers):
            painter.drawImage(QRectF(box.left(), box.top() + layer * high, box.width(), high), self._images[layer])
        self._labels(painter, box, wide, high)
        painter.setPen(QPen(qcolor(theme.accent), 2))
        x, y = box.left() + self.head * wide, box.top() + self.layer * high
        painter.drawRect(QRectF(x - 1, y - 1, wide - GAP + 2, high - GAP + 2))

    def _fill(self, box: QRectF, side: float) -> None:
        """Make the images, one a layer, at the screen's own resolution."""
        ratio = self.devicePixelRatioF()
        pixels = max(2, round((side - GAP) * ratio))
        key = (pixels, self.theme.is_dark)
        if key == self._key:
            return
        self._key = key
        levels = pooled(self.patterns.levels, pixels)
        colours = [qcolor(c).rgb() for c in (self.theme.absent, *self.theme.map(SCALE.kind), self.theme.panel)]
        cells = levels.shape[-1]
        at = np.arange(pixels) * cells // pixels  # each pixel's cell: sharp edges, at whole pixels
        gap, total = max(1, round(GAP * ratio)), max(3, round(side * ratio))
        for layer, heads in enumerate(levels):
            tile = heads[:, at][:, :, at]
            wide = total * len(heads)
            stride = (wide + 3) // 4 * 4
            image = np.full((pixels + gap, stride), len(colours) - 1, np.uint8)
            for head, shown in enumerate(tile):
                image[:pixels, head * total : head * total + pixels] = shown
            made = QImage(image.data, wide, pixels + gap, stride, QImage.Format.Format_Indexed8)
            made.setColorTable(colours)
            self._images[layer] = made.copy()

    def _labels(self, painter: QPainter, box: QRectF, wide: float, high: float) -> None:
        layers, heads = self.patterns.levels.shape[:2]
        metrics = QFontMetrics(self.font())
        painter.setPen(qcolor(self.theme.dim))
        step = max(1, round(metrics.height() / high + 0.49))
        for layer in range(0, layers, step):
            room = QRectF(0, box.top() + layer * high, box.left() - GAP, high - GAP)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"L{layer}")
        step = max(1, round(metrics.horizontalAdvance("H99 ") / wide + 0.49))
        for head in range(0, heads, step):
            room = QRectF(box.left() + head * wide, 0, wide * step - GAP, metrics.height())
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, f"H{head}")
        first = self.patterns.first
        said = f"share, √ scale 0 to 1{f'; from token {first} on' if first else ''}"
        room = QRectF(GAP, box.bottom(), self.width() - GAP, 2.0 * metrics.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap, said)

    # mouse and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.head_at(event.position())
        self.pointed.emit(f"layer {found[0]}, head {found[1]}: a click opens it" if found else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and (found := self.head_at(event.position())):
            self.chosen.emit(*found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}
        if event.key() not in steps:
            super().keyPressEvent(event)
            return
        down, right = steps[Qt.Key(event.key())]
        layers, heads = self.patterns.levels.shape[:2]
        self.chosen.emit(min(max(self.layer + down, 0), layers - 1), min(max(self.head + right, 0), heads - 1))
