"""Attention: every head as one mosaic, and the chosen one large, with its tokens."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QTabWidget, QVBoxLayout

from engine.snapshot import Snapshot
from viewers.picture import KEY, QUERY, SHARE, Axis, Picture
from viewers.qt.arcs import Arcs
from viewers.qt.canvas import Heat
from viewers.qt.mosaic import EMPTY, Mosaic
from viewers.qt.mosaic_model import SCALE
from viewers.qt.panel import Desk, Panel, dim_label, each

LIMIT = "What a head looks at is not proof of why the model says what it says."


def head_picture(snapshot: Snapshot, layer: int, head: int) -> Picture:
    """The pattern of one head, as it was computed while the text was run."""
    texts = tuple(token.text for token in snapshot.tokens)
    count = len(texts)
    values = snapshot.attention(layer, head)
    return Picture(values, Axis(QUERY, count, texts), Axis(KEY, count, texts), SCALE, square=True, about=SHARE)


class AttentionPanel(Panel):
    name, title = "attention", "Attention"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.mosaic, self.heat, self.arcs = Mosaic(), Heat(EMPTY), Arcs()
        self.says = dim_label(LIMIT)
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
        box.addWidget(split, 1)
        box.addWidget(self.says)
        self.mosaic.chosen.connect(lambda layer, head: desk.look(layer=layer, head=head))
        self.mosaic.pointed.connect(lambda words: self.says.setText(words or LIMIT))
        self.heat.pointed.connect(lambda *_: self.says.setText(self.sentence))
        self.heat.clicked.connect(lambda row, _: desk.look(token=row))
        self.arcs.clicked.connect(lambda place: desk.look(token=place))
        self.arcs.pointed.connect(self.says.setText)

    def drawn_from(self) -> object:
        s, view = self.desk.snapshot, self.desk.view
        return s and (each(s.attention_rows), s.tokens, s.windows, view.layer, view.head, view.query(s))

    def draw_now(self) -> None:
        snapshot, view, theme = self.desk.snapshot, self.desk.view, self.desk.theme
        if snapshot is None:
            return
        layer, head = min(view.layer, snapshot.layers - 1), min(view.head, snapshot.heads - 1)
        self.mosaic.show_snapshot(snapshot, layer, head, theme)
        if not snapshot.tokens:
            self.heat.show_picture(None, "", theme)
            self.arcs.show_picture(None, 0, theme)
            return
        picture = head_picture(snapshot, layer, head)
        self.heat.show_picture(picture, f"layer {layer}, head {head}", theme)
        self.arcs.show_picture(picture, view.query(snapshot), theme)
        if view.token is not None and view.token < len(snapshot.tokens) and not self.heat.underMouse():
            column = self.heat.cell[1] if self.heat.cell else 0
            self.heat.point_at((view.token, min(column, len(snapshot.tokens) - 1)))

    @property
    def sentence(self) -> str:
        return self.heat.sentence if self.heat.cell else LIMIT
