"""The pinned prompt as it is learned: all heads, or one of them large, at the checkpoint that the slider stands on."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QSpinBox, QTabWidget, QVBoxLayout, QWidget

from engine.text import visible
from engine.training.snapshot import Seen, TrainingSnapshot
from viewers.qt.canvas import Heat
from viewers.qt.mosaic import Mosaic
from viewers.qt.panel import Is, dim_label, in_scroll
from viewers.qt.pinned_model import PinnedPatterns, checkpoint_words, pinned_picture, place_of
from viewers.qt.theme import Theme

EMPTY = "Attention over the pinned prompt is shown here, from before the first update on."
NO_SAMPLE = "At each checkpoint the model goes on with the pinned prompt; what it writes stands here."
ALL, ONE, SAMPLE = range(3)


class PinnedMosaic(Mosaic):
    """All heads of the pinned prompt; a click opens one."""

    opened = Signal()

    def __init__(self) -> None:
        super().__init__(EMPTY)
        self.pinned = PinnedPatterns()
        self.patterns = self.pinned

    def show_seen(self, seen: Seen | None, layer: int, head: int, theme: Theme) -> None:
        self.show_patterns(self.pinned.take_seen(seen), layer, head, theme)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        if self.head_at(event.position()) is not None:
            self.opened.emit()


class PinnedView(QWidget):
    """layer, head   that are chosen       at   the update of the checkpoint that is shown, None for the newest"""

    changed = Signal()  # something else is to be drawn
    pointed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.run = TrainingSnapshot()
        self.at: int | None = None
        self._drawn: object = None
        self.layer = self.head = 0
        self.mosaic, self.heat, self.sample = PinnedMosaic(), Heat(EMPTY), dim_label(NO_SAMPLE)
        self.slider, self.when, self.tabs = QSlider(Qt.Orientation.Horizontal), QLabel(), QTabWidget()
        self.spins = {"layer": QSpinBox(), "head": QSpinBox()}
        self.slider.setAccessibleName("Checkpoint")
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setPageStep(1)
        self.when.setWordWrap(True)
        self.tabs.setDocumentMode(True)
        for page, title in ((self.mosaic, "All heads"), (self._one(), "One head"), (in_scroll(self.sample), "Sample")):
            self.tabs.addTab(page, title)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for widget in (self.tabs, self.slider, self.when):
            box.addWidget(widget, 1 if widget is self.tabs else 0)
        self._wire()

    def _one(self) -> QWidget:
        page, row = QWidget(), QHBoxLayout()
        box = QVBoxLayout(page)
        box.setContentsMargins(0, 4, 0, 0)
        for name, spin in self.spins.items():
            spin.setAccessibleName(name.capitalize())
            row.addWidget(QLabel(name))
            row.addWidget(spin)
        row.addStretch(1)
        box.addLayout(row)
        box.addWidget(self.heat, 1)
        return page

    def _wire(self) -> None:
        self.slider.valueChanged.connect(self._slid)
        self.mosaic.chosen.connect(self.choose)
        self.mosaic.opened.connect(lambda: self.tabs.setCurrentIndex(ONE))
        self.mosaic.pointed.connect(self.pointed)
        self.heat.pointed.connect(lambda *_: self.pointed.emit(self.heat.sentence))
        self.tabs.currentChanged.connect(lambda _: self.changed.emit())
        for spin in self.spins.values():
            spin.valueChanged.connect(lambda _: self.choose(self.spins["layer"].value(), self.spins["head"].value()))

    def choose(self, layer: int, head: int) -> None:
        """Look at another head."""
        if (layer, head) != (self.layer, self.head):
            self.layer, self.head = layer, head
            self.changed.emit()

    def _slid(self, place: int) -> None:
        seen = self.run.seen
        self.at = None if place >= len(seen) - 1 else seen[place].step
        self.changed.emit()

    @property
    def seen(self) -> Seen | None:
        """The checkpoint that is shown."""
        return self.run.seen[place_of(self.run, self.at)] if self.run.seen else None

    def drawn_from(self) -> object:
        return self.at, self.layer, self.head, self.tabs.currentIndex()

    def show_run(self, run: TrainingSnapshot, theme: Theme) -> None:
        """Draw this; the newest checkpoint, unless an older one is looked at. Another run begins at its newest."""
        if run.out != self.run.out:
            self.at, self.layer, self.head = None, 0, 0
        self.run = run
        place, seen = place_of(run, self.at), self.seen
        self._put(place)
        layers, heads = (seen.layers, seen.heads) if seen else (1, 1)
        self.layer, self.head = min(self.layer, max(0, layers - 1)), min(self.head, max(0, heads - 1))
        for name, value, count in (("layer", self.layer, layers), ("head", self.head, heads)):
            spin = self.spins[name]
            spin.blockSignals(True)
            spin.setRange(0, max(0, count - 1))
            spin.setValue(value)
            spin.setEnabled(count > 1)
            spin.blockSignals(False)
        self.mosaic.show_seen(seen, self.layer, self.head, theme)
        self._show_head(seen, theme)
        words = NO_SAMPLE if seen is None else f"“{visible(seen.prompt)}” goes on: {visible(seen.continuation)}"
        self.sample.setText(words)

    def _put(self, place: int) -> None:
        """The slider on a checkpoint of those that there are now."""
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(self.run.seen) - 1))
        self.slider.setValue(max(0, place))
        self.slider.blockSignals(False)
        self.slider.setEnabled(len(self.run.seen) > 1)
        self.when.setText(checkpoint_words(self.run, place))
        self.slider.setAccessibleDescription(self.when.text())

    def _show_head(self, seen: Seen | None, theme: Theme) -> None:
        if seen is None or not seen.patterns:
            self.heat.show_picture(None, "", theme)
            return
        title = f"layer {self.layer}, head {self.head}"
        key = (Is(seen), title, theme)
        if key != self._drawn:
            self._drawn = key
            self.heat.show_picture(pinned_picture(seen, self.layer, self.head), title, theme)
