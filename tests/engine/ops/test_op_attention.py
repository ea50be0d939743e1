"""Attention step by step: two tokens, worked by hand, and the plain triple loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.errors import ShapeError
from engine.ops.attend import attend, exp_or_zero
from engine.ops.attention import causal_mask, mask, merge_heads, scores, softmax, split_heads, weighted_sum

INF = math.inf


def test_heads_are_slices_of_a_row():
    x = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
    assert split_heads.forward(x, heads=2).tolist() == [[[[0, 1], [4, 5]], [[2, 3], [6, 7]]]]


def test_merging_undoes_splitting():
    x = np.random.default_rng(0).standard_normal((2, 5, 12)).astype(np.float32)
    assert np.array_equal(merge_heads.forward(split_heads.forward(x, heads=3)), x)


def test_scores_are_dot_products():
    q = np.array([[[[1, 0], [2, 1]]]], np.float32)
    k = np.array([[[[3, 4], [5, -6]]]], np.float32)
    assert scores.forward(q, k).tolist() == [[[[3, 5], [10, 4]]]]  # [2 1]·[3 4] = 10, [2 1]·[5 -6] = 4


def test_query_heads_share_key_heads_in_order():
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((2, 6, 3, 4)), rng.standard_normal((2, 2, 5, 4)), rng.standard_normal((2, 2, 5, 4))
    s = scores.forward(q, k)
    z = weighted_sum.forward(s, v)
    for b in range(2):
        for h in range(6):
            group = h // 3  # heads 0, 1, 2 share key head 0
            for t in range(3):
                expected = [sum(q[b, h, t, i] * k[b, group, j, i] for i in range(4)) for j in range(5)]
                assert s[b, h, t] == pytest.approx(expected, abs=1e-12)
                summed = [sum(s[b, h, t, j] * v[b, group, j, i] for j in range(5)) for i in range(4)]
                assert z[b, h, t] == pytest.approx(summed, abs=1e-12)


def test_scores_take_queries_that_are_views():
    rows = np.random.default_rng(0).standard_normal((1, 3, 8)).astype(np.float32)
    q = split_heads.forward(rows, heads=2)
    assert np.array_equal(scores.forward(q, q), scores.forward(q.copy(), q.copy()))


def test_no_token_looks_ahead():
    assert causal_mask.forward(np.arange(3), np.arange(3)).tolist() == [[0, -INF, -INF], [0, 0, -INF], [0, 0, 0]]


def test_a_window_of_two_sees_itself_and_one_before():
    seen = causal_mask.forward(np.arange(4), np.arange(4), window=2)
    assert seen.tolist() == [[0, -INF, -INF, -INF], [0, 0, -INF, -INF], [-INF, 0, 0, -INF], [-INF, -INF, 0, 0]]


def test_the_mask_comes_from_positions_not_from_places():
    # A ring: slots hold positions 4, 5, 2, 3; one slot is empty. Query 4 sees 4, 3, 2, not 5; with window 2 only 4, 3.
    slots = np.array([4, 5, 2, 3, -1])
    assert causal_mask.forward(np.array([4]), slots).tolist() == [[0, -INF, 0, 0, -INF]]
    assert causal_mask.forward(np.array([4]), slots, window=2).tolist() == [[0, -INF, -INF, 0, -INF]]


def test_masking_adds():
    masked = mask.forward(np.array([[[[1, 2], [3, 4]]]], np.float32), np.array([[0, -INF], [0, 0]], np.float32))
    assert masked.tolist() == [[[[1, -INF], [3, 4]]]]


def test_softmax_by_hand():
    # exp(log 1), exp(log 3) -> 1/4, 3/4; what is masked gets exactly 0.
    x = np.array([[0, math.log(3), -INF]], np.float32)
    y = softmax.forward(x)
    assert y == pytest.approx(np.array([[0.25, 0.75, 0]]), abs=1e-7) and y[0, 2] == 0


def test_softmax_of_large_numbers_does_not_overflow():
    assert softmax.forward(np.array([[1e4, 1e4]], np.float32)).tolist() == [[0.5, 0.5]]


def test_softmax_agrees_with_the_formula_row_by_row():
    x = np.random.default_rng(0).normal(0, 3, (2, 3, 7))
    for row, got in zip(x.reshape(-1, 7).tolist(), softmax.forward(x).reshape(-1, 7), strict=True):
        total = math.fsum(map(math.exp, row))
        assert got == pytest.approx([math.exp(v) / total for v in row], rel=1e-13)


def test_weighted_sum_by_hand():
    pattern = np.array([[[[1, 0], [0.25, 0.75]]]], np.float32)
    v = np.array([[[[4, 8], [0, -4]]]], np.float32)
    assert weighted_sum.forward(pattern, v).tolist() == [[[[4, 8], [1, -1]]]]


@pytest.mark.parametrize(
    ("op", "shapes", "attrs", "message"),
    [
        (scores, ((1, 6, 2, 4), (1, 4, 2, 4)), {}, "6 query heads cannot share 4 key heads"),
        (scores, ((1, 6, 2, 4), (1, 3, 2, 5)), {}, "size 4 do not fit keys of size 5"),
        (weighted_sum, ((1, 6, 2, 4), (1, 3, 5, 8)), {}, "4 weights do not fit 5 values"),
        (split_heads, ((1, 2, 10),), {"heads": 4}, "10 numbers cannot be cut into 4 heads"),
        (mask, ((1, 6, 2, 4), (2, 5)), {}, "cannot broadcast"),
    ],
)
def test_what_does_not_fit_is_refused(op, shapes, attrs, message):
    with pytest.raises(ShapeError, match=message):
        op.shape(*shapes, **attrs)


def test_attention_costs_by_hand():
    # scores: 1·6·2·3 results of 4 products and 4 sums each: 36 · 8 = 288. Reads 6·2·4 + 2·3·4 = 72 floats.
    assert scores.cost(((1, 6, 2, 4), (1, 2, 3, 4)), (1, 6, 2, 3), {}) == (288, 4 * 72, 4 * 36)
    # weighted sum: 1·6·2·4 results of 3 products and 3 sums each: 48 · 6 = 288. Reads 36 + 24 floats.
    assert weighted_sum.cost(((1, 6, 2, 3), (1, 2, 3, 4)), (1, 6, 2, 4), {}) == (288, 4 * 60, 4 * 48)
    # softmax: shift, exp, sum, divide.
    assert softmax.cost(((1, 6, 2, 3),), (1, 6, 2, 3), {}) == (4 * 36, 4 * 36, 4 * 36)
    assert mask.cost(((1, 6, 2, 3), (2, 3)), (1, 6, 2, 3), {}) == (36, 4 * 42, 4 * 36)
    assert split_heads.cost(((1, 2, 12),), (1, 4, 2, 3), {"heads": 4}) == (0, 0, 0)
    assert merge_heads.cost(((1, 4, 2, 3),), (1, 2, 12), {}) == (0, 0, 0)


def plain_attention(q, k, v, queries, keys, factor, window):
    """softmax(factor q k + mask) v, one query and one head at a time, in plain Python."""
    batch, heads, tokens, _ = q.shape
    z = np.zeros((batch, heads, tokens, v.shape[3]))
    for b in range(batch):
        for h in range(heads):
            group = h // (heads // k.shape[1])
            for t, here in enumerate(queries):
                seen = [s for s, p in enumerate(keys) if 0 <= p <= here and (window is None or here - p < window)]
                weight = [math.exp(factor * float(q[b, h, t] @ k[b, group, s])) for s in seen]
                for s, w in zip(seen, weight, strict=True):
                    z[b, h, t] += w / math.fsum(weight) * v[b, group, s]
    return z


def ring(length: int, slots: int) -> list[int]:
    """The positions in the slots of a ring after `length` tokens; -1 where none was written."""
    held = [-1] * slots
    for p in range(length):
        held[p % slots] = p
    return held[: min(length, slots)]


@pytest.mark.parametrize(
    ("queries", "keys", "window"),
    [
        ([0], [0], None),
        (range(40), range(40), None),
        (range(7, 77), range(77), None),
        (range(40), range(40), 5),
        (range(70, 80), ring(80, 72), 8),
        (range(71, 72), ring(72, 72), 8),
        (range(60, 110), ring(110, 72), 8),
        (range(143, 144), ring(144, 72), 8),
        (range(100, 145), ring(145, 72), 8),
    ],
    ids=[
        "one",
        "prompt",
        "later-chunk",
        "window",
        "ring-wrapped",
        "ring-full",
        "ring-chunk",
        "ring-full-twice",
        "ring-on",
    ],
)
@pytest.mark.parametrize("size", [1.0, 30.0], ids=["small", "large"])
def test_attend_is_the_plain_formula(queries, keys, window, size):
    queries, keys = np.array(queries), np.array(keys)
    rng = np.random.default_rng(0)
    q = rng.standard_normal((2, 4, len(queries), 3)) * size
    k, v = rng.standard_normal((2, 2, 2, len(keys), 3))
    expected = plain_attention(q, k, v, queries, keys, 0.3, window)
    assert attend.forward(q, k, v, queries, keys, factor=0.3, window=window) == pytest.approx(expected, abs=1e-10)


def test_attend_costs_what_its_parts_cost():
    # One token after a cache: 1·4·1·10 pairs; two products of size 3 and exp, sum, shift, division.
    shapes = ((1, 4, 1, 3), (1, 2, 10, 3), (1, 2, 10, 3), (1,), (10,))
    parts = [scores.cost(shapes[:2], (1, 4, 1, 10), {}), softmax.cost(((1, 4, 1, 10),), (1, 4, 1, 10), {}),
             weighted_sum.cost(((1, 4, 1, 10), shapes[2]), (1, 4, 1, 3), {})]  # fmt: skip
    assert attend.cost(shapes, (1, 4, 1, 3), {}).flops == sum(part.flops for part in parts)


def test_exp_or_zero_is_exp_where_it_matters_and_never_denormal():
    x = np.concatenate([np.linspace(-110, 0, 5000), [-np.inf, np.nan]]).astype(np.float32)
    found = np.empty_like(x)
    exp_or_zero(x, found)
    with np.errstate(under="ignore"):
        expected = np.exp(x.astype(np.float64))
    assert np.abs(found - expected)[:-1].max() < 1e-7 and np.isnan(found[-1])
    assert (found[x <= -40] == 0).all() and (found[:-1][x[:-1] > -39.9] > np.finfo(np.float32).tiny).all()
    well_above = x > -20
    assert found[well_above] == pytest.approx(expected[well_above], rel=1e-6)
