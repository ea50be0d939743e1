"""Which heads look alike: the cosine of their attention, averaged over the queries of this text."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QVBoxLayout

from engine.analysis.readings import head_similarity
from engine.snapshot import Snapshot
from viewers.attention import without_first
from viewers.picture import Axis, Picture, Scale
from viewers.qt.canvas import Heat
from viewers.qt.panel import Desk, Is, Panel, dim_label, each

EMPTY = "No attention yet: write a prompt, and Enter runs it."
WORDS = "1: two heads look at the same tokens all along this text; another may part them."


def similarity_picture(snapshot: Snapshot, hides_first: bool = False) -> Picture:
    """(L*H, L*H), 0 to 1; a row and a column for each head, named by layer and head."""
    layers = [
        np.stack([snapshot.attention(layer, head) for head in range(snapshot.heads)])
        for layer in range(snapshot.layers)
    ]
    if hides_first:
        layers = [without_first(layer) for layer in layers]
    names = tuple(f"L{layer} H{head}" for layer in range(snapshot.layers) for head in range(snapshot.heads))
    axis = Axis("head", len(names), names)
    return Picture(head_similarity(layers), axis, axis, Scale("sequential", 0.0, 1.0, "cosine"), square=True)


class SimilarityPanel(Panel):
    name, title = "similarity", "Head similarity"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.heat, self.says = Heat(EMPTY), dim_label(WORDS)
        self._last: Is | None = None  # what is shown while another is made
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.heat, 1)
        box.addWidget(self.says)
        self.heat.pointed.connect(lambda *_: self.says.setText(self.sentence))
        self.heat.clicked.connect(self._open)

    def _picture(self) -> Picture | None:
        """The newest that is made; one of this text is asked for."""
        s, worker = self.desk.snapshot, self.desk.worker
        hides_first = self.desk.view.attention.hides_first
        if s is None or not s.tokens:
            return None
        return worker.ask("similarity", (s.model_name, len(s.tokens), hides_first, each(s.attention_rows)),
                          lambda: similarity_picture(s, hides_first))  # fmt: skip

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        if s is None or not s.tokens:
            return None
        made = self._picture()
        return Is(made) if made is not None else self._last

    def draw_now(self) -> None:
        s, made = self.desk.snapshot, self._picture()
        if s is None or not s.tokens:
            self.heat.show_picture(None, "", self.desk.theme)
        elif made is not None:
            self._last = Is(made)
            left_out = ", without the first token" * self.desk.view.attention.hides_first
            self.heat.show_picture(made, f"head similarity over the text{left_out}", self.desk.theme)

    def _open(self, row: int, _: int) -> None:
        if self.desk.snapshot is not None:
            layer, head = divmod(row, self.desk.snapshot.heads)
            self.desk.look(layer=layer, head=head)

    @property
    def sentence(self) -> str:
        return self.heat.sentence if self.heat.cell else WORDS
