"""The figures of an evaluation are those of the plain program, added up by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.evaluate import Evaluation, evaluate, window_of
from engine.errors import InputError
from engine.settings import Settings
from engine.tokenizer.bytes import ByteTokenizer

TEXT = "What is averaged? Every token that has one before it; naïve café. " * 2


class Beginning(ByteTokenizer):
    """Bytes, with a beginning token before every prompt."""

    beginning = (1,)


def reading(make_model, tokenizer=None, name="llama", **changes):
    model = make_model(name, vocab_size=256, **changes)
    return replace(model, tokenizer=tokenizer or ByteTokenizer())


def by_hand(model, plain_run, pieces):
    """Sum of nats, hits and count of pieces of ids, each foreseen from its own beginning; in float64."""
    nats = hits = count = 0.0
    for piece in pieces:
        logits = plain_run(model, piece)["logits"][0].astype(np.float64)
        for row, target in zip(logits[:-1], piece[1:], strict=True):
            nats -= row[target] - np.logaddexp.reduce(row)
            hits += row.argmax() == target
            count += 1
    return nats, hits, count


@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral"])
@pytest.mark.parametrize("window", [None, 2, 7, 48])
def test_without_a_beginning_token_the_first_of_each_window_is_given(make_model, plain_run, name, window):
    model, ids = reading(make_model, name=name), list(TEXT.encode())
    length = window or model.config.context
    pieces = [ids[i : i + length] for i in range(0, len(ids), length)]
    nats, hits, count = by_hand(model, plain_run, pieces)
    *_, done = evaluate(model, TEXT, window=window)
    assert done.is_complete and (done.tokens, done.hits) == (count, hits)
    assert done.nats == pytest.approx(nats, rel=1e-5)
    assert done.bytes == count
    assert done.nats_per_token == pytest.approx(nats / count, rel=1e-5)
    assert done.perplexity == pytest.approx(math.exp(nats / count), rel=1e-4)


def test_with_a_beginning_token_every_token_is_scored(make_model, plain_run):
    model, ids = reading(make_model, Beginning()), list(TEXT.encode())
    pieces = [[1, *ids[i : i + 9]] for i in range(0, len(ids), 9)]
    nats, hits, count = by_hand(model, plain_run, pieces)
    *_, done = evaluate(model, TEXT, window=10)
    assert (done.tokens, done.bytes, done.hits) == (len(ids), len(ids), hits) and count == len(ids)
    assert done.nats == pytest.approx(nats, rel=1e-5)


@pytest.mark.parametrize("settings", [Settings(kv_cache=False), Settings(optimize=False), Settings(kv_window=99)])
def test_settings_that_change_no_result_change_no_figure(make_model, settings):
    model = reading(make_model)
    *_, want = evaluate(model, TEXT)
    *_, done = evaluate(model, TEXT, settings)
    assert (done.tokens, done.bytes) == (want.tokens, want.bytes)
    assert done.nats == pytest.approx(want.nats, rel=1e-5)


def test_long_windows_are_reported_on_the_way(make_model):
    model = reading(make_model, max_position_embeddings=400)
    steps = list(evaluate(model, "abcdefgh" * 100, Settings(kv_window=8)))  # a ring is fed in short chunks
    counts = [step.tokens for step in steps]
    assert len(counts) > 2 * 2 and counts == sorted(set(counts)) and counts[-1] == 2 * 399
    assert [step.is_complete for step in steps[-2:]] == [False, True]


def test_bytes_are_those_of_the_scored_tokens(make_model, shared):
    from engine.model import open_model

    model = open_model(str(shared / "models" / "stories260K"))
    text = "Once upon a time, there was a café.\n"
    *_, done = evaluate(model, text)
    assert done.bytes == len(text.encode())


def test_logits_that_are_no_numbers_are_told(make_model):
    model = reading(make_model)
    bad = {
        name: np.full_like(array, np.nan) if name == "final.norm.weight" else array
        for name, array in model.weights.items()
    }
    with pytest.raises(InputError, match="NaN or infinity"):
        list(evaluate(replace(model, weights=bad), TEXT))


def test_what_cannot_be_scored_is_refused(make_model):
    model = reading(make_model)
    with pytest.raises(InputError, match="too short"):
        list(evaluate(model, "a"))
    with pytest.raises(InputError, match="no tokenizer"):
        list(evaluate(replace(model, tokenizer=None), TEXT))
    for window in (0, 1, 49):
        with pytest.raises(InputError, match="expected 2 to 48"):
            window_of(model, window)


def test_a_hopeless_model_has_an_infinite_perplexity():
    assert Evaluation(1, 1, 1, 800.0, 0).perplexity == math.inf
