"""The habits read chunk by chunk are those of a whole pass, and those of a hand-made head."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.habits import HABITS, habits_of, mean_habits
from engine.analysis.readings import pattern_scores
from engine.snapshot import AttentionRows

TOKENS = (5, 6, 7, 5, 6, 8, 5, 6, 7)
LAYERS, HEADS, COUNT = 2, 3, len(TOKENS)


def attention(window: int | None = None) -> np.ndarray:
    """(L, H, T, T) shares over what each query sees."""
    weights = np.random.default_rng(2).random((LAYERS, HEADS, COUNT, COUNT))
    apart = np.arange(COUNT)[:, None] - np.arange(COUNT)
    weights = np.where((apart >= 0) & (apart < (window or COUNT)), weights, 0)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("windows", [(None, None), (3, None), (4, 4)])
def test_chunks_and_the_whole_pass_agree(windows: tuple[int | None, ...]) -> None:
    layers = [attention(window)[i] for i, window in enumerate(windows)]
    whole = pattern_scores(layers, TOKENS, windows)
    chunks = []
    for first, last in ((0, 4), (4, 5), (5, 9)):
        keys = np.random.default_rng(last).permutation(np.r_[np.arange(last), -1])  # a ring, one slot empty
        shares = tuple(np.where(keys >= 0, layer[:, first:last, keys], 0) for layer in layers)
        chunks.append(habits_of(AttentionRows(first, shares, (keys, keys)), TOKENS, windows))
    np.testing.assert_allclose(mean_habits(chunks), np.stack(whole), atol=1e-6)


def test_a_head_that_looks_at_what_followed_scores_one_on_induction_alone() -> None:
    pattern = np.zeros((1, 6, 6), np.float32)
    tokens = (1, 2, 3, 1, 2, 9)
    for query, key in enumerate((0, 1, 2, 1, 2, 5)):  # the second 1 looks behind the first 1, and so the second 2
        pattern[0, query, key] = 1
    rows = AttentionRows(0, (pattern,), (np.arange(6),))
    found = dict(zip(HABITS, mean_habits([habits_of(rows, tokens, (None,))])[:, 0, 0].tolist(), strict=True))
    assert found == {"previous": 0, "first": 0, "same": 0, "induction": 1}


def test_rows_of_tokens_that_were_taken_back_are_left_out() -> None:
    shares = attention()
    rows = AttentionRows(0, tuple(shares), (np.arange(COUNT),) * LAYERS)
    assert habits_of(rows, TOKENS[:4], (None, None)).shape == (4, LAYERS, HEADS, 4)
    assert np.isnan(habits_of(rows, TOKENS[:1], (None, None))).all()  # nothing is before the first
