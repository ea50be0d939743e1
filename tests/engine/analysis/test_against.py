"""What a setting costs, against the plain program and sums added up by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.against import Against, evaluate_against, in_step
from engine.analysis.evaluate import evaluate
from engine.decoder import Fed
from engine.errors import InputError
from engine.settings import Settings
from engine.tokenizer.bytes import ByteTokenizer

TEXT = "What does a window cost? Every token that looks further back. " * 3


def reading(make_model, **changes):
    return replace(make_model(vocab_size=256, **changes), tokenizer=ByteTokenizer())


def by_hand(model, plain_run, window, length=48):
    """KL, same first choice and A's entropy of every scored token, in float64."""
    rows, ids = [], list(TEXT.encode())
    for start in range(0, len(ids), length):
        piece = ids[start : start + length]
        sides = (plain_run(model, piece, w)["logits"][0, :-1].astype(np.float64) for w in (None, window))
        for x, y in zip(*sides, strict=True):
            log_p, log_q = x - np.logaddexp.reduce(x), y - np.logaddexp.reduce(y)
            p = np.exp(log_p)
            rows.append(((p * (log_p - log_q)).sum(), x.argmax() == y.argmax(), -(p * log_p).sum()))
    return np.array(rows)


@pytest.mark.parametrize("gain", [1.0, 6.0])  # the larger makes the model sure of more tokens
def test_figures_are_those_of_the_plain_program(make_model, plain_run, gain):
    model = reading(make_model)
    name = "final.norm.weight"
    model = replace(model, weights={**model.weights, name: model.weights[name] * np.float32(gain)})
    rows = by_hand(model, plain_run, window=3)
    sure = rows[:, 2] < 1
    *_, done = evaluate_against(model, TEXT, Settings(), Settings(kv_window=3))
    assert sure.any() == (gain > 1) and not sure.all()
    for part, want in ((done.sure, rows[sure]), (done.unsure, rows[~sure]), (done.all, rows)):
        assert (part.tokens, part.same) == (len(want), want[:, 1].sum())
        assert part.nats == pytest.approx(want[:, 0].sum(), rel=1e-3, abs=1e-4)


def test_both_sides_are_scored_as_if_alone(make_model):
    model, sides = reading(make_model), (Settings(), Settings(kv_window=5))
    *_, done = evaluate_against(model, TEXT, *sides)
    for found, settings in zip((done.a, done.b), sides, strict=True):
        *_, alone = evaluate(model, TEXT, settings)
        assert (found.tokens, found.bytes, found.hits) == (alone.tokens, alone.bytes, alone.hits)
        assert found.nats == pytest.approx(alone.nats, rel=1e-6) and found.is_complete


@pytest.mark.parametrize("other", [Settings(kv_cache=False), Settings(optimize=False), Settings(kv_window=99)])
def test_settings_that_change_no_result_diverge_by_rounding_only(make_model, other):
    *_, done = evaluate_against(reading(make_model), TEXT, Settings(), other)
    assert 0 <= done.all.mean_kl < 1e-8 and done.all.share == 1


def test_sides_that_cut_the_text_into_other_chunks_stay_in_step():
    logits = np.arange(20.0).reshape(10, 2)

    def fed(*sizes):
        ends = np.cumsum(sizes)
        return (Fed(int(e - n), logits[e - n : e], (), ()) for n, e in zip(sizes, ends, strict=True))

    steps = list(in_step(fed(4, 4, 2), fed(3, 7)))
    assert [(first, len(x)) for first, x, _ in steps] == [(0, 3), (3, 1), (4, 4), (8, 2)]
    assert all(np.array_equal(x, y) and x[0, 0] == 2 * first for first, x, y in steps)


def test_no_more_than_a_chunk_of_logits_is_handed_on_at_once(make_model):
    model = reading(make_model, max_position_embeddings=600)
    steps = list(evaluate_against(model, "abcdefgh" * 70, Settings(), Settings(kv_window=8)))
    assert len(steps) > 5 and [s.a.tokens for s in steps] == [s.b.tokens for s in steps] == [
        s.all.tokens for s in steps
    ]


def test_damaged_weights_are_told(make_model):
    model = reading(make_model)
    bad = {**model.weights, "final.norm.weight": np.full_like(model.weights["final.norm.weight"], np.nan)}
    with pytest.raises(InputError, match="NaN or infinity"):
        list(evaluate_against(replace(model, weights=bad), TEXT, Settings(), Settings()))


def test_nothing_scored_has_no_mean():
    from engine.analysis.against import Agreement
    from engine.analysis.evaluate import Evaluation

    nothing = Evaluation(0, 5, 0, 0.0, 0)
    assert math.isnan(Against(nothing, nothing, Agreement(), Agreement()).all.mean_kl)
