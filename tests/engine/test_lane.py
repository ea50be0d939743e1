"""Lanes in one word, and a comparison that follows a text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import lane as module
from engine.analysis.drift import compare
from engine.errors import Cancelled, InputError
from engine.lane import PLAIN, Comparison, Lane, Other, with_words, word_of, words_of
from engine.sampling import Sampler
from engine.session import Session
from engine.settings import TABLE, Settings


def changed(**values: object) -> Settings:
    return replace(PLAIN, **values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("optimize", {"optimize": True}),
        ("kv", {"kv_cache": True}),
        ("kv-cache=on", {"kv_cache": True}),
        ("no-kv,no-optimize", {}),
        ("kv-window=16", {"kv_window": 16}),
        ("kv_window=none", {}),
        ("int8=all,rank=32", {"int8": "all", "low_rank_mlp": 32}),
        (" int8=mlp , int8-embedding ,", {"int8": "mlp", "int8_embedding": True}),
    ],
)
def test_settings_are_written_as_their_flags(text, values):
    assert with_words(PLAIN, text) == changed(**values)


@pytest.mark.parametrize("text", ["int4", "rank", "rank=0", "rank=x", "kv=maybe", "no-rank", "no-kv=on", "=", "int8=3"])
def test_what_is_no_setting_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="expected") as refusal:
        with_words(PLAIN, text)
    assert len(str(refusal.value)) < 400 and "\n" not in str(refusal.value)


def test_hostile_words_are_shown_and_not_obeyed():
    with pytest.raises(InputError) as refusal:
        with_words(PLAIN, "\x1b[2J" + "x" * 999)
    assert "\x1b" not in str(refusal.value) and len(str(refusal.value)) < 400


def test_words_and_settings_are_two_ways_to_say_one_thing():
    for row in TABLE:
        for value in row.choices:
            settings = replace(PLAIN, **{row.name: value})
            assert with_words(PLAIN, words_of(settings)) == settings
            assert with_words(Settings(), words_of(settings, Settings())) == settings
    assert words_of(PLAIN) == "" and words_of(changed(kv_window=8, optimize=True)) == "kv-window=8,optimize"
    assert len({word_of(row) for row in TABLE}) == len(TABLE)


def test_a_lane_is_named_as_it_is_written(make_model):
    assert Lane(make_model(), PLAIN, (1,)).name == "llama"
    assert Lane(make_model(), changed(int8="all", low_rank_mlp=12), (1,)).name == "llama:int8=all,rank=12"


def test_an_int8_cache_is_compared_though_the_whole_text_is_run_at_once(make_model):
    a, b = (Lane(make_model(), changed(int8_cache=on), (1, 2, 3, 4)).record() for on in (False, True))
    found = compare(a, b)
    assert found.first is not None and found.first.address == "blocks.0.attn.scores"
    assert found["blocks.0.attn.k"].apart.is_exact and found.tokens is not None and found.tokens.kl.max() > 0


def test_a_comparison_follows_the_text_and_runs_only_what_changed(make_model, monkeypatch):
    model, session = make_model(), Settings(kv_window=9)
    comparison, ran = Comparison(Other(changed(kv_window=2))), []
    original = module.record_text
    monkeypatch.setattr(module, "record_text", lambda *a, **k: ran.append(a[1:]) or original(*a, **k))
    assert comparison.latest is None and comparison.is_stale(model, session, [1, 2, 3])
    first = comparison.run(model, session, [1, 2, 3])
    assert (first.name_a, first.name_b) == ("llama:kv-window=9", "llama:kv-window=2")
    assert ran == [((1, 2, 3), changed(kv_window=9)), ((1, 2, 3), changed(kv_window=2))]
    assert not comparison.is_stale(model, session, [1, 2, 3]) and comparison.is_stale(model, session, [1, 2])
    assert not comparison.is_stale(model, replace(session, kv_cache=False), [1, 2, 3])  # the same numbers
    ran.clear()
    comparison.run(model, Settings(), [1, 2, 3])
    assert ran == [((1, 2, 3), PLAIN)]
    assert first.drift.tokens is not None and first.a.settings.kv_window == 9  # what was published stays as it was


def test_b_may_be_another_model_or_another_text(make_model):
    model, other = make_model(), make_model(seed=1)
    found = Comparison(Other(PLAIN, other)).run(model, PLAIN, [1, 2, 3])
    assert found.b.fingerprint == other.fingerprint and found.b.tokens == (1, 2, 3)
    found = Comparison(Other(PLAIN, ids=(1, 2))).run(model, PLAIN, [1, 2, 3])
    assert found.b.tokens == (1, 2) and found.drift.positions == 2


def test_a_comparison_that_fails_leaves_the_latest(make_model):
    comparison = Comparison(Other(PLAIN))
    before = comparison.run(make_model(), PLAIN, [1, 2])
    with pytest.raises(Cancelled):
        comparison.run(make_model(), PLAIN, [1, 2, 3], stop=lambda: True)
    with pytest.raises(InputError):
        comparison.run(make_model(), PLAIN, [1, 99])
    assert comparison.latest is before and comparison.is_stale(make_model(), PLAIN, [1, 2, 3])


def test_a_sessions_second_lane_follows_its_text_and_settings(make_model):
    session = Session(make_model(), Settings(), Sampler(temperature=0))
    session.compare("kv-window=2")
    session.follow()
    assert session.comparison is not None and session.comparison.latest is None  # there is no text yet
    session.prompt(ids=[1, 2, 3])
    session.follow()
    first = session.comparison.latest
    session.follow()
    assert first is not None and session.comparison.latest is first  # nothing changed, so nothing ran
    list(session.generate(2))
    session.follow()
    latest = session.comparison.latest
    assert (
        latest is not None and latest.a.tokens == latest.b.tokens == tuple(session.tokens) and len(latest.a.tokens) == 5
    )
    session.change(Settings(kv_window=2))
    session.follow()
    assert session.comparison.latest.drift.first is None and session.comparison.latest.name_a == "llama:kv-window=2"


def test_a_sessions_second_lane_may_be_another_model_or_text(make_model):
    session = Session(make_model())
    session.prompt(ids=[1, 2, 3])
    for arguments in ({"model": make_model(seed=2)}, {"ids": [1, 7, 3]}):
        session.compare(**arguments)
        session.follow()
        assert session.comparison.latest.drift.first.address == "embed"
    with pytest.raises(InputError, match="no tokenizer"):
        session.compare(text="abc")
