"""The assembled attention of a layer is what the snapshot assembles itself, however the text changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tui_factory import HEADS, LAYERS, snapshot

from app.widgets.patterns import LayerPatterns
from engine.snapshot import AttentionRows, Snapshot


def grown(count: int, chunks: tuple[AttentionRows, ...]) -> Snapshot:
    return replace(snapshot(words=tuple("abcdefghij"[:count])), attention_rows=chunks)


def chunk(first: int, rows: int, keys: tuple[int, ...]) -> AttentionRows:
    rng = np.random.default_rng(first)
    patterns = tuple(rng.random((HEADS, rows, len(keys)), np.float32) for _ in range(LAYERS))
    return AttentionRows(first, patterns, tuple(np.array(keys) for _ in range(LAYERS)))


def test_growing_taking_back_and_changing_layer_agree_with_the_snapshot() -> None:
    one, two = chunk(0, 3, (0, 1, 2)), chunk(3, 1, (0, 1, 2, 3))
    ring = chunk(4, 1, (4, -1, 2, 3))  # a ring: not sorted, an empty slot
    other = chunk(3, 1, (0, 1, 2, 3))
    patterns = LayerPatterns()
    for count, chunks in ((3, (one,)), (4, (one, two)), (5, (one, two, ring)), (3, (one,)), (4, (one, other))):
        for layer in (0, 0, 1):
            state = grown(count, chunks)
            found = patterns.of(state, layer)
            for head in range(HEADS):
                np.testing.assert_array_equal(found[head], state.attention(layer, head))
