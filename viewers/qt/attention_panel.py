"""Attention: every head as one mosaic, and the chosen one large, with its tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSplitter, QTabWidget, QVBoxLayout, QWidget

from engine.analysis.habits import mean_habits
from engine.snapshot import Snapshot
from viewers.actions import key_of
from viewers.attention import head_picture, head_title
from viewers.qt.arcs import Arcs
from viewers.qt.canvas import Heat
from viewers.qt.mosaic import EMPTY, Mosaic
from viewers.qt.panel import Desk, Panel, dim_label, each
from viewers.view import AttentionView

Array = np.ndarray
LIMIT = "What a head looks at is not proof of why the model says what it says."
WAYS = {"wall": "All heads", "layer": "One layer", "head": "One head"}
COLOURS = {"√": "√ scale", "even": "Even scale", "log": "Log scale", "row": "By row"}


class Looks(QWidget):
    """How attention is drawn: what, by which scale, with the first token or without."""

    changed = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self.what, self.scale, self.first = QComboBox(), QComboBox(), QCheckBox("Without first token")
        for choice, words, name in ((self.what, WAYS, "What is shown"), (self.scale, COLOURS, "Scale of the colours")):
            for key, word in words.items():
                choice.addItem(word, key)
            choice.setAccessibleName(name)
        self.what.setToolTip(f"{key_of('attention_view')}: the heads of all layers, those of one, or one alone")
        self.scale.setToolTip(f"{key_of('attention_scale')}: how shares become colours")
        self.first.setToolTip(f"{key_of('hide_first')}: leaves it out and divides each row by the sum of the rest")
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for widget in (self.what, self.scale, self.first):
            box.addWidget(widget)
        box.addStretch(1)
        self.what.activated.connect(lambda _: self.changed.emit({"what": self.what.currentData()}))
        self.scale.activated.connect(lambda _: self.changed.emit({"scale": self.scale.currentData()}))
        self.first.clicked.connect(lambda on: self.changed.emit({"hides_first": on}))

    def put(self, looks: AttentionView) -> None:
        """Show what is chosen. How alike heads look is a panel of its own; beside it stand all heads."""
        self.what.setCurrentIndex(max(0, self.what.findData(looks.what)))
        self.scale.setCurrentIndex(self.scale.findData(looks.scale))
        self.first.setChecked(looks.hides_first)


class AttentionPanel(Panel):
    name, title = "attention", "Attention"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.mosaic, self.heat, self.arcs = Mosaic(), Heat(EMPTY), Arcs()
        self.says = dim_label(LIMIT)
        self.looks = Looks()
        self._habits: tuple[Snapshot | None, Array] = (None, np.zeros(0))
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.mosaic)
        tabs = self.tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(self.heat, "Map")
        tabs.addTab(self.arcs, "Arcs")
        split.addWidget(tabs)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 3)
        split.setChildrenCollapsible(False)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.looks)
        box.addWidget(split, 1)
        box.addWidget(self.says)
        self.mosaic.chosen.connect(lambda layer, head: desk.look(layer=layer, head=head))
        self.looks.changed.connect(lambda changes: desk.look(attention=replace(desk.view.attention, **changes)))
        self.mosaic.pointed.connect(lambda words: self.says.setText(words or LIMIT))
        self.heat.pointed.connect(lambda *_: self.says.setText(self.sentence))
        self.heat.clicked.connect(lambda row, _: desk.look(token=row))
        self.arcs.clicked.connect(lambda place: desk.look(token=place))
        self.arcs.pointed.connect(self.says.setText)

    def drawn_from(self) -> object:
        s, view = self.desk.snapshot, self.desk.view
        return s and (each(s.attention_rows), s.tokens, s.windows, view.layer, view.head, view.attention, view.query(s))

    def draw_now(self) -> None:
        snapshot, view, theme = self.desk.snapshot, self.desk.view, self.desk.theme
        if snapshot is None:
            return
        layer, head = min(view.layer, snapshot.layers - 1), min(view.head, snapshot.heads - 1)
        looks = view.attention
        self.looks.put(looks)
        self.mosaic.setVisible(looks.what != "head")
        if looks.what != "head":
            self.mosaic.show_snapshot(snapshot, layer, head, theme, looks, self._titles(snapshot, layer))
        if not snapshot.tokens:
            self.heat.show_picture(None, "", theme)
            self.arcs.show_picture(None, 0, theme)
            return
        picture = head_picture(snapshot, layer, head, looks)
        self.heat.show_picture(picture, f"layer {layer}, head {head}", theme)
        self.arcs.show_picture(picture, view.query(snapshot), theme)
        if view.token is not None and view.token < len(snapshot.tokens) and not self.heat.underMouse():
            column = self.heat.cell[1] if self.heat.cell else 0
            self.heat.point_at((view.token, min(column, len(snapshot.tokens) - 1)))

    def _titles(self, snapshot: Snapshot, layer: int) -> tuple[str, ...]:
        """What each head of a layer mostly does; only where it is shown."""
        if self.desk.view.attention.what != "layer":
            return ()
        if not snapshot.habit_rows:
            return tuple(f"H{head}" for head in range(snapshot.heads))
        if self._habits[0] is not snapshot:
            self._habits = (snapshot, mean_habits(snapshot.habit_rows))
        return tuple(head_title(self._habits[1], layer, head) for head in range(snapshot.heads))

    @property
    def sentence(self) -> str:
        if not self.heat.cell:
            return LIMIT
        is_left_out = self.desk.view.attention.hides_first and self.heat.cell[1] == 0
        return self.heat.sentence.replace(": not seen", ": left out") if is_left_out else self.heat.sentence
