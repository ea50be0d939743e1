"""All layers x heads of attention as one array of levels, brought up to date by the rows that are new.

A generated token adds one row to each head; nothing else is computed again. Levels are those of `shares_scale`, plus
one, so that 0 is a cell without a number and a maximum pools what it should.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.snapshot import AttentionRows, Snapshot
from viewers.attention import shares_scale, without_first
from viewers.view import AttentionView

Array = np.ndarray
SCALE = shares_scale()
USUAL = AttentionView()
STEP = 64  # tokens by which the room grows
MOST_BYTES = 256 << 20


class Patterns:
    """levels   (L, H, T, T) uint8: 0 nothing there, else 1 + level; rows look, columns are looked at"""

    def __init__(self) -> None:
        self._room = np.zeros((0, 0, 0, 0), np.uint8)
        self._rows: tuple[AttentionRows, ...] = ()
        self._windows: tuple[int | None, ...] = ()
        self.looks = AttentionView()
        self.tokens = 0
        self.first = 0  # the first token that is held: earlier ones are too many for the memory

    @property
    def levels(self) -> Array:
        held = self.tokens - self.first
        return self._room[:, :, :held, :held]

    def take(self, snapshot: Snapshot, looks: AttentionView = USUAL) -> bool:
        """Bring it up to date; whether anything changed. Of how attention is drawn, scale and first token count."""
        count, rows = len(snapshot.tokens), snapshot.attention_rows
        shape = (snapshot.layers, snapshot.heads)
        most = max(1, int((MOST_BYTES / max(1, shape[0] * shape[1])) ** 0.5))
        first = max(0, count - most)
        is_longer = (
            self._room.shape[:2] == shape and self._windows == snapshot.windows and first == self.first
            and len(rows) >= len(self._rows) and all(a is b for a, b in zip(self._rows, rows, strict=False))
            and count >= self.tokens and _way(looks) == _way(self.looks)
        )  # fmt: skip
        if is_longer and count == self.tokens and len(rows) == len(self._rows):
            return False
        known = len(self._rows) if is_longer else 0
        self._make_room(shape, count - first, is_longer)
        self.tokens, self.first, self._rows, self._windows, self.looks = count, first, rows, snapshot.windows, looks
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
        for layers, pattern, keys, width in self._alike(rows):
            shares = without_first(pattern, keys) if self.looks.hides_first else pattern
            levels = shares_scale(self.looks).level(shares) + 1  # (L, H, T, S); ABSENT, the last of a byte, becomes 0
            for query in range(max(rows.first, self.first), last):
                seen = (keys >= self.first) & (keys <= query) & (keys > query - (width or self.tokens))
                place = self._room[layers, :, query - self.first]
                place[:] = 0
                place[:, :, keys[seen] - self.first] = levels[:, :, query - rows.first][:, :, seen]

    def _alike(self, rows: AttentionRows) -> list[tuple[slice, Array, Array, int | None]]:
        """Which layers, their patterns (L, H, T, S), keys and window: all at once, unless layers see other keys."""
        widths = self._windows or (None,) * len(rows.patterns)
        first = rows.keys[0] if rows.keys else None
        if (
            first is not None
            and len(set(widths)) == 1
            and all(k is first or np.array_equal(k, first) for k in rows.keys)
        ):
            return [(slice(None), np.stack(rows.patterns), first, widths[0])]
        each = zip(rows.patterns, rows.keys, widths, strict=True)
        return [(slice(i, i + 1), pattern[None], keys, width) for i, (pattern, keys, width) in enumerate(each)]


def _way(looks: AttentionView) -> tuple[str, bool]:
    """What the levels depend on."""
    return looks.scale, looks.hides_first


class Tiling(NamedTuple):
    """Where heads stand: all layers, one below the other; or those of one layer in as many rows as make them largest.

    layer    the one that is shown, None for all      heads   that each layer has
    """

    down: int
    across: int
    heads: int
    layer: int | None = None

    def head_at(self, row: int, column: int) -> tuple[int, int] | None:
        """Layer and head; None where there is none."""
        if not (0 <= row < self.down and 0 <= column < self.across):
            return None
        if self.layer is None:
            return row, column
        head = row * self.across + column
        return (self.layer, head) if head < self.heads else None

    def place_of(self, layer: int, head: int) -> tuple[int, int]:
        """Row and column of a head."""
        return (layer, head) if self.layer is None else divmod(head, self.across)

    def heads_of(self, row: int) -> range:
        """The heads in a row."""
        first = 0 if self.layer is None else row * self.across
        return range(first, min(first + self.across, self.heads))


def tiling(layers: int, heads: int, layer: int | None, wide: float, high: float, title: float) -> Tiling:
    """The heads of all layers, or of one; then a title of this height stands above each row."""
    if layer is None:
        return Tiling(layers, heads, heads)

    def side(across: int) -> float:
        down = -(-heads // across)
        return min(wide / across, high / down - title)

    across = max(range(1, max(heads, 1) + 1), key=side)
    return Tiling(-(-heads // across), across, heads, layer)


def pooled(levels: Array, side: int) -> Array:
    """(L, H, T, T) pooled to at most `side` cells a side by whole factors; a cell shows the largest of those it is."""
    count = levels.shape[-1]
    factor = -(-count // max(1, side))
    if factor <= 1:
        return levels
    rows = _largest([levels[:, :, i::factor] for i in range(factor)], 2)
    return _largest([rows[..., i::factor] for i in range(factor)], 3)


def _largest(parts: list[Array], axis: int) -> Array:
    """Element by element; a later part may be shorter along the axis. Much faster than a reduction over short runs."""
    out = parts[0].copy()
    for part in parts[1:]:
        inside = (slice(None),) * axis + (slice(part.shape[axis]),)
        np.maximum(out[inside], part, out=out[inside])
    return out
