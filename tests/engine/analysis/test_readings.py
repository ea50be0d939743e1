"""What heads, tokens and memory say, by examples worked out on paper and by loops that are slow and plain."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from engine.analysis.readings import (
    attention_entropy,
    entropy,
    head_similarity,
    layer_similarity,
    mean_over_tokens,
    memory_by_line,
    memory_by_place,
    pattern_scores,
    patterns,
    prediction_entropy,
    specialization,
    token_logprobs,
)
from engine.program import Cost

nan = math.nan


def causal(heads: int, length: int, seed: int, window: int | None = None) -> np.ndarray:
    """Random attention, (H, T, T), every row a distribution over what it sees."""
    shares = np.random.default_rng(seed).random((heads, length, length))
    back = np.arange(length)[:, None] - np.arange(length)
    shares *= (back >= 0) & (back < (window or length))
    return (shares / shares.sum(-1, keepdims=True)).astype(np.float32)


def test_entropy_is_0_for_one_token_and_the_logarithm_for_equal_ones():
    rows = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.25, 0.25, 0]])
    assert entropy(rows) == pytest.approx([0, math.log(2), math.log(4), 1.5 * math.log(2)])
    assert not np.signbit(entropy(rows)[0])


def test_keys_not_seen_count_nothing_however_they_are_written():
    assert entropy(np.array([nan, 0.5, 0.5])) == pytest.approx(math.log(2))
    assert np.isnan(entropy(np.array([nan, nan])))
    once = causal(2, 9, 1, window=4)
    absent = np.where(once == 0, nan, once)
    assert np.array_equal(attention_entropy([once]), attention_entropy([absent]))
    assert np.array_equal(head_similarity([once]), head_similarity([absent]))


def test_attention_entropy_of_a_long_text_equals_its_rows_one_by_one():
    layers = [causal(2, 150, 0), causal(2, 150, 1)]
    found = attention_entropy(layers)
    assert found.shape == (2, 2, 150)
    for i, h, t in [(0, 0, 0), (0, 1, 63), (1, 0, 64), (1, 1, 149)]:
        row = [float(p) for p in layers[i][h, t] if p > 0]
        assert found[i, h, t] == pytest.approx(-sum(p * math.log(p) for p in row), abs=1e-6)


def test_similarity_of_heads_by_hand():
    looks_back = np.array([[1, 0], [1, 0]])
    looks_here = np.array([[1, 0], [0, 1]])
    looks_both = np.array([[1, 0], [0.5, 0.5]])
    one = head_similarity([np.stack([looks_back, looks_here]), np.stack([looks_both, looks_back])])
    half = (1 + math.sqrt(0.5)) / 2
    expected = [[1, 0.5, half, 1], [0.5, 1, half, 0.5], [half, half, 1, half], [1, 0.5, half, 1]]
    assert one == pytest.approx(np.array(expected), abs=1e-6)
    assert specialization(one, 2) == pytest.approx(np.array([[0.5, 0.5], [1 - half, 1 - half]]), abs=1e-6)
    assert layer_similarity(one, 2)[1] == pytest.approx(one[2:, 2:])


def test_similarity_of_a_long_text_equals_a_plain_loop():
    layers = [causal(2, 100, 2), causal(2, 100, 3)]
    flat = np.concatenate(layers).astype(np.float64)
    found = head_similarity(layers)
    for a in range(4):
        for b in range(4):
            cosines = [x @ y / math.sqrt((x @ x) * (y @ y)) for x, y in zip(flat[a], flat[b], strict=True)]
            assert found[a, b] == pytest.approx(sum(cosines) / 100, abs=1e-6)


def test_an_only_head_has_nobody_to_differ_from_and_one_token_is_enough():
    one = [np.ones((1, 1, 1), np.float32)] * 2
    assert attention_entropy(one).tolist() == [[[0.0]], [[0.0]]]
    assert head_similarity(one).tolist() == [[1, 1], [1, 1]]
    assert np.isnan(specialization(head_similarity(one), 1)).all()
    assert all(np.isnan(score).all() for score in pattern_scores(one, [7]))


def test_habits_of_heads_by_hand():
    tokens = [5, 6, 5, 6]
    pattern = np.array([[[1, 0, 0, 0], [0.9, 0.1, 0, 0], [0.2, 0.7, 0.1, 0], [0.1, 0.2, 0.3, 0.4]]])
    scores = pattern_scores([pattern], tokens)
    assert scores.previous[0, 0] == pytest.approx((0.9 + 0.7 + 0.3) / 3)
    assert scores.first[0, 0] == pytest.approx((0.9 + 0.2 + 0.1) / 3)
    assert scores.same[0, 0] == pytest.approx((0.2 + 0.2) / 2)  # token 2 looks at 0, token 3 at 1
    assert scores.induction[0, 0] == pytest.approx((0.7 + 0.3) / 2)  # token 2 at 1 (after 5), token 3 at 2 (after 6)


def test_habits_are_not_asked_of_queries_that_cannot_see():
    tokens = [5, 6, 5, 6]
    pattern = np.array([[[1, 0, 0, 0], [0.9, 0.1, 0, 0], [0, 0.7, 0.3, 0], [0, 0, 0.6, 0.4]]])
    scores = pattern_scores([pattern], tokens, [2])
    assert scores.previous[0, 0] == pytest.approx((0.9 + 0.7 + 0.6) / 3)
    assert scores.first[0, 0] == pytest.approx(0.9)  # only token 1 still sees token 0
    assert np.isnan(scores.same[0, 0])
    assert scores.induction[0, 0] == pytest.approx((0.7 + 0.6) / 2)


def test_habits_of_a_long_text_equal_a_plain_loop():
    tokens = np.random.default_rng(4).integers(0, 6, 130).tolist()
    pattern = causal(2, 130, 5)
    scores = pattern_scores([pattern], tokens)
    for head in range(2):
        same, induction = [], []
        for t in range(130):
            alike = [s for s in range(t) if tokens[s] == tokens[t]]
            after = [s for s in range(1, t) if tokens[s - 1] == tokens[t]]
            same += [sum(pattern[head, t, s] for s in alike)] * bool(alike)
            induction += [sum(pattern[head, t, s] for s in after)] * bool(after)
        assert scores.same[0, head] == pytest.approx(np.mean(same), rel=1e-5)
        assert scores.induction[0, head] == pytest.approx(np.mean(induction), rel=1e-5)


def test_the_last_queries_alone_score_as_they_do_in_the_whole():
    tokens, pattern = [3, 1, 3, 1, 3], causal(1, 5, 6)
    pattern[:, :3] = nan
    assert np.allclose(pattern_scores([pattern], tokens), pattern_scores([pattern[:, 3:]], tokens))


def test_logprobs_and_entropies_of_tokens_by_hand():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [1 / 3] * 3]))
    assert token_logprobs(logits, [0, 1, 2]) == pytest.approx([nan, math.log(0.25), math.log(0.8)], nan_ok=True)
    assert prediction_entropy(logits)[[0, 2]] == pytest.approx([1.5 * math.log(2), math.log(3)])
    certain = np.array([[0.0, -np.inf]])
    assert prediction_entropy(certain).tolist() == [0] and np.isnan(token_logprobs(certain, [0])).all()


def test_means_leave_out_what_is_not_there():
    assert mean_over_tokens(np.array([[[1, 3, nan]], [[nan] * 3]])) == pytest.approx(
        np.array([[2], [nan]]), nan_ok=True
    )


def test_memory_per_line_and_place():
    rows = [
        SimpleNamespace(address=a, weight_bytes=weight, needed_bytes=needed, is_view=view, cost=Cost(0, 0, made))
        for a, weight, needed, view, made in [
            ("embed", 100, 8, False, 8), ("blocks.0.attn.q", 30, 24, False, 16),
            ("blocks.0.attn.heads", 0, 24, True, 0), ("blocks.0.resid_post", 12, 40, False, 8),
            ("blocks.1.attn.q", 30, 16, False, 16),
            ("logits", 0, 12, False, 4),
        ]
    ]  # fmt: skip
    assert memory_by_line(rows).tolist() == [8, 24, 24, 40, 16, 12]
    assert memory_by_place(rows) == (
        ("embed", 100, 8, 8), ("blocks.0", 42, 40, 24), ("blocks.1", 30, 16, 16), ("unembed", 0, 12, 4),
    )  # fmt: skip


def test_patterns_come_from_the_addresses_of_the_layers():
    values = {f"blocks.{i}.attn.pattern": causal(2, 3, i)[None] for i in range(2)}

    class Recorded(dict):
        about = SimpleNamespace(layers=2)

    trace = Recorded(values)
    assert [p.shape for p in patterns(trace)] == [(2, 3, 3)] * 2
