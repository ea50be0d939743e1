"""Charts with lines and bars: pyqtgraph, in the window's colours, with no HTML in any name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPen
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from viewers.palette import RGB, blend, hexed
from viewers.qt.bars import BarLegend
from viewers.qt.theme import Theme, qcolor

WIDTH = 2


class Chart(QWidget):
    """One pair of axes. Lines are named in a legend that is told apart by place and colour; `pointed` says where."""

    clicked = Signal(float)
    pointed = Signal(float)

    def __init__(self, across: str, up: str, description: str, empty: str = "") -> None:
        import pyqtgraph

        pyqtgraph.setConfigOptions(imageAxisOrder="row-major", antialias=True)
        super().__init__()
        self._pg, self._across, self._up = pyqtgraph, across, up
        self.plot = pyqtgraph.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setAccessibleName(description)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.plot)
        self._empty = QLabel(empty)  # stands where there is no line yet
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("dim", True)
        self._empty.setWordWrap(True)
        box.addWidget(self._empty)
        self._lines: dict[str, Any] = {}
        self._legend = self.plot.addLegend(offset=(-8, 4), labelTextSize="9pt")
        self._cursor = pyqtgraph.InfiniteLine(angle=90, movable=False)
        self._cursor.setVisible(False)
        self.plot.addItem(self._cursor)
        self.plot.scene().sigMouseClicked.connect(self._was_clicked)
        self.plot.scene().sigMouseMoved.connect(self._was_pointed)

    def dress(self, theme: Theme) -> None:
        """Put on the theme's colours."""
        self.plot.setBackground(qcolor(theme.panel))
        for side, words in (("bottom", self._across), ("left", self._up)):
            axis = self.plot.getAxis(side)
            axis.setPen(qcolor(theme.line))
            axis.setTextPen(qcolor(theme.dim))
            axis.setLabel(words, color=hexed(theme.dim))
            axis.enableAutoSIPrefix(False)
        self.plot.showGrid(x=False, y=True, alpha=0.15)
        self._cursor.setPen(QPen(qcolor(theme.accent), 0))
        self._legend.setLabelTextColor(qcolor(theme.text))
        for _, label in self._legend.items:
            label.setText(label.text, color=hexed(theme.text))
        self._legend.setBrush(qcolor(blend(theme.panel, theme.raised, 0.6)))

    def without_legend(self) -> None:
        """For one line that the axis names: a legend would only hide some of it."""
        self._legend.setVisible(False)

    def key_above(self) -> BarLegend:
        """A legend above the picture in place of the one in it, which hides some of it where there is little room."""
        self.without_legend()
        key, box = BarLegend(), self.layout()
        assert isinstance(box, QVBoxLayout)
        box.insertWidget(0, key)
        return key

    def name_up(self, words: str) -> None:
        self._up = words

    def line(self, name: str, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, colour: RGB,
             dots: bool = False, joined: bool = True, symbol: str = "o") -> None:  # fmt: skip
        """Draw or change a line; where no number is finite there is none."""
        xs, ys = np.asarray(x, float), np.asarray(y, float)
        if not np.isfinite(ys).any():
            self.keep_only([known for known in self._lines if known != name])
            return
        item = self._lines.get(name)
        if item is None:
            item = self._lines[name] = self.plot.plot(name=name, connect="finite")
        pen = self._pg.mkPen(qcolor(colour), width=WIDTH) if joined else None
        item.setData(xs, ys, pen=pen, connect="finite", symbol=symbol if dots else None,
                     symbolSize=5 if joined else 7,
                     symbolBrush=qcolor(colour), symbolPen=None)  # fmt: skip

    def bars(self, x: np.ndarray, heights: np.ndarray, width: float, colour: RGB) -> None:
        """Draw bars in place of those before."""
        if (old := self._lines.pop("bars", None)) is not None:
            self.plot.removeItem(old)
        item = self._pg.BarGraphItem(x=x, height=heights, width=width, brush=qcolor(colour), pen=None)
        self._lines["bars"] = item
        self.plot.addItem(item)

    def keep_only(self, names: Sequence[str]) -> None:
        """Take away the lines of other names."""
        for name in [name for name in self._lines if name not in names]:
            self.plot.removeItem(self._lines.pop(name))

    def show_or_say(self) -> None:
        """The axes if there is something between them, else words."""
        self.plot.setVisible(bool(self._lines))
        self._empty.setVisible(not self._lines)

    def put_cursor(self, x: float | None) -> None:
        self._cursor.setVisible(x is not None)
        if x is not None:
            self._cursor.setValue(x)

    def span(self, low: float, high: float) -> None:
        self.plot.setXRange(low, high, padding=0.01)

    def label_ticks(self, ticks: Sequence[tuple[float, str]]) -> None:
        """Words at places of the axis that goes across. Those at its ends stand half beyond it, and get the room."""
        axis, metrics = self.plot.getAxis("bottom"), QFontMetrics(self.font())
        half = max((metrics.horizontalAdvance(words) for _, words in ticks), default=0) // 2 + 1
        self.plot.getPlotItem().layout.setContentsMargins(0, 0, half, 0)
        axis.setStyle(hideOverlappingLabels=half)
        axis.setTicks([list(ticks)])

    def _at(self, point: QPointF) -> float | None:
        box = self.plot.getViewBox()
        if not QRectF(box.sceneBoundingRect()).contains(point):
            return None
        return float(box.mapSceneToView(point).x())

    def _was_clicked(self, event: Any) -> None:
        if (x := self._at(event.scenePos())) is not None:
            self.clicked.emit(x)

    def _was_pointed(self, point: QPointF) -> None:
        if (x := self._at(point)) is not None:
            self.pointed.emit(x)
