"""The cache's one operation: new keys in their slots, all keys as a view."""

from __future__ import annotations

import numpy as np

from engine.ops.cache import append


def keys(*positions: int) -> np.ndarray:
    """(1, 1, T, 2) keys that hold their own position, so that one sees where they went."""
    return np.repeat(np.array(positions, np.float32), 2).reshape(1, 1, -1, 2)


def test_new_keys_join_the_old_ones():
    cache = np.zeros((1, 1, 6, 2), np.float32)
    append.forward(cache, keys(0, 1, 2), np.arange(3), np.arange(3))
    seen = append.forward(cache, keys(3), np.array([3]), np.arange(4))
    assert seen[0, 0, :, 0].tolist() == [0, 1, 2, 3]
    assert np.shares_memory(seen, cache)


def test_a_ring_wraps_and_overwrites_the_oldest():
    cache = np.zeros((1, 1, 4, 2), np.float32)
    append.forward(cache, keys(0, 1, 2), np.arange(3), np.arange(3))
    seen = append.forward(cache, keys(3, 4, 5), np.arange(3, 6), np.array([4, 5, 2, 3]))
    assert seen[0, 0, :, 0].tolist() == [4, 5, 2, 3]


def test_as_many_keys_as_slots_fit_from_any_place():
    cache = np.zeros((1, 1, 3, 2), np.float32)
    seen = append.forward(cache, keys(7, 8, 9), np.arange(7, 10), np.array([9, 7, 8]))
    assert seen[0, 0, :, 0].tolist() == [9, 7, 8]


def test_appending_costs_the_new_rows_only():
    shapes = ((1, 2, 512, 4), (1, 2, 1, 4), (1,), (300,))
    assert append.cost(shapes, (1, 2, 300, 4), {}) == (0, 32, 32)
