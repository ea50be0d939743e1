"""Who looks at whom: the attention pattern of one head, and small pictures of its neighbours in the layer."""

from __future__ import annotations

import numpy as np
from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip

from app.widgets import heat_cells
from app.widgets.heat_cells import Fit
from app.widgets.heat_map import HeatMap
from app.widgets.patterns import LayerPatterns
from engine.snapshot import Snapshot
from viewers.picture import KEY, QUERY, SHARE, Axis, Picture, Scale, pattern_scale, shrink
from viewers.view import View

SIDES = (16, 12, 8)  # of small pictures, in dots


class AttentionPanel(HeatMap):
    """Up and down choose the layer, left and right the head; Enter takes the cursor inside, Escape out again."""

    title = "Attention"

    class HeadMoved(Message):
        """Another layer or head is wanted, this many further."""

        def __init__(self, layers: int, heads: int) -> None:
            super().__init__()
            self.layers, self.heads = layers, heads

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.inside = False
        self._patterns = LayerPatterns()

    def changed(self, snapshot: Snapshot | None, view: View) -> None:
        if view.token != self.view.token or not self.inside:
            self.cell = None

    def note(self) -> str:
        return f"layer {self.view.layer} head {self.view.head}"

    def pattern(self, snapshot: Snapshot, head: int) -> np.ndarray:
        """(T, T) of one head of the layer."""
        return self._patterns.of(snapshot, self.view.layer)[head]

    def scale(self, snapshot: Snapshot) -> Scale:
        """One scale for all heads of the layer, so that their pictures can be compared."""
        self._patterns.of(snapshot, self.view.layer)
        return pattern_scale(self._patterns.largest)

    def picture(self, snapshot: Snapshot) -> Picture | None:
        if not snapshot.tokens or not snapshot.attention_rows:
            return None
        tokens, count = tuple(token.text for token in snapshot.tokens), len(snapshot.tokens)
        numbers = tuple(range(count))
        values = self.pattern(snapshot, self.view.head)
        rows, columns = Axis(QUERY, count, tokens, numbers), Axis(KEY, count, tokens, numbers)
        return Picture(
            values, rows, columns, self.scale(snapshot), True, f"head {self.view.head} of {snapshot.heads}", SHARE
        )

    def empty(self, snapshot: Snapshot) -> str:
        return "No attention yet. Press i to run a prompt."

    def usual_cell(self, picture: Picture) -> tuple[int, int]:
        """The token under the text's cursor, and what it looks at most."""
        assert self.snapshot is not None
        query = self.view.query(self.snapshot)
        row = picture.values[query]
        return query, int(np.nanargmax(row)) if np.isfinite(row).any() else 0

    def heading(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        if height < 12 or not snapshot.attention_rows:
            return []
        dropped = snapshot.attention_dropped
        words = f"the first {dropped} rows were not kept" if dropped else "no proof of cause"
        name = f"blocks.{self.view.layer}.attn.pattern, head {self.view.head}"
        return [self.row(width).add(name, self.style_of("strong")).add(f" · {words}", self.style_of("dim")).strip()]

    def drawn(self, picture: Picture, width: int, height: int, top: int) -> list[Strip]:
        """The picture of the head, and small ones of all heads: where they cost it nothing, or it is pooled anyway."""
        assert self.snapshot is not None
        heads, full = self.snapshot.heads, self.size_in(picture, width, height)
        for side in SIDES:
            lines = lines_of(heads, side, width)
            left = height - lines
            is_pooled = full[1] > 1 and lines <= height * 2 // 5
            if heads > 1 and left > 0 and (is_pooled or self.size_in(picture, width, left) == full):
                rows = super().drawn(picture, width, left, top)
                return rows + self._thumbnails(self.snapshot, side, width // (side + 2), width)
        return super().drawn(picture, width, height, top)

    def _thumbnails(self, snapshot: Snapshot, side: int, across: int, width: int) -> list[Strip]:
        scale, ground = self.scale(snapshot), self.background_colors[1].hex6
        strips = []
        for first in range(0, snapshot.heads, across):
            heads = range(first, min(first + across, snapshot.heads))
            names = self.row(width)
            for head in heads:
                mine = head == self.view.head
                name = f"{'▸' if mine else ' '}head {head}" if side >= 8 else f"{'▸' if mine else ' '}{head}"
                names.column(name, side + 2, self.style_of("accent" if mine else "dim"))
            strips.append(names.strip())
            pictures = [self._thumbnail(self.pattern(snapshot, head), scale, side, ground) for head in heads]
            for y in range(side // 2):
                row = self.row(width)
                for i, rows in enumerate(pictures):
                    segments = rows[y] if y < len(rows) else []
                    row.extend(segments, sum(len(s.text) for s in segments)).to((i + 1) * (side + 2))
                strips.append(row.strip())
        return strips

    @staticmethod
    def _thumbnail(values: np.ndarray, scale: Scale, side: int, ground: str) -> list[list[Segment]]:
        small, _, _ = shrink(values, side, side)
        zoom = max(1, side // max(small.shape))
        levels = np.repeat(np.repeat(scale.level(small), zoom, 0), zoom, 1)
        return heat_cells.lines(scale.kind, levels, Fit(1, 1), side // 2, ground)

    def move(self, down: int, right: int) -> None:
        if self.inside:
            super().move(down, right)
        else:
            self.post_message(self.HeadMoved(down, right))

    def edge(self, end: bool) -> None:
        if self.inside:
            super().edge(end)
        elif self.snapshot is not None:
            self.post_message(self.HeadMoved(0, self.snapshot.heads if end else -self.snapshot.heads))

    def action_enter(self) -> None:
        self.inside = not self.inside
        if self._picture is not None:
            self.cell = self.cursor if self.inside else None
        self.refresh()

    def clicked(self, x: int, y: int) -> None:
        self.inside = True
        super().clicked(x, y)


def lines_of(heads: int, side: int, width: int) -> int:
    """How many lines small pictures of all heads need, `side` dots high and wide; more than there are if none fits."""
    across = width // (side + 2)
    return -(-heads // across) * (side // 2 + 1) if across else 1 << 30
