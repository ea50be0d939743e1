"""Many heads as one picture: those of all layers, a row for each, or those of one layer. A click opens one."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.snapshot import Snapshot
from viewers.attention import about_shares
from viewers.qt.mosaic_model import SCALE, USUAL, Patterns, Tiling, pooled, tiling
from viewers.qt.theme import AT_NIGHT, Theme, qcolor
from viewers.view import AttentionView

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
        self.only: int | None = None  # the layer whose heads are shown; None: all
        self.titles: tuple[str, ...] = ()
        self._images: dict[int, QImage] = {}  # by row
        self._key: object = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(170, 90)

    def sizeHint(self) -> QSize:
        return QSize(240, 240)

    def show_snapshot(self, snapshot: Snapshot, layer: int, head: int, theme: Theme,
                      looks: AttentionView = USUAL, titles: tuple[str, ...] = ()) -> None:  # fmt: skip
        """The heads of all layers, or of one, with a title each."""
        only = layer if looks.what == "layer" else None
        is_other = (only, titles) != (self.only, self.titles)
        self.only, self.titles = only, titles
        self.show_patterns(self.patterns.take(snapshot, looks) or is_other, layer, head, theme)

    def show_patterns(self, changed: bool, layer: int, head: int, theme: Theme) -> None:
        """Draw `patterns`, which may have changed, with this head chosen."""
        if changed:
            self._key = None
        if changed or (layer, head, theme) != (self.layer, self.head, self.theme):
            self.layer, self.head, self.theme = layer, head, theme
            layers, heads = self.patterns.levels.shape[:2]
            which = (
                f"{layers} layers with {heads} heads each" if self.only is None else f"{heads} heads of layer {layer}"
            )
            self.setAccessibleDescription(
                f"attention of {which} over {self.patterns.tokens} tokens, {about_shares(self.patterns.looks)}; "
                f"layer {layer}, head {head} is chosen"
            )
            self.update()

    # where the heads are

    def tiles(self) -> Tiling:
        """Which head stands where."""
        layers, heads = self.patterns.levels.shape[:2]
        _, wide, high = self._room()
        return tiling(layers, heads, self.only, wide, high, self._title_high)

    @property
    def _title_high(self) -> float:
        return 0.0 if self.only is None else QFontMetrics(self.font()).height() + 1.0

    def _room(self) -> tuple[QPointF, float, float]:
        """What the heads may have: the corner, how wide, how high."""
        metrics = QFontMetrics(self.font())
        left, top = metrics.horizontalAdvance("L99") + GAP, metrics.height() + GAP
        if self.only is not None:
            left, top = 2 * GAP, GAP
        return QPointF(left, top), self.width() - left - GAP, self.height() - top - 2.0 * metrics.height()

    def grid(self) -> tuple[QRectF, float, float]:
        """Where the heads lie, and how far it is from one to the next, across and down."""
        tiles, (corner, wide, high) = self.tiles(), self._room()
        title = self._title_high
        ratio = self.devicePixelRatioF()  # whole pixels of the screen, so that the images are drawn as they are
        side = max(6.0, min(wide / max(tiles.across, 1), high / max(tiles.down, 1) - title))
        side = int(side * ratio) / ratio
        return QRectF(corner.x(), corner.y(), side * tiles.across, (side + title) * tiles.down), side, side + title

    def head_at(self, point: QPointF) -> tuple[int, int] | None:
        """Layer and head under a point."""
        box, wide, high = self.grid()
        if not box.contains(point) or not self.patterns.tokens:
            return None
        tiles = self.tiles()
        row, column = int((point.y() - box.top()) / high), int((point.x() - box.left()) / wide)
        return tiles.head_at(min(row, tiles.down - 1), min(column, tiles.across - 1))

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
        tiles, title = self.tiles(), self._title_high
        self._fill(tiles, wide)
        for row, image in self._images.items():
            painter.drawImage(QPointF(box.left(), box.top() + row * high + title), image)
        if self.only is None:
            self._labels(painter, box, wide, high)
        else:
            self._titles(painter, box, wide, high)
        self._legend(painter, box)
        painter.setPen(QPen(qcolor(theme.accent), 2))
        row, column = tiles.place_of(self.layer, self.head)
        x, y = box.left() + column * wide, box.top() + row * high + title
        painter.drawRect(QRectF(x - 1, y - 1, wide - GAP + 2, wide - GAP + 2))

    def _fill(self, tiles: Tiling, side: float) -> None:
        """Make the images, one a row, at the screen's own resolution."""
        ratio = self.devicePixelRatioF()
        pixels = max(2, round((side - GAP) * ratio))
        key = (pixels, self.theme, tiles)
        if key == self._key:
            return
        self._key = key
        self._images.clear()
        levels = self.patterns.levels if tiles.layer is None else self.patterns.levels[tiles.layer : tiles.layer + 1]
        levels = pooled(levels, pixels)
        colours = [qcolor(c).rgb() for c in (self.theme.absent, *self.theme.map(SCALE.kind), self.theme.panel)]
        cells = levels.shape[-1]
        at = np.arange(pixels) * cells // pixels  # each pixel's cell: sharp edges, at whole pixels
        gap, total = max(1, round(GAP * ratio)), max(3, round(side * ratio))
        for row in range(tiles.down):
            shown = tiles.heads_of(row)
            tile = levels[row if tiles.layer is None else 0, shown.start : shown.stop][:, at][:, :, at]
            wide = total * tiles.across
            stride = (wide + 3) // 4 * 4
            image = np.full((pixels + gap, stride), len(colours) - 1, np.uint8)
            for column, pattern in enumerate(tile):
                image[:pixels, column * total : column * total + pixels] = pattern
            made = QImage(image.data, wide, pixels + gap, stride, QImage.Format.Format_Indexed8)
            made.setColorTable(colours)
            made.setDevicePixelRatio(ratio)
            self._images[row] = made.convertToFormat(QImage.Format.Format_RGB32)

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

    def _titles(self, painter: QPainter, box: QRectF, wide: float, high: float) -> None:
        """Above each head of the layer what it is."""
        metrics, tiles = QFontMetrics(self.font()), self.tiles()
        for head, words in enumerate(self.titles):
            row, column = tiles.place_of(self.layer, head)
            painter.setPen(qcolor(self.theme.accent if head == self.head else self.theme.dim))
            room = QRectF(box.left() + column * wide, box.top() + row * high, wide - GAP, self._title_high)
            said = words if metrics.horizontalAdvance(words) <= room.width() else words.split(" ")[0]
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)

    def _legend(self, painter: QPainter, box: QRectF) -> None:
        metrics, first = QFontMetrics(self.font()), self.patterns.first
        said = f"{about_shares(self.patterns.looks)}, 0 to 1{f'; from token {first} on' if first else ''}"
        room = QRectF(GAP, box.bottom(), self.width() - GAP, 2.0 * metrics.height())
        painter.setPen(qcolor(self.theme.dim))
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
        if self.only is None:
            layer, head = self.layer + down, self.head + right
        else:
            layer, head = self.layer, self.head + right + down * self.tiles().across
        self.chosen.emit(min(max(layer, 0), layers - 1), min(max(head, 0), heads - 1))
