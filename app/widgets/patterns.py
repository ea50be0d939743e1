"""The attention of a whole layer, assembled once and then only extended, so that it can be watched while text grows."""

from __future__ import annotations

import numpy as np

from engine.snapshot import AttentionRows, Snapshot

STEP = 256  # rows by which the room grows


class LayerPatterns:
    """Keeps (H, T, T) of one layer from snapshot to snapshot; what a query could not see, or was not kept, is NaN."""

    def __init__(self) -> None:
        self._layer = -1
        self._rows: tuple[AttentionRows, ...] = ()
        self._room = np.zeros((0, 0, 0), np.float32)
        self.largest = 0.0  # of all heads

    def of(self, snapshot: Snapshot, layer: int) -> np.ndarray:
        """All heads of a layer: rows are queries, columns keys."""
        count, rows = len(snapshot.tokens), snapshot.attention_rows
        known = len(self._rows)
        grows = (
            layer == self._layer and all(a is b for a, b in zip(self._rows, rows, strict=False)) and known <= len(rows)
        )
        if not grows or self._room.shape[1] < count or self._room.shape[0] != snapshot.heads:
            side = (count // STEP + 1) * STEP
            self._room = np.full((snapshot.heads, side, side), np.nan, np.float32)
            known, self.largest = 0, 0.0
        for chunk in rows[known:]:
            self._write(chunk, layer, count)
        self._layer, self._rows = layer, rows
        return self._room[:, :count, :count]

    def _write(self, chunk: AttentionRows, layer: int, count: int) -> None:
        pattern, keys = chunk.patterns[layer], chunk.keys[layer]
        self.largest = max(self.largest, float(pattern.max(initial=0.0)))
        for t in range(min(pattern.shape[1], count - chunk.first)):
            query = chunk.first + t
            seen = (keys >= 0) & (keys <= query)
            self._room[:, query, keys[seen]] = pattern[:, t, seen]
