"""Scores and losses on repeats, against a loop over queries in the plain program and heads cut out of the weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.induction import AT_ONCE, Heads, Repeats, loss_without, measure_heads, repeats
from engine.analysis.readings import PatternScores, pattern_scores
from engine.errors import InputError
from engine.tokenizer.characters import CharacterTokenizer

HALF, COUNT = 6, AT_ONCE + 2


@pytest.fixture
def texts(make_model):
    return repeats(make_model("llama"), COUNT, HALF, seed=3)


def mean_nats(runs, texts, first, last):
    """The mean loss of the tokens `first` to `last` - 1 of every sequence, in float64."""
    nats = []
    for run, ids in zip(runs, texts.tokens, strict=True):
        rows = run["logits"][0].astype(np.float64)
        nats += [np.logaddexp.reduce(rows[t - 1]) - rows[t - 1, ids[t]] for t in range(first, last)]
    return np.mean(nats)


def test_tokens_are_ordinary_said_twice_and_drawn_anew_by_seed(make_model):
    tokenizer = CharacterTokenizer.train("abcdefghijklmnop", ["<start>"])
    tokenizer.beginning = (tokenizer.specials["<start>"],)
    model = replace(make_model("llama"), tokenizer=tokenizer)
    texts = repeats(model, 200, HALF)
    assert texts.tokens.shape == (200, 1 + 2 * HALF) and texts.second == 1 + HALF
    assert (texts.tokens[:, 0] == tokenizer.beginning[0]).all()
    assert (texts.tokens[:, 1 : 1 + HALF] == texts.tokens[:, 1 + HALF :]).all()
    assert all(len(set(row)) == HALF for row in texts.tokens[:, 1 : 1 + HALF].tolist())
    assert set(np.unique(texts.tokens[:, 1:])) == set(range(model.config.vocab)) - tokenizer.special_ids
    assert (repeats(model, 200, HALF).tokens == texts.tokens).all()
    assert (repeats(model, 200, HALF, seed=1).tokens != texts.tokens).any()


@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral"])
def test_the_score_is_the_attention_to_what_followed_the_earlier_occurrence(make_model, plain_run, texts, name):
    model = make_model(name)
    runs = [plain_run(model, ids) for ids in texts.tokens.tolist()]
    layers, count = model.config.layers, model.config.heads
    expected, previous = np.zeros((layers, count)), np.zeros((layers, count))
    for layer, head in np.ndindex(layers, count):
        patterns = [run[f"blocks.{layer}.attn.pattern"][0, head] for run in runs]
        shares = [p[q, q - HALF + 1] for p in patterns for q in range(HALF, 2 * HALF)]
        expected[layer, head] = np.mean(shares) if name != "mistral" else np.nan  # whose window is 5
        previous[layer, head] = np.mean([p[q, q - 1] for p in patterns for q in range(1, 2 * HALF)])
    heads = measure_heads(model, texts)
    np.testing.assert_allclose(heads.scores.induction, expected, rtol=1e-4)
    np.testing.assert_allclose(heads.scores.previous, previous, rtol=1e-4)
    assert heads.second_loss == pytest.approx(mean_nats(runs, texts, HALF, 2 * HALF), rel=1e-5)
    assert heads.first_loss == pytest.approx(mean_nats(runs, texts, 1, HALF), rel=1e-5)


def test_a_pattern_made_by_hand_scores_one(texts):
    ids = texts.tokens[0]
    looks_back = np.zeros((1, 2 * HALF, 2 * HALF), np.float32)
    looks_back[0, np.arange(2 * HALF), np.maximum(0, np.arange(2 * HALF) - HALF + 1)] = 1
    scores = pattern_scores([looks_back], ids)
    assert scores.induction[0, 0] == 1 and scores.same[0, 0] == 0
    assert scores.first[0, 0] == pytest.approx((HALF - 1) / (2 * HALF - 1))


def test_leaving_a_head_out_is_zeroing_its_rows_of_the_out_matrix(make_model, plain_run, texts):
    model, size = make_model("llama"), 6
    for layer, head in ((0, 1), (1, 3)):
        name = f"blocks.{layer}.attn.out.weight"
        cut = model.weights[name].copy()
        cut[:, head * size : (head + 1) * size] = 0  # Llama's matrices are (out, in)
        without = replace(model, weights={**model.weights, name: cut})
        runs = [plain_run(without, ids) for ids in texts.tokens.tolist()]
        loss = loss_without(model, texts, [(layer, head)])
        assert loss == pytest.approx(mean_nats(runs, texts, HALF, 2 * HALF), rel=1e-5)
        assert loss != pytest.approx(measure_heads(model, texts).second_loss, rel=1e-5)


def test_the_best_heads_come_first():
    induction = np.array([[0.1, 0.4, 0.2], [0.9, 0.4, 0.0]], np.float32)
    heads = Heads(PatternScores(induction, induction, induction, induction), 1.0, 1.0)
    assert heads.best(4) == [(1, 0), (0, 1), (1, 1), (0, 2)]


def test_progress_counts_sequences(make_model, texts):
    told: list[tuple[int, int]] = []
    measure_heads(make_model("llama"), texts, lambda done, total: told.append((done, total)))
    assert told == [(AT_ONCE, COUNT), (COUNT, COUNT)]


def test_a_model_that_is_too_small_is_refused(make_model):
    with pytest.raises(InputError, match="need a context of 64 and 32 ordinary tokens, but it has 48 and 19"):
        repeats(make_model("llama"))
    assert isinstance(repeats(make_model("llama"), 2, 19), Repeats)
