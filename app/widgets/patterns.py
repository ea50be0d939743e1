"""The attention of a whole layer, assembled once and then only extended, so that it can be watched while text grows.

Of a long text a window is assembled: so many tokens around the one that looks, as queries and as keys.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.snapshot import AttentionRows, Snapshot

Array = np.ndarray
STEP = 256  # rows by which the room grows


class Window(NamedTuple):
    """The tokens first .. last-1 of a text."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first


def window_around(query: int, count: int, most: int) -> Window:
    """At most so many of `count` tokens, the query among them; it moves by quarters of its size, not with each."""
    step = max(1, most // 4)
    first = max(0, -(-(query + 1 - most) // step) * step) if count > most else 0
    return Window(first, min(first + most, count))


class LayerPatterns:
    """Keeps (H, T, T) of one layer from snapshot to snapshot; what a query could not see, or was not kept, is NaN."""

    def __init__(self) -> None:
        self._what = (-1, 0, 0)  # layer, first token, how many tokens at most (0: all)
        self._rows: tuple[AttentionRows, ...] = ()
        self._room = np.zeros((0, 0, 0), np.float32)
        self._rest = np.zeros((0, 0), np.float32)

    def of(self, snapshot: Snapshot, layer: int, window: Window | None = None) -> Array:
        """All heads of a layer over the window, (H, W, W): rows are queries, columns keys."""
        count, rows = len(snapshot.tokens), snapshot.attention_rows
        window = window or Window(0, count)
        what = (layer, window.first, 0 if window.first == 0 and window.last == count else window.size)
        known = len(self._rows)
        grows = what == self._what and known <= len(rows)
        grows = grows and all(a is b for a, b in zip(self._rows, rows, strict=False))
        side = max([window.last, *(chunk.first + chunk.patterns[layer].shape[1] for chunk in rows)]) - window.first
        side = min(side, what[2]) if what[2] else side
        if not grows or self._room.shape[1] < side or self._room.shape[0] != snapshot.heads:
            side = what[2] or (side // STEP + 1) * STEP
            self._room = np.full((snapshot.heads, side, side), np.nan, np.float32)
            self._rest = np.full((snapshot.heads, side), np.nan, np.float32)
            known = 0
        width = snapshot.windows[layer] if snapshot.windows else None
        for chunk in rows[known:]:
            self._write(chunk, layer, window.first, width)
        self._what, self._rows = what, rows
        return self._room[:, : window.size, : window.size]

    def without_first(self, snapshot: Snapshot, layer: int, window: Window | None = None) -> Array:
        """The same without the first token of the text, each row divided by what the others have together."""
        shares = self.of(snapshot, layer, window)
        rest = self._rest[:, : shares.shape[1], None]
        scaled = shares / np.where(rest > 0, rest, np.nan)
        if window is None or window.first == 0:
            scaled[:, :, :1] = np.nan
        return scaled

    def _write(self, chunk: AttentionRows, layer: int, first: int, width: int | None) -> None:
        pattern, keys = chunk.patterns[layer], chunk.keys[layer]
        side = self._room.shape[1]
        start, end = max(chunk.first, first), min(chunk.first + pattern.shape[1], first + side)
        if start >= end:
            return
        shares = pattern[:, start - chunk.first : end - chunk.first]
        self._rest[:, start - first : end - first] = shares[:, :, keys > 0].sum(-1)
        inside = (keys >= first) & (keys < first + side)
        at, queries = keys[inside], np.arange(start, end)[:, None]
        seen = at <= queries  # (t, k)
        if width is not None:
            seen &= queries - at < width
        rows = self._room[:, start - first : end - first]
        rows[:] = np.nan
        rows[:, :, at - first] = np.where(seen, shares[:, :, inside], np.nan)
