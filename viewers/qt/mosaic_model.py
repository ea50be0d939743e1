"""All layers x heads of attention as one array of levels, brought up to date by the rows that are new.

A generated token adds one row to each head; nothing else is computed again. Levels are those of `pattern_scale`, plus
one, so that 0 is a cell without a number and a maximum pools what it should.
"""

from __future__ import annotations

import numpy as np

from engine.snapshot import AttentionRows, Snapshot
from viewers.picture import pattern_scale

Array = np.ndarray
SCALE = pattern_scale(1.0)
STEP = 64  # tokens by which the room grows
MOST_BYTES = 256 << 20


class Patterns:
    """levels   (L, H, T, T) uint8: 0 nothing there, else 1 + level; rows look, columns are looked at"""

    def __init__(self) -> None:
        self._room = np.zeros((0, 0, 0, 0), np.uint8)
        self._rows: tuple[AttentionRows, ...] = ()
        self._windows: tuple[int | None, ...] = ()
        self.tokens = 0
        self.first = 0  # the first token that is held: earlier ones are too many for the memory

    @property
    def levels(self) -> Array:
        held = self.tokens - self.first
        return self._room[:, :, :held, :held]

    def take(self, snapshot: Snapshot) -> bool:
        """Bring it up to date; whether anything changed."""
        count, rows = len(snapshot.tokens), snapshot.attention_rows
        shape = (snapshot.layers, snapshot.heads)
        most = max(1, int((MOST_BYTES / max(1, shape[0] * shape[1])) ** 0.5))
        first = max(0, count - most)
        is_longer = (
            self._room.shape[:2] == shape and self._windows == snapshot.windows and first == self.first
            and len(rows) >= len(self._rows) and all(a is b for a, b in zip(self._rows, rows, strict=False))
            and count >= self.tokens
        )  # fmt: skip
        if is_longer and count == self.tokens and len(rows) == len(self._rows):
            return False
        known = len(self._rows) if is_longer else 0
        self._make_room(shape, count - first, is_longer)
        self.tokens, self.first, self._rows, self._windows = count, first, rows, snapshot.windows
        for row in rows[known:]:
            self._add(row)
        return True

    def _make_room(self, shape: tuple[int, int], count: int, keep: bool) -> None:
        if keep and count <= self._room.shape[2]:
            return
        side = -(-max(count, 1) // STEP) * STEP
        room = np.zeros((*shape, side, side), np.uint8)
        if keep:
            old = self._room.shape[2]
            room[:, :, :old, :old] = self._room
        self._room = room

    def _add(self, rows: AttentionRows) -> None:
        last = min(self.tokens, rows.first + rows.patterns[0].shape[1]) if rows.patterns else 0
        for layer, (pattern, keys) in enumerate(zip(rows.patterns, rows.keys, strict=True)):
            window = (self._windows[layer] if self._windows else None) or self.tokens
            levels = SCALE.level(pattern) + 1  # (H, T, S)
            for query in range(max(rows.first, self.first), last):
                seen = (keys >= self.first) & (keys <= query) & (keys > query - window)
                place = self._room[layer, :, query - self.first]
                place[:] = 0
                place[:, keys[seen] - self.first] = levels[:, query - rows.first][:, seen]


def pooled(levels: Array, side: int) -> Array:
    """(L, H, T, T) pooled to at most `side` cells a side by whole factors; a cell shows the largest of those it is."""
    count = levels.shape[-1]
    factor = -(-count // max(1, side))
    if factor <= 1:
        return levels
    starts = np.arange(0, count, factor)
    return np.maximum.reduceat(np.maximum.reduceat(levels, starts, axis=2), starts, axis=3)
