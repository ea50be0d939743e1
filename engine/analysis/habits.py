"""Habits of heads in a text that grows: what `readings.pattern_scores` says of a whole pass, query by query.

A query's attention does not change when text is added behind it, so its habits are read once, with the chunk of rows
that it came with, and the mean over a text is a mean over what is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.snapshot import AttentionRows

Array = np.ndarray
HABITS = ("previous", "first", "same", "induction")
"""Which tokens: the one before; the first of the text; earlier ones of the same id; those that followed such a one."""
QUERIES_AT_ONCE = 64  # bounds the temporaries


def habits_of(rows: AttentionRows, tokens: Sequence[int], windows: Sequence[int | None]) -> Array:
    """(4, L, H, T): the share of its attention that each query gives to the tokens of each habit; NaN if it sees none.

    tokens    ids of the text up to the last query that is asked, at least; rows of later ones are left out
    windows   per layer, how many tokens a query sees, itself included; None: all
    """
    count = min(rows.patterns[0].shape[1], len(tokens) - rows.first)
    queries, ids = np.arange(rows.first, rows.first + count), np.asarray(tokens)
    same = all(keys is rows.keys[0] or np.array_equal(keys, rows.keys[0]) for keys in rows.keys)
    if same and len(set(windows)) <= 1:
        return _shares(np.stack(rows.patterns), rows.keys[0], queries, ids, windows[0] if windows else None)
    each = zip(rows.patterns, rows.keys, windows, strict=True)
    return np.concatenate([_shares(pattern[None], keys, queries, ids, window) for pattern, keys, window in each], 1)


def mean_habits(chunks: Sequence[Array]) -> Array:
    """(4, L, H): the mean over the queries that see such tokens; NaN if there are none. One chunk at least."""
    whole = np.concatenate(chunks, axis=-1)
    count = np.isfinite(whole).sum(-1)
    total = np.nan_to_num(whole).sum(-1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _shares(patterns: Array, keys: Array, queries: Array, ids: Array, window: int | None) -> Array:
    """(4, L, H, T) from patterns (L, H, T, S) over keys of these positions; empty slots of a ring are -1."""
    layers, heads, _, slots = patterns.shape
    out = np.empty((len(HABITS), layers, heads, len(queries)), np.float32)
    for first in range(0, len(queries), QUERIES_AT_ONCE):
        at = slice(first, first + QUERIES_AT_ONCE)
        targets = _targets(keys, queries[at], ids, window)  # (4, t, S)
        # (L, H, t, S) -> (t, L*H, S), times (t, S, 4) -> (t, L*H, 4)
        shares = patterns[:, :, : len(queries)][:, :, at].transpose(2, 0, 1, 3).reshape(-1, layers * heads, slots)
        summed = shares @ targets.transpose(1, 2, 0).astype(np.float32)
        asked = np.any(targets, axis=-1, keepdims=True).swapaxes(1, 2)  # (4, 1, t)
        out[..., at] = np.where(asked, summed.transpose(2, 1, 0), np.nan).reshape(len(HABITS), layers, heads, -1)
    return out


def _targets(keys: Array, queries: Array, ids: Array, window: int | None) -> Array:
    """(4, t, S): which keys each query is asked about."""
    query = queries[:, None]
    seen = (keys >= 0) & (keys < query)
    if window is not None:
        seen &= query - keys < window
    known = np.clip(keys, 0, len(ids) - 1)
    before = np.where(keys > 0, ids[np.clip(keys - 1, 0, len(ids) - 1)], -1)  # the id in front of each key
    return np.stack([
        seen & (keys == query - 1), seen & (keys == 0), seen & (ids[known] == ids[query]), seen & (before == ids[query])
    ])  # fmt: skip
