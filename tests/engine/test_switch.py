"""What a change of settings did: the lines, the bytes, the speed, the drift."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import Cancelled
from engine.listing import diff
from engine.session import Session
from engine.settings import Settings
from engine.switching import last_logits


@pytest.fixture
def session_of(make_model, text):
    def make(name="llama", tokens=20, **settings):
        session = Session(make_model(name), Settings(**settings))
        session.prompt(ids=text(tokens))
        return session

    return make


def test_turning_the_cache_off_takes_its_lines_away(session_of):
    session = session_of("gpt2", optimize=False)
    session.change(Settings(optimize=False, kv_cache=False))
    switch = session.switch
    assert switch.changed == ("kv_cache",) and switch.number == 1
    gone = [line.address for line in switch.lines if line.kind == "gone"]
    assert gone == [f"blocks.{i}.attn.{kind}_seen" for i in (0, 1) for kind in "kv"]
    changed = {line.address: (line.old, line.new) for line in switch.lines if line.kind == "changed"}
    assert changed["blocks.1.attn.scores"] == ("scores(attn.q, attn.k_seen)", "scores(attn.q, attn.k)")
    assert changed["mask"] == ("causal_mask(position_ids, key_position_ids)", "causal_mask(position_ids, position_ids)")
    assert (switch.count("gone"), switch.count("new"), switch.count("changed")) == (4, 0, 5)


@pytest.mark.parametrize("changes", [{"kv_cache": False}, {"optimize": False}, {"kv_window": 3}], ids=str)
def test_the_lines_are_the_difference_of_what_generation_ran_and_runs(session_of, changes):
    session = session_of()
    before = session.decoder.prepared.step[0]
    session.change(Settings(**changes))
    expected = diff(before, session.decoder.prepared.step[0])
    assert [(line.kind, line.address) for line in session.switch.lines] == [(c.kind, c.line.out) for c in expected]


def test_the_bytes_are_those_of_the_arrays_before_and_after(session_of):
    session = session_of("llama", 30)
    cache = session.decoder.cache.allocated_bytes
    session.change(Settings(kv_cache=False))
    assert session.switch.bytes_before.cache == cache and session.switch.bytes_after.cache == 0
    assert session.switch.bytes_before.weights == session.switch.bytes_after.weights
    assert session.switch.bytes_after.activations > session.switch.bytes_before.activations
    assert session.switch.bytes_after.total - session.switch.bytes_before.total > 0


def test_the_work_saved_by_a_cache_is_that_of_the_other_rows(session_of):
    """Without a cache 20 rows are computed instead of one: all products grow twentyfold, the scores as well."""
    session = session_of("gpt2", 20, optimize=False)
    session.change(Settings(optimize=False, kv_cache=False))
    before, after = session.switch.bytes_before.flops, session.switch.bytes_after.flops
    width, hidden, vocab, seen = 12, 48, 19, 20
    matrices = 2 * (2 * (4 * width * width + 2 * width * hidden) + width * vocab)
    attention = 2 * 2 * 2 * width * seen  # per row: two layers, scores and values, a product and a sum each
    assert matrices + attention < before < 1.5 * (matrices + attention)
    assert after == pytest.approx(20 * before, rel=0.02)


def test_the_drift_is_that_of_two_plain_runs(session_of, plain_run):
    session = session_of("gpt2", 24)
    session.change(Settings(kv_window=3))
    a, b = (plain_run(session.model, session.tokens, window)["logits"][0].astype(float) for window in (None, 3))
    p, q = (np.exp(x - np.logaddexp.reduce(x, -1, keepdims=True)) for x in (a, b))
    drift = session.switch.drift
    assert drift.tokens == 24 and drift.flips == int((a.argmax(-1) != b.argmax(-1)).sum()) > 0
    assert drift.mean_kl == pytest.approx(float((p * np.log(p / q)).sum(-1).mean()), rel=1e-3)


def test_an_exact_rewrite_does_not_drift(session_of):
    session = session_of()
    session.change(Settings(optimize=False))
    assert session.switch.drift.flips == 0 and session.switch.drift.mean_kl < 1e-8


def test_a_speed_belongs_to_its_settings(session_of):
    session = session_of()
    list(session.generate(3))
    speed = session.tokens_per_s
    session.change(Settings(kv_cache=False))
    assert session.tokens_per_s is None and session.switch.tokens_per_s == speed
    list(session.generate(3))
    session.change(Settings())
    assert session.tokens_per_s == speed and session.switch.number == 2


def test_a_cache_that_goes_or_comes_leaves_the_weights_as_they_were_made(session_of):
    session = session_of("gpt2", int8="all")
    before = session.decoder.prepared
    for settings in (Settings(int8="all", kv_cache=False), Settings(int8="all", int8_cache=True)):
        session.change(settings)
        (program, made), weights = session.decoder.prepared.step, before.step[1]
        assert all(made[name] is weights[name] for name in program.params)
    session.change(Settings(int8="all", kv_window=3))
    assert session.decoder.prepared.step[1] is not weights


def test_a_change_before_the_first_text_has_no_drift(make_model):
    session = Session(make_model("gpt2"))
    session.change(Settings(optimize=False))
    assert session.switch.drift is None and session.switch.count("new") > 10


def test_a_cancelled_change_is_none(make_model, text):
    session = Session(make_model("llama", max_position_embeddings=500))
    session.prompt(ids=text(300))
    with pytest.raises(Cancelled):
        session.change(Settings(kv_window=4), stop=lambda: True)
    assert session.switch is None and session.settings == Settings()


def test_only_logits_without_a_gap_are_compared(session_of):
    session = session_of(tokens=10)
    nodes = session.nodes
    nodes[6].logits = None
    assert len(last_logits(nodes)) == 3
