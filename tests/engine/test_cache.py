"""Cached = uncached at every length, however the text came, was taken back, branched, or outgrew its slots."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compile import Compiled
from engine.decoder import Decoder
from engine.errors import InputError
from engine.kv_cache import GROWTH, RING_SLACK, KVCache
from engine.prepare import prepare
from engine.rewrites.cache_kv import CacheSlot, cache_slots
from engine.settings import Settings

AGREE = 1e-4
LONG = 200
WINDOWS = [None, 3]


def sized(make_model, name, context):
    key = "n_positions" if name.startswith("gpt2") else "max_position_embeddings"
    return make_model(name, **{key: context})


@pytest.fixture(
    scope="session", params=["gpt2", "gpt2-erf-untied", "llama", "llama3-rope", "mistral", "qwen2-mixed", "sinusoidal"]
)
def long_model(request, make_model):
    """Each architecture with room for 200 tokens: rings wrap more than twice."""
    return sized(make_model, request.param, LONG)


@pytest.fixture(scope="session")
def reference(plain_run, text):
    """Logits and patterns of the plain program on a long text, by model and window. No row depends on later tokens."""
    known = {}

    def of(model, window, seed=0):
        key = (model.fingerprint, window, seed)
        if key not in known:
            run = plain_run(model, text(model.config.context, seed), window)
            patterns = [run[f"blocks.{i}.attn.pattern"][0] for i in range(model.config.layers)]
            known[key] = run["logits"][0], patterns
        return known[key]

    return of


def decoder_of(model, window=None, **changes) -> Decoder:
    return Decoder(prepare(model.config, model.weights, Settings(kv_window=window, **changes)))


def check(fed, logits, patterns):
    """One call's logits and attention against the reference, position by position."""
    rows = slice(fed.first, fed.first + fed.patterns[0].shape[1])
    assert np.abs(fed.logits - logits[rows][-len(fed.logits) :]).max() < AGREE
    for got, keys, whole in zip(fed.patterns, fed.keys, patterns, strict=True):
        assert got.shape[2] == len(keys)
        for t, query in enumerate(range(rows.start, rows.stop)):
            seen = (keys >= 0) & (keys <= query)
            assert np.abs(got[:, t, seen] - whole[:, query, keys[seen]]).max() < AGREE
            assert not got[:, t, ~seen].any()
            assert got[:, t].sum(-1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("window", WINDOWS)
def test_cached_equals_uncached_at_every_length(long_model, reference, text, window, optimize):
    decoder, expected = decoder_of(long_model, window, optimize=optimize), reference(long_model, window)
    for id in text(LONG):
        (fed,) = decoder.feed([id])
        check(fed, *expected)


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("window", WINDOWS)
@settings(max_examples=5, deadline=None, derandomize=True)
@given(chunks=st.lists(st.integers(1, 90), min_size=1, max_size=12), last_only=st.lists(st.booleans(), min_size=12))
def test_however_the_text_is_cut(long_model, reference, text, window, optimize, chunks, last_only):
    decoder, expected, ids = (
        decoder_of(long_model, window, optimize=optimize),
        reference(long_model, window),
        text(LONG),
    )
    for chunk, last in zip(chunks, last_only, strict=False):
        for fed in decoder.feed(ids[len(decoder.ids) :][:chunk], last):
            check(fed, *expected)
            assert len(fed.logits) == 1 or not last
    assert decoder.ids == ids[: sum(chunks)]


@pytest.mark.parametrize("window", WINDOWS)
def test_without_patterns_the_logits_are_the_same(long_model, reference, text, window):
    """With nothing to be watched, attention is one line: another way to the same numbers."""
    made = prepare(long_model.config, long_model.weights, Settings(kv_window=window), keep=())
    decoder, (logits, _), ids = Decoder(made), reference(long_model, window), text(LONG)
    for chunk in (40, 1, 1, 60, 1, 70, 1, 1, 25):
        at = len(decoder.ids)
        got = np.concatenate([fed.logits for fed in decoder.feed(ids[at : at + chunk])])
        assert np.abs(got - logits[at : at + chunk]).max() < AGREE, at
    assert decoder.ids == ids


@pytest.mark.parametrize("optimize", [True, False])
def test_without_a_cache_it_is_the_whole_text_again(model, plain_run, text, optimize):
    decoder, ids = decoder_of(model, 4, kv_cache=False, optimize=optimize), text(12)
    run = plain_run(model, ids, 4)
    patterns = [run[f"blocks.{i}.attn.pattern"][0] for i in range(model.config.layers)]
    for chunk in (5, 1, 4, 1, 1):
        for fed in decoder.feed(ids[len(decoder.ids) :][:chunk]):
            check(fed, run["logits"][0], patterns)


def test_a_window_of_the_whole_text_changes_nothing(model, text):
    (plain,) = decoder_of(model).feed(text(20))
    (wide,) = decoder_of(model, 20).feed(text(20))
    assert np.abs(plain.logits - wide.logits).max() < AGREE


def go_other_ways(long_model, reference, text, window, data):
    """Back to some length and on with another text, a few times; each number against a fresh run."""
    decoder, texts = decoder_of(long_model, window), [text(LONG, seed) for seed in (0, 1)]
    for step in range(data.draw(st.integers(1, 5))):
        if decoder.ids:
            decoder.rewind(data.draw(st.integers(0, len(decoder.ids))))
        seed = 0 if decoder.ids == texts[0][: len(decoder.ids)] else 1
        if not decoder.ids:
            seed = step % 2
        ids, expected = texts[seed], reference(long_model, window, seed)
        start = len(decoder.ids)
        for fed in decoder.feed(ids[start : start + data.draw(st.integers(1, 120))]):
            check(fed, *expected)


@settings(max_examples=7, deadline=None, derandomize=True)
@given(data=st.data())
@pytest.mark.parametrize("window", WINDOWS)
def test_rewinding_to_any_length_and_going_another_way_is_a_fresh_run(long_model, reference, text, window, data):
    go_other_ways(long_model, reference, text, window, data)


@pytest.mark.soak
@settings(max_examples=50, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("window", [*WINDOWS, 1, 70])
def test_rewinding_many_times(long_model, reference, text, window, data):
    go_other_ways(long_model, reference, text, window, data)


@pytest.mark.parametrize("length", [0, 1, 5, 66, 67, 68, 99, 130, 149, 150])
def test_rewinding_then_another_token_at_chosen_lengths(make_model, plain_run, text, length):
    """A ring of window 5 has 69 slots: some lengths are still in it, others are run again."""
    model, ids = sized(make_model, "mistral", LONG), text(150)
    decoder = decoder_of(model)
    for _ in decoder.feed(ids):
        pass
    decoder.rewind(length)
    assert decoder.ids == ids[:length]
    (fed,) = decoder.feed([7])
    assert np.abs(fed.logits[-1] - plain_run(model, [*ids[:length], 7])["logits"][0, -1]).max() < AGREE


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen2-mixed"])
def test_a_cache_grows_past_its_steps(make_model, reference, text, name):
    model = sized(make_model, name, 640)
    decoder, expected, ids = decoder_of(model), reference(model, None), text(640)
    sizes = set()
    for chunk in [120, 130, *[1] * 20, 230, *[1] * 20, 100, *[1] * 20]:
        for fed in decoder.feed(ids[len(decoder.ids) :][:chunk]):
            check(fed, *expected)
        sizes |= {array.shape[2] for array in decoder.cache.arrays.values()}
    assert decoder.ids == ids and {GROWTH, 2 * GROWTH, 640} <= sizes
    for _ in range(2):  # back below a step, and over it again
        decoder.rewind(250)
        for fed in decoder.feed(ids[250:270]):
            check(fed, *expected)


def test_a_fork_goes_its_own_way_and_the_left_one_stays(long_model, plain_run, text):
    left, ids = decoder_of(long_model), text(90)
    for _ in left.feed(ids):
        pass
    other = left.fork()
    other.rewind(40)
    for id in text(45, 5):
        list(other.feed([id]))
    (fed,) = left.feed([3])
    assert np.abs(fed.logits[-1] - plain_run(long_model, [*ids, 3])["logits"][0, -1]).max() < AGREE
    (fed,) = other.feed([3])
    expected = plain_run(long_model, [*ids[:40], *text(45, 5), 3])["logits"][0, -1]
    assert np.abs(fed.logits[-1] - expected).max() < AGREE


def test_a_step_copies_nothing_as_long_as_the_text(make_model, text, monkeypatch):
    """Between two growths the arrays stay, no function is made again, and little memory is asked for."""
    model = sized(make_model, "llama", 640)
    decoder = Decoder(prepare(model.config, model.weights, Settings(), keep=()))
    for _ in decoder.feed(text(300)):
        pass
    list(decoder.feed([1]))
    bound, arrays = [], {name: id(array) for name, array in decoder.cache.arrays.items()}
    monkeypatch.setattr(Compiled, "bind", lambda self, inputs: bound.append(1))
    tracemalloc.start()
    try:
        for id_ in text(100):
            list(decoder.feed([id_]))
            tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        list(decoder.feed([2]))
        asked = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert not bound and {name: id(array) for name, array in decoder.cache.arrays.items()} == arrays
    assert asked < next(iter(decoder.cache.arrays.values()))[:, :, :400].nbytes


@pytest.mark.parametrize("cached", [True, False])
def test_what_cannot_be_fed_leaves_everything_as_it_was(make_model, text, cached):
    model = make_model("mistral")
    decoder, ids = decoder_of(model, kv_cache=cached), text(10)
    list(decoder.feed(ids))
    for wrong, message in (
        ([1] * 39, "context ends at 48"),
        ([3, 19], "token 19: expected an id from 0 to 18"),
        ([-1], "token -1"),
    ):
        with pytest.raises(InputError, match=message):
            list(decoder.feed(wrong))
        assert decoder.ids == ids and (decoder.cache is None or decoder.cache.length == 10)
    assert len(list(decoder.feed([1] * 38))) >= 1


def test_the_context_can_be_filled_to_its_end(model, plain_run, text):
    decoder, ids = decoder_of(model), text(model.config.context)
    for part in (ids[:-1], ids[-1:]):
        *_, fed = decoder.feed(part)
    assert np.abs(fed.logits[-1] - plain_run(model, ids)["logits"][0, -1]).max() < AGREE


# The cache by itself.


@pytest.fixture
def cache() -> KVCache:
    slots = [CacheSlot(f"blocks.0.attn.cache_{kind}", "key_position_ids", None) for kind in "kv"]
    slots += [CacheSlot(f"blocks.1.attn.cache_{kind}", "key_position_ids.window4", 4) for kind in "kv"]
    return KVCache(slots, kv_heads=2, head_size=3, context=1000)


def test_bytes_are_counted_by_hand(cache):
    # A row is 2 heads of 3 floats: 24 bytes. Two plain arrays of 256 slots, two rings of 4 + 64.
    assert cache.allocated_bytes == 24 * 2 * (256 + 68)
    cache.claim(100)
    assert cache.used_bytes == 24 * 2 * (100 + 68)
    cache.claim(200)
    assert cache.allocated_bytes == 24 * 2 * (512 + 68) and cache.used_bytes == 24 * 2 * (300 + 68)


def test_growth_keeps_what_is_there_and_raises_the_version(cache):
    name = cache.slots[0].name
    cache.claim(200)
    cache.arrays[name][...] = 7
    version, ring = cache.version, cache.arrays[cache.slots[2].name]
    cache.claim(300)
    assert cache.version > version and cache.arrays[name].shape == (1, 2, 512, 3)
    assert (cache.arrays[name][:, :, :200] == 7).all() and cache.arrays[cache.slots[2].name] is ring
    cache.claim(500)
    assert cache.arrays[name].shape[2] == 1000  # no slot beyond the context


def test_positions_say_which_token_lies_where(cache):
    inputs = cache.claim(70)
    assert inputs["key_position_ids"].tolist() == list(range(70))
    assert inputs["key_position_ids.window4"].tolist() == [68, 69, *range(2, 68)]
    assert inputs["position_ids"].tolist() == list(range(70))


def test_a_ring_can_be_rewound_by_its_slack(cache):
    cache.claim(200)
    # Token L sees L-3 .. L; 68 slots hold 132 .. 199, so L - 3 >= 132; token 0 sees nothing before it.
    assert [length for length in range(201) if cache.can_rewind(length)] == [0, *range(135, 201)]
    with pytest.raises(InputError, match="run again"):
        cache.rewind(134)
    assert cache.length == 200
    cache.rewind(150)
    assert cache.length == 150 and max(cache.tracks["key_position_ids.window4"].positions) == 149


def test_a_full_context_is_refused_and_nothing_changes(cache):
    cache.claim(990)
    positions = cache.tracks["key_position_ids"].positions.copy()
    with pytest.raises(InputError, match="1001 tokens"):
        cache.claim(11)
    assert cache.length == 990 and np.array_equal(cache.tracks["key_position_ids"].positions, positions)


def test_a_copy_shares_nothing(cache):
    cache.claim(10)
    other = cache.copy()
    assert other.length == 10 and other.allocated_bytes == cache.allocated_bytes
    other.claim(5)
    other.arrays[other.slots[0].name][...] = 1
    assert cache.length == 10 and not cache.arrays[cache.slots[0].name].any()
    assert not (cache.tracks["key_position_ids"].positions[10:] >= 0).any()


def test_slots_of_a_program_are_its_layers(make_model, prepared):
    slots = cache_slots(prepared(make_model("qwen2-mixed")).prompt[0])
    assert [slot.window for slot in slots] == [None, None, 6, 6, 6, 6]
    assert len({slot.name for slot in slots}) == 6
    assert RING_SLACK > 0
