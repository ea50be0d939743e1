"""The assembled attention of a layer is what the snapshot assembles itself, however the text changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tui_factory import HEADS, LAYERS, snapshot

from app.widgets.patterns import LayerPatterns, Window, window_around
from engine.snapshot import AttentionRows, Snapshot


def grown(count: int, chunks: tuple[AttentionRows, ...], windows: tuple[int | None, ...] = ()) -> Snapshot:
    return replace(snapshot(words=tuple("abcdefghij"[:count])), attention_rows=chunks, windows=windows)


def chunk(first: int, rows: int, keys: tuple[int, ...]) -> AttentionRows:
    rng = np.random.default_rng(first)
    patterns = tuple(rng.random((HEADS, rows, len(keys)), np.float32) for _ in range(LAYERS))
    return AttentionRows(first, patterns, tuple(np.array(keys) for _ in range(LAYERS)))


ONE, TWO, OTHER = chunk(0, 3, (0, 1, 2)), chunk(3, 1, (0, 1, 2, 3)), chunk(3, 1, (0, 1, 2, 3))
RING = chunk(4, 1, (4, -1, 2, 3))  # not sorted, an empty slot


@pytest.mark.parametrize("windows", [(), (2, None)])
def test_growing_taking_back_and_changing_layer_agree_with_the_snapshot(windows: tuple[int | None, ...]) -> None:
    patterns = LayerPatterns()
    texts = ((2, (ONE,)), (3, (ONE,)), (4, (ONE, TWO)), (5, (ONE, TWO, RING)), (3, (ONE,)), (4, (ONE, OTHER)))
    for count, chunks in texts:
        for layer in (0, 0, 1):
            state = grown(count, chunks, windows)
            found = patterns.of(state, layer)
            for head in range(HEADS):
                np.testing.assert_array_equal(found[head], state.attention(layer, head))


def test_a_window_is_that_part_of_the_whole() -> None:
    patterns = LayerPatterns()
    for count, chunks in ((4, (ONE, TWO)), (5, (ONE, TWO, RING)), (3, (ONE,))):
        state = grown(count, chunks)
        for window in (Window(0, 3), Window(1, 3), Window(0, count)):
            found = patterns.of(state, 1, window)
            part = slice(window.first, window.last)
            for head in range(HEADS):
                np.testing.assert_array_equal(found[head], state.attention(1, head)[part, part])


def test_without_the_first_token_the_rows_sum_to_one_again() -> None:
    state, patterns = snapshot(), LayerPatterns()
    found = patterns.without_first(state, 0)
    whole = state.attention(0, 2)
    assert np.isnan(found[:, 0]).all() and np.isnan(found[:, :, 0]).all()  # the first sees nothing else
    np.testing.assert_allclose(found[2, 5, 1:6], whole[5, 1:6] / whole[5, 1:6].sum(), rtol=1e-5)
    np.testing.assert_allclose(np.nansum(found[:, 1:], -1), 1, rtol=1e-5)
    part = LayerPatterns().without_first(state, 0, Window(2, 6))
    np.testing.assert_array_equal(part, found[:, 2:6, 2:6])


@pytest.mark.parametrize("count", [1, 255, 256, 257, 640, 1000])
def test_a_window_holds_its_query_and_is_as_large_as_it_may(count: int) -> None:
    for query in range(count):
        window = window_around(query, count, 256)
        assert window.first <= query < window.last <= count and window.size <= 256
    assert window_around(count - 1, count, 256).last == count
    assert window_around(0, count, 256).first == 0
