"""Who looks at whom: the attention of one head, of the heads of a layer, or of all; and how alike heads are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from app.widgets import heat_cells
from app.widgets.head_tiles import HeadTiles
from app.widgets.heat_cells import Fit
from engine.snapshot import Snapshot
from engine.text import counted
from viewers.picture import Picture, Scale, shrink
from viewers.view import AttentionView, View

SIDES = (16, 12, 8)  # of small pictures, in dots
LEFT_OUT = "without the first token; each row divided by the sum of the rest"


class AttentionPanel(HeadTiles):
    """One head: up and down choose the layer, left and right the head; Enter takes the cursor inside, Escape out again.
    Many heads: the arrows choose one, Enter shows it alone, Escape goes back."""

    title = "Attention"

    class HeadMoved(Message):
        """Another layer or head is wanted, this many further."""

        def __init__(self, layers: int, heads: int) -> None:
            super().__init__()
            self.layers, self.heads = layers, heads

    class LookChanged(Message):
        """Attention shall be drawn so."""

        def __init__(self, looks: AttentionView) -> None:
            super().__init__()
            self.looks = looks

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.inside = False
        self.came_from = ""  # the view that Enter left

    def changed(self, snapshot: Snapshot | None, view: View) -> None:
        if view.attention.what != self.looks.what:
            self.inside, self.cell, self._patterns = False, None, {}
            self.came_from = self.came_from if self.looks.what == "head" else ""
        if view.token != self.view.token or not self.inside:
            self.around = None
            self.cell = self.cell if self.looks.what == "likeness" else None
        if self.looks.what in ("head", "layer"):
            self._patterns = {i: known for i, known in self._patterns.items() if i == self.view.layer}

    def note(self) -> str | list[tuple[str, Style]]:
        assert self.snapshot is not None
        window, count = self.window(self.snapshot), len(self.snapshot.tokens)
        part = f"tokens {window.first}–{window.last - 1} of {count} · " if window.size < count else ""
        left_out = [("without the first token ", self.style_of("warn"))] if self.looks.hides_first else []
        return [*left_out, (f"{part}layer {self.view.layer} head {self.view.head}", self.style_of("dim"))]

    def pattern(self, snapshot: Snapshot, head: int) -> np.ndarray:
        """(W, W) of one head of the layer."""
        return self.shares(snapshot, self.view.layer)[head]

    def scale(self, snapshot: Snapshot) -> Scale:
        """One scale for all heads of the layer, so that their pictures can be compared."""
        return self.scale_for(self.shares(snapshot, self.view.layer))

    def picture(self, snapshot: Snapshot) -> Picture | None:
        if not snapshot.tokens or not snapshot.attention_rows:
            return None
        if self.looks.what == "likeness":
            return self.likeness(snapshot)
        rows, columns = self.axes(snapshot)
        values, name = self.pattern(snapshot, self.view.head), f"head {self.view.head} of {snapshot.heads}"
        return Picture(values, rows, columns, self.scale(snapshot), True, name, self.about())

    def empty(self, snapshot: Snapshot) -> str:
        return "No attention yet. Press i to run a prompt."

    def usual_cell(self, picture: Picture) -> tuple[int, int]:
        """The token under the text's cursor, and what it looks at most; of likeness, the head and itself."""
        assert self.snapshot is not None
        if self.looks.what == "likeness":
            mine = self.view.layer * self.snapshot.heads + self.view.head
            return mine, mine
        query = self.view.query(self.snapshot) - self.window(self.snapshot).first
        row = picture.values[min(max(query, 0), len(picture.values) - 1)]
        return query, int(np.nanargmax(row)) if np.isfinite(row).any() else 0

    def sentence(self) -> str:
        if self._picture is None or self.snapshot is None:
            return ""
        if self.looks.what == "likeness":
            return self.likeness_sentence(self.snapshot.heads)
        if self.looks.what != "head":
            return self.tile_sentence(self.snapshot)
        said = super().sentence()
        is_left_out = self.looks.hides_first and self._picture.columns.number(self.cursor[1]) == 0
        return said.replace(": not seen", ": left out") if is_left_out else said

    def heading(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        if not snapshot.attention_rows:
            return []
        rows = []
        if self.looks.hides_first:
            rows.append(self.row(width).add(LEFT_OUT, self.style_of("warn")).strip())
        if height >= 12:
            dropped = snapshot.attention_dropped
            words = f"{counted(dropped, 'row')} at the start not kept" if dropped else "no proof of cause"
            name = self._said_name(snapshot)
            rows.append(
                self.row(width).add(name, self.style_of("strong")).add(f" · {words}", self.style_of("dim")).strip()
            )
        if height >= 14 and self.looks.what == "head":
            words = self.habit_words(snapshot, self.view.layer, self.view.head)
            rows += self.wrapped(words, width, 2, self.style_of("dim"))
        return rows

    def _said_name(self, snapshot: Snapshot) -> str:
        one = f"blocks.{self.view.layer}.attn.pattern"
        return {
            "head": f"{one}, head {self.view.head}",
            "layer": f"{one}, {counted(snapshot.heads, 'head')}",
            "wall": f"attn.pattern, ↓ {counted(snapshot.layers, 'layer')} → {counted(snapshot.heads, 'head')}",
            "likeness": "how alike heads look",
        }[self.looks.what]

    def drawn(self, picture: Picture, width: int, height: int, top: int) -> list[Strip]:
        """The picture of the head, and small ones of all heads: where they cost it nothing, or it is pooled anyway."""
        assert self.snapshot is not None
        if self.looks.what in ("layer", "wall"):
            return self.tiled(self.snapshot, picture, width, height, top)
        if self.looks.what == "likeness":
            return super().drawn(picture, width, height, top)
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
        what = self.looks.what
        if what == "likeness":
            super().move(down, right)
        elif what == "head" and self.inside and self._picture is not None:
            self._move_inside(down, right)
        elif what == "layer":
            self._move_in_grid(down, right)
        else:
            self.post_message(self.HeadMoved(down, right))

    def _move_inside(self, down: int, right: int) -> None:
        """The cursor, and with it the window of a long text."""
        assert self.snapshot is not None
        window, (row, column) = self.window(self.snapshot), self.cursor
        query = window.first + row + down
        if window.first <= query < window.last or not 0 <= query < self.text_length(self.snapshot):
            super().move(down, right)
            return
        self.around = query
        first = self.window(self.snapshot).first
        self.cell = (query - first, max(0, window.first + column + right - first))
        self.refresh()

    def _move_in_grid(self, down: int, right: int) -> None:
        """To the head above or below; beyond the grid to the layer before or after."""
        assert self.snapshot is not None
        step = (1 if down > 0 else -1) * self._grid[-1].across
        if down and 0 <= self.view.head + step < self.snapshot.heads:
            self.post_message(self.HeadMoved(0, step))
        else:
            self.post_message(self.HeadMoved(down, right))

    def edge(self, end: bool) -> None:
        if self.inside or self.looks.what == "likeness":
            super().edge(end)
        elif self.snapshot is not None:
            self.post_message(self.HeadMoved(0, self.snapshot.heads if end else -self.snapshot.heads))

    def action_enter(self) -> None:
        if self.looks.what != "head":
            self._zoom()
            return
        self.inside = not self.inside
        if self._picture is not None:
            self.cell = self.cursor if self.inside else None
        self.refresh()

    def _zoom(self) -> None:
        """The chosen head alone; of likeness, the one that is looked across to."""
        if self._picture is None or self.snapshot is None:
            return
        if self.looks.what == "likeness":
            layer, head = divmod(self.cursor[1], self.snapshot.heads)
            self.post_message(self.HeadMoved(layer - self.view.layer, head - self.view.head))
        self.came_from = self.looks.what
        self.post_message(self.LookChanged(replace(self.looks, what="head")))

    def leave(self) -> bool:
        """Go back one step, out of the picture or to all heads; whether there was one."""
        if self.inside:
            self.action_enter()
        elif self.came_from and self.looks.what == "head":
            self.post_message(self.LookChanged(replace(self.looks, what=self.came_from)))
        else:
            return False
        return True

    def clicked(self, x: int, y: int) -> None:
        if self.looks.what in ("layer", "wall"):
            there = self.tile_at(x, y)
            if there == (self.view.layer, self.view.head):
                self._zoom()
            elif there is not None:
                self.post_message(self.HeadMoved(there[0] - self.view.layer, there[1] - self.view.head))
            return
        self.inside = self.looks.what == "head"
        super().clicked(x, y)


def lines_of(heads: int, side: int, width: int) -> int:
    """How many lines small pictures of all heads need, `side` dots high and wide; more than there are if none fits."""
    across = width // (side + 2)
    return -(-heads // across) * (side // 2 + 1) if across else 1 << 30
