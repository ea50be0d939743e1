"""How spread the attention of every head is: layers down, heads across; or the heads of a layer over the text."""

from __future__ import annotations

import warnings

import numpy as np
from textual.message import Message
from textual.strip import Strip

from app.widgets.edges import within
from app.widgets.heat_map import HeatMap
from engine.snapshot import Snapshot
from viewers.picture import TOKEN, Axis, Picture, Scale


class EntropyPanel(HeatMap):
    """Entropy of attention, in nats: 0 looks at one token only, log n spreads over n evenly."""

    title = "Entropy"

    class HeadMoved(Message):
        """Another layer or head is wanted, this many further."""

        def __init__(self, layers: int, heads: int) -> None:
            super().__init__()
            self.layers, self.heads = layers, heads

    class TokenMoved(Message):
        """The token cursor goes to `place`."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    class HeadTaken(Message):
        """The attention of the head under the cursor shall be looked at."""

    def note(self) -> str:
        assert self.snapshot is not None
        if self.view.by_token:
            return f"layer {self.view.layer}, head by head over the text"
        return "mean over the text" if self.view.over_mean else f"of token {self.view.query(self.snapshot)}"

    def picture(self, snapshot: Snapshot) -> Picture | None:
        if not snapshot.tokens or not snapshot.entropy_rows:
            return None
        if self.view.by_token:
            return self.over_text(snapshot)
        values = self.matrix(snapshot)
        count = len(snapshot.tokens) if self.view.over_mean else self.view.query(snapshot) + 1
        scale = Scale("sequential", 0.0, float(np.log(max(count, 2))), "nats")
        layers, heads = Axis("layer", snapshot.layers), Axis("head", snapshot.heads)
        return Picture(values, layers, heads, scale, about=f"nats, log {max(count, 2)}")

    def over_text(self, snapshot: Snapshot) -> Picture:
        """(H, T) of the layer."""
        texts, count = tuple(token.text for token in snapshot.tokens), len(snapshot.tokens)
        scale = Scale("sequential", 0.0, float(np.log(max(count, 2))), "nats")
        heads, tokens = Axis("head", snapshot.heads), Axis(TOKEN, count, texts, tuple(range(count)))
        nats, part = snapshot.entropy()[self.view.layer], f"layer {self.view.layer}"
        return Picture(nats, heads, tokens, scale, slices=part, about=f"nats, log {max(count, 2)}")

    def sentence(self) -> str:
        return (f"layer {self.view.layer}, " if self.view.by_token and self._picture else "") + super().sentence()

    def matrix(self, snapshot: Snapshot) -> np.ndarray:
        """(L, H): of the token under the cursor, or the mean over the tokens that were kept."""
        entropy = snapshot.entropy()
        if not self.view.over_mean:
            return entropy[:, :, self.view.query(snapshot)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a head of which nothing was kept stays NaN
            return np.nanmean(entropy, axis=2)

    def usual_cell(self, picture: Picture) -> tuple[int, int]:
        if self.view.by_token and self.snapshot is not None:
            return self.view.head, self.view.query(self.snapshot)
        return self.view.layer, self.view.head

    def heading(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        words = "0 nats: it looks at one token only; log n: at n tokens evenly. o: one token, the mean, or all tokens."
        return self.wrapped(words, width, 2 if width < 84 else 1, self.style_of("dim")) if height >= 12 else []

    def empty(self, snapshot: Snapshot) -> str:
        return "No attention yet. Press i to run a prompt."

    def move(self, down: int, right: int) -> None:
        if not self.view.by_token:
            self.post_message(self.HeadMoved(down, right))
        elif down:
            self.post_message(self.HeadMoved(0, down))
        elif self.snapshot is not None and self.snapshot.tokens:
            place = self.view.query(self.snapshot) + right
            self.post_message(self.TokenMoved(within(place, len(self.snapshot.tokens))))

    def edge(self, end: bool) -> None:
        if self.snapshot is None:
            return
        if self.view.by_token:
            self.post_message(self.TokenMoved(len(self.snapshot.tokens) - 1 if end else 0))
        else:
            self.post_message(self.HeadMoved(0, self.snapshot.heads if end else -self.snapshot.heads))

    def action_enter(self) -> None:
        self.post_message(self.HeadTaken())

    def clicked(self, x: int, y: int) -> None:
        before = self.cursor if self._picture is not None else (0, 0)
        super().clicked(x, y)
        if self.cell is not None and self.view.by_token:
            self.post_message(self.HeadMoved(0, self.cell[0] - before[0]))
            if self.cell[1] != before[1]:
                self.post_message(self.TokenMoved(self.cell[1]))
        elif self.cell is not None:
            self.post_message(self.HeadMoved(self.cell[0] - before[0], self.cell[1] - before[1]))
        self.cell = None
