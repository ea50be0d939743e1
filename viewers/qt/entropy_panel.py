"""Entropy of attention: how widely each head looks, at one token or in the mean over the text."""

from __future__ import annotations

import warnings

import numpy as np
from PySide6.QtWidgets import QVBoxLayout

from engine.snapshot import Snapshot
from viewers.actions import key_of
from viewers.picture import TOKEN, Axis, Picture, Scale
from viewers.qt.canvas import Heat
from viewers.qt.panel import Desk, Panel, dim_label, each

EMPTY = "No attention yet: write a prompt, and Enter runs it."
WORDS = "0: the head looks at one token; the most there can be, log of the tokens seen: at all alike."


def entropy_picture(snapshot: Snapshot, query: int | None) -> Picture:
    """(layers, heads) in nats: of one token that looks, or the mean over all."""
    entropy = snapshot.entropy()
    if query is not None:
        values, seen = entropy[:, :, query], query + 1
    else:
        with warnings.catch_warnings():  # a head of which nothing was kept has no mean
            warnings.simplefilter("ignore", RuntimeWarning)
            values, seen = np.nanmean(entropy, axis=2), entropy.shape[2]
    scale = Scale("sequential", 0.0, float(np.log(max(seen, 2))), "nats")
    return Picture(values.astype(np.float32), Axis("layer", snapshot.layers), Axis("head", snapshot.heads), scale)


def over_text(snapshot: Snapshot, layer: int) -> Picture:
    """(heads, tokens) of a layer, in nats."""
    texts, count = tuple(token.text for token in snapshot.tokens), len(snapshot.tokens)
    scale = Scale("sequential", 0.0, float(np.log(max(count, 2))), "nats")
    return Picture(snapshot.entropy()[layer], Axis("head", snapshot.heads), Axis(TOKEN, count, texts), scale)


class EntropyPanel(Panel):
    name, title = "entropy", "Entropy"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.heat, self.says = Heat(EMPTY), dim_label(WORDS)
        self.says.setToolTip(
            f"{key_of('entropy_over')}: one token, the mean over the text, the heads of a layer over all tokens"
        )
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.heat, 1)
        box.addWidget(self.says)
        self.heat.pointed.connect(lambda *_: self.says.setText(self.sentence))
        self.heat.clicked.connect(self._look)

    def drawn_from(self) -> object:
        s, view = self.desk.snapshot, self.desk.view
        return s and (
            each(s.entropy_rows),
            len(s.tokens),
            view.over_mean,
            view.layer if view.by_token else None,
            view.query(s),
        )

    def draw_now(self) -> None:
        snapshot, view = self.desk.snapshot, self.desk.view
        if snapshot is None or not snapshot.tokens:
            self.heat.show_picture(None, "", self.desk.theme)
            return
        if view.by_token:
            layer = min(view.layer, snapshot.layers - 1)
            self.heat.show_picture(over_text(snapshot, layer), f"attention entropy, layer {layer}", self.desk.theme)
            return
        query = None if view.over_mean else view.query(snapshot)
        words = f"mean over {len(snapshot.tokens)} tokens" if query is None else f"of token {query}"
        self.heat.show_picture(entropy_picture(snapshot, query), f"attention entropy, {words}", self.desk.theme)

    def _look(self, row: int, column: int) -> None:
        """At a head; where tokens go across, at the token too."""
        if self.desk.view.by_token:
            self.desk.look(head=row, token=column)
        else:
            self.desk.look(layer=row, head=column)

    @property
    def sentence(self) -> str:
        return f"attention entropy: {self.heat.sentence}" if self.heat.cell else WORDS
