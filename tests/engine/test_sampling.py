"""The sampling pipeline, stage by stage, against a slow one in plain Python."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.sampling import Sampler, entropy, keep_top_k, keep_top_p, penalize, pick, predict, rank_of, sample

INF = math.inf


def shares(logits: list[float]) -> list[float]:
    """Softmax, number by number; what is removed (-inf) gets 0."""
    top = max(logits)
    weights = [math.exp(x - top) if x > -INF else 0.0 for x in logits]
    return [w / math.fsum(weights) for w in weights]


def slowly(logits: list[float], sampler: Sampler, seen: list[int]) -> list[list[float]]:
    """Penalty, temperature, top-k, top-p and probabilities, each from its definition."""
    r, t, k, p = sampler.repetition_penalty, sampler.temperature, sampler.top_k, sampler.top_p
    penalized = [(x / r if x > 0 else x * r) if i in seen else x for i, x in enumerate(logits)]
    tempered = [x / t for x in penalized]
    order = sorted(range(len(logits)), key=lambda i: (-tempered[i], i))  # best first, the lower id on a tie
    top_k = [x if not k or order.index(i) < k else -INF for i, x in enumerate(tempered)]
    kept, total = set(), 0.0
    probabilities = shares(top_k)
    for i in sorted(range(len(logits)), key=lambda i: (-top_k[i], i)):
        if total >= p - 1e-12 and kept:
            break
        kept.add(i)
        total += probabilities[i]
    top_p = [x if i in kept or p == 1 else -INF for i, x in enumerate(top_k)]
    return [penalized, tempered, top_k, top_p, shares(top_p)]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 40),
    seen=st.lists(st.integers(0, 0), max_size=0) | st.lists(st.integers(0, 39), max_size=8),
    sampler=st.builds(
        Sampler,
        temperature=st.sampled_from([0.1, 0.7, 1.0, 1.5, 10.0]),
        top_k=st.sampled_from([0, 1, 3, 10, 100]),
        top_p=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
        repetition_penalty=st.sampled_from([1.0, 1.3, 0.8, 2.0]),
    ),
)
def test_every_stage_is_what_its_definition_says(seed, size, seen, sampler):
    logits = np.random.default_rng(seed).normal(0, 3, size).astype(np.float32)
    seen = [i for i in seen if i < size]
    draw = sample(logits, sampler, np.random.default_rng(1), seen)
    stages = [draw.penalized, draw.tempered, draw.after_top_k, draw.after_top_p, draw.probabilities]
    for got, expected in zip(stages, slowly(logits.tolist(), sampler, seen), strict=True):
        assert got.dtype == np.float32
        assert got.tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert draw.probabilities.sum() == pytest.approx(1, abs=1e-5) and draw.probabilities[draw.token] > 0


def test_the_pipeline_by_hand():
    # Seen: 0 and 2; penalty 2: [4, 1, -1, 0] -> [2, 1, -2, 0]. Temperature 1/2 doubles: [4, 2, -4, 0].
    # Top-k 3 removes token 2. Shares of e^4 : e^2 : e^0 are .867 .117 .016: 0.9 needs the first two.
    # Then e^4 / (e^4 + e^2) = 1 / (1 + e^-2).
    draw = sample(np.array([4, 1, -1, 0], np.float32), Sampler(0.5, 3, 0.9, 2.0), np.random.default_rng(0), [0, 2, 0])
    assert draw.penalized.tolist() == [2, 1, -2, 0]
    assert draw.tempered.tolist() == [4, 2, -4, 0]
    assert draw.after_top_k.tolist() == [4, 2, -INF, 0]
    assert draw.after_top_p.tolist() == [4, 2, -INF, -INF]
    first = 1 / (1 + math.exp(-2))
    assert draw.probabilities.tolist() == pytest.approx([first, 1 - first, 0, 0], abs=1e-6)


def test_ties_keep_the_lower_id():
    logits = np.array([1, 3, 3, 2, 3], np.float32)
    assert keep_top_k(logits, 2).tolist() == [-INF, 3, 3, -INF, -INF]
    assert keep_top_k(logits, 4).tolist() == [-INF, 3, 3, 2, 3]
    assert keep_top_p(np.zeros(4, np.float32), 0.5).tolist() == [0, 0, -INF, -INF]
    assert sample(logits, Sampler(temperature=0), np.random.default_rng(0)).token == 1
    assert predict(logits, 3).ids.tolist() == [1, 2, 4]


def test_top_p_keeps_at_least_one_and_reaches_p_exactly():
    logits = np.log(np.array([0.5, 0.25, 0.125, 0.125])).astype(np.float32)
    for p, count in ((1e-9, 1), (0.4, 1), (0.6, 2), (0.8, 3), (0.99, 4)):
        assert np.isfinite(keep_top_p(logits, p)).sum() == count


def test_the_penalty_works_whatever_the_sign():
    assert penalize(np.array([2, -2, 2, 0], np.float32), [0, 1, 1, 3], 2.0).tolist() == [1, -4, 2, 0]


def test_nothing_is_done_where_nothing_is_asked():
    logits = np.array([1, 2, 3], np.float32)
    draw = sample(logits, Sampler(), np.random.default_rng(0), [0])
    assert draw.penalized is logits and draw.after_top_k.tolist() == draw.after_top_p.tolist() == [1, 2, 3]


def test_the_input_is_left_alone():
    logits = np.random.default_rng(0).standard_normal(20).astype(np.float32)
    logits.flags.writeable = False
    sample(logits, Sampler(0.7, 5, 0.8, 1.3), np.random.default_rng(0), [1, 2])


def test_temperature_zero_is_greedy_and_draws_no_number():
    generator = np.random.default_rng(0)
    draw = sample(np.array([1, 5, 2], np.float32), Sampler(temperature=0), generator)
    assert draw.token == 1 and draw.uniform is None and draw.probabilities.tolist() == [0, 1, 0]
    assert generator.random() == np.random.default_rng(0).random()


def test_the_penalty_counts_when_greedy():
    assert (
        sample(np.array([5, 4], np.float32), Sampler(0, repetition_penalty=2), np.random.default_rng(0), [0]).token == 1
    )


@pytest.mark.parametrize(
    "sampler", [Sampler(), Sampler(0.3), Sampler(top_k=1), Sampler(top_p=0.1, repetition_penalty=1.2)]
)
def test_exactly_one_number_is_drawn_whatever_the_settings(sampler):
    generator, same = np.random.default_rng(3), np.random.default_rng(3)
    draw = sample(np.arange(9, dtype=np.float32), sampler, generator, [1])
    assert draw.uniform == same.random() and generator.random() == same.random()


def test_a_low_temperature_is_nearly_greedy_and_a_high_one_nearly_even():
    logits = np.array([1, 2, 3], np.float32)
    cold, hot = (sample(logits, Sampler(t), np.random.default_rng(0)).probabilities for t in (1e-3, 1e4))
    assert cold.tolist() == [0, 0, 1] and hot.tolist() == pytest.approx([1 / 3] * 3, abs=1e-4)


@pytest.mark.parametrize("temperature", [1e-6, 1e-5, 1e5])
def test_extreme_temperatures_stay_finite(temperature):
    logits = np.array([-80, 90, 89.5, 0], np.float32)
    draw = sample(logits, Sampler(temperature), np.random.default_rng(0))
    assert np.isfinite(draw.probabilities).all() and draw.probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("bad", [math.nan, INF, -INF])
def test_logits_that_are_no_numbers_stop_with_a_word(bad):
    for sampler in (Sampler(), Sampler(temperature=0)):
        with pytest.raises(InputError, match=r"the logits after token .* hold NaN or infinity"):
            sample(np.array([1, bad, 2], np.float32), sampler, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("temperature", t) for t in (-0.1, math.nan, INF, 1e-40, 1e300, "hot", None)),
        *(("top_k", k) for k in (-1, 2.5, True, None)),
        *(("top_p", p) for p in (0, 1.1, math.nan)),
        *(("repetition_penalty", r) for r in (0, -1, INF, 1e300)),
    ],
)
def test_settings_that_mean_nothing_are_refused(field, value):
    with pytest.raises(InputError) as caught:
        Sampler(**{field: value})
    assert str(caught.value).startswith(field.replace("_", "-") + ": expected ")


def test_draws_follow_the_probabilities():
    # Pearson's chi-square with 7 degrees of freedom exceeds 24.3 once in a thousand; the seed is fixed.
    logits, generator = np.array([0, 1, 2, -1, 0.5, -3, 1.5, 0], np.float32), np.random.default_rng(12)
    count = 20_000
    drawn = Counter(sample(logits, Sampler(0.8), generator).token for _ in range(count))
    expected = [count * p for p in shares([x / 0.8 for x in logits.tolist()])]
    assert sum((drawn[i] - e) ** 2 / e for i, e in enumerate(expected)) < 24.3


def test_shares_lie_in_order_of_id():
    p = np.array([0.25, 0, 0.5, 0.25], np.float32)
    for uniform, token in ((0.0, 0), (0.2499, 0), (0.25, 2), (0.7499, 2), (0.75, 3), (1 - 2**-53, 3)):
        assert pick(p, uniform) == token


def test_a_removed_token_is_never_drawn():
    p = np.array([0, 0.5, 0.5, 0], np.float32)
    assert {pick(p, u) for u in (0.0, 0.5, 1 - 2**-53)} == {1, 2}


def test_predictions_are_log_probabilities_best_first():
    logits = np.random.default_rng(0).normal(0, 2, 30).astype(np.float32)
    p = shares(logits.tolist())
    order = sorted(range(30), key=lambda i: -p[i])[:5]
    made = predict(logits, 5)
    assert made.ids.tolist() == order
    assert made.logprobs.tolist() == pytest.approx([math.log(p[i]) for i in order], abs=1e-5)
    assert made.entropy == pytest.approx(-math.fsum(x * math.log(x) for x in p), abs=1e-5)
    assert [rank_of(logits, i) for i in order] == [1, 2, 3, 4, 5]


def test_all_candidates_of_a_small_vocabulary():
    assert predict(np.array([1, 2], np.float32), 20).ids.tolist() == [1, 0]


def test_entropy_at_its_ends():
    assert entropy(np.log(np.full(8, 1 / 8))) == pytest.approx(math.log(8))
    assert entropy(np.array([0.0, -INF])) == 0
