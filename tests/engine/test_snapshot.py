"""Every number of a snapshot is the engine's own, and stays as it was."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from engine.sampling import Sampler
from engine.session import Session
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.tokenizer.characters import CharacterTokenizer
from engine.views import SnapshotMaker

AGREE = 1e-4


@pytest.fixture
def shown(make_model, text):
    """A session of 30 tokens, the last 6 generated, and its snapshot maker."""

    def make(name="llama", sampler=None, **settings) -> tuple[Session, SnapshotMaker]:
        session = Session(make_model(name), Settings(**settings), sampler or Sampler(0.8, 6, 0.9, 1.1), seed=3)
        session.prompt(ids=text(24))
        list(session.generate(6))
        session.restep()
        return session, SnapshotMaker(session)

    return make


def arrays_of(thing: object) -> list[np.ndarray]:
    """Every array anywhere in a snapshot."""
    if isinstance(thing, np.ndarray):
        return [thing]
    if isinstance(thing, (list, tuple)):
        return [array for part in thing for array in arrays_of(part)]
    if isinstance(thing, dict):
        return arrays_of(list(thing.values()))
    if is_dataclass(thing):
        return [array for field in fields(thing) for array in arrays_of(getattr(thing, field.name))]
    return []


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("name", ["gpt2", "mistral", "qwen2-mixed"])
def test_tokens_candidates_and_attention_are_those_of_a_plain_run(shown, plain_run, name, cached):
    session, maker = shown(name, kv_cache=cached)
    snapshot, ids = maker.make(), session.tokens
    run = plain_run(session.model, ids)
    logits = run["logits"][0].astype(np.float64)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert [token.id for token in snapshot.tokens] == ids
    assert [token.generated for token in snapshot.tokens] == [False] * 24 + [True] * 6
    for t, token in enumerate(snapshot.tokens[1:], 1):
        assert token.logprob == pytest.approx(math.log(p[t - 1, token.id]), abs=AGREE)
        assert token.rank == 1 + (p[t - 1] > p[t - 1, token.id]).sum()
        assert token.entropy == pytest.approx(-(p[t - 1] * np.log(p[t - 1])).sum(), abs=AGREE)
    for position in range(1, 31):
        candidates = snapshot.candidates(position)
        assert [c.rank for c in candidates] == list(range(1, 20))
        for c in candidates:
            assert c.probability == pytest.approx(p[position - 1, c.id], abs=AGREE)
            assert math.exp(c.logprob) == pytest.approx(c.probability, abs=1e-6)
        assert math.fsum(c.chance for c in candidates) == pytest.approx(1, abs=1e-5)  # the vocabulary is shown whole
        assert sum(c.chance > 0 for c in candidates) <= 6
    assert snapshot.candidates(0) == snapshot.candidates(31) == ()
    for layer in range(snapshot.layers):
        for head in range(snapshot.heads):
            whole, ours = run[f"blocks.{layer}.attn.pattern"][0, head], snapshot.attention(layer, head)
            seen = np.isfinite(ours)
            assert not seen[np.triu_indices(30, 1)].any() and seen.diagonal().all()
            assert np.abs(ours[seen] - whole[seen]).max() < AGREE and np.abs(whole[~seen]).max() == 0
            expected = [-math.fsum(x * math.log(x) for x in row.tolist() if x > 0) for row in whole]
            assert snapshot.entropy()[layer, head] == pytest.approx(expected, abs=AGREE)


def test_chances_are_what_the_sampler_leaves(shown):
    session, maker = shown(sampler=Sampler(0.5, top_k=3))
    before = maker.make().candidates(10)
    assert sum(c.chance > 0 for c in before) == 3
    session.resample(top_k=1)
    after = maker.make().candidates(10)
    assert [c.chance for c in after][:2] == [1, 0] and [c.id for c in after] == [c.id for c in before]


def test_every_array_is_read_only(shown):
    session, maker = shown()
    session.restep("generating")
    session.stepper.run.run()
    arrays = arrays_of(maker.make())
    assert len(arrays) > 50
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("kind", ["plain", "generating", "training"])
@pytest.mark.parametrize("name", ["gpt2", "mistral"])
def test_a_snapshot_stays_as_it_was(shown, name, kind):
    """Whatever is done later: the arrays of a snapshot have its own numbers."""
    session, maker = shown(name)
    session.restep(kind)
    for _ in range(30):
        session.stepper.step()
    snapshot = maker.make()
    before = [array.tobytes() for array in arrays_of(snapshot)]
    session.stepper.run.run()
    for _ in range(40):
        session.stepper.back()
    session.stepper.run.run()
    session.restep(kind)
    session.stepper.run.run()
    session.take_back()
    session.choose(10, 3)
    list(session.generate(20))
    session.activate(0)
    session.change(Settings(kv_window=3, optimize=False))
    session.prompt(ids=[1, 2, 3])
    maker.make()
    assert [array.tobytes() for array in arrays_of(snapshot)] == before


def test_nothing_of_a_snapshot_lies_where_the_engine_writes(shown):
    session, maker = shown()
    session.restep("generating")
    session.stepper.run.run()
    places = [function._arena for function in session.decoder._functions.values()]
    places += session.decoder.cache.arrays.values()
    for array in arrays_of(maker.make()):
        assert not any(np.shares_memory(array, place) for place in places)


def test_a_snapshot_holds_no_more_than_the_session_keeps(shown):
    """Attention of texts that are gone is not remembered."""
    session, maker = shown()
    maker.make()
    session.prompt(ids=[1, 2, 3])
    maker.make()
    assert len(maker._entropies) == 1


def test_memory_is_counted_from_what_is_there(shown):
    session, maker = shown(optimize=False)
    report = maker.make().memory
    weights = session.model.weights
    assert report.total("weights_bytes") == sum(array.nbytes for array in weights.values())
    assert report.owned_bytes + report.mapped_bytes == report.total("weights_bytes") and report.mapped_bytes == 0
    blocks = [layer for layer in report.layers if layer.name.startswith("blocks.")]
    for i, layer in enumerate(blocks):
        own = sum(array.nbytes for name, array in weights.items() if name.startswith(f"blocks.{i}."))
        assert layer.weights_bytes == own
        # 48 slots of 2 heads of 6 floats, for keys and values; 30 of them used
        assert (layer.cache_allocated_bytes, layer.cache_used_bytes) == (2 * 48 * 48, 2 * 30 * 48)
        assert layer.activation_held_bytes == 0
    assert report.total("cache_used_bytes") == session.decoder.cache.used_bytes
    session.stepper.run.run()
    held = maker.make().memory.total("activation_held_bytes")
    assert held > report.peak_needed_bytes


def test_tied_weights_count_once(shown):
    session, maker = shown("gpt2", optimize=False)
    assert maker.make().memory.total("weights_bytes") == 4 * session.model.config.parameter_count()


def test_memory_follows_the_settings(shown):
    session, maker = shown("gpt2")
    with_cache = maker.make().memory
    session.change(Settings(kv_cache=False))
    assert maker.make().memory.total("cache_allocated_bytes") == 0
    assert maker.make().memory.peak_needed_bytes > with_cache.peak_needed_bytes
    session.change(Settings(kv_window=3))
    # Rings of 3 + 64 slots beside 48 plain ones.
    assert maker.make().memory.total("cache_allocated_bytes") == with_cache.total("cache_allocated_bytes") * 67 // 48


def test_a_rewound_cache_that_grew_is_counted_as_it_is(make_model, text):
    """The same number of tokens in a larger cache."""
    model = make_model("llama", max_position_embeddings=1000)
    session = Session(model)
    maker = SnapshotMaker(session)
    for length in (600, 300):
        session.prompt(ids=text(length))
        assert maker.make().memory.total("cache_allocated_bytes") == session.decoder.cache.allocated_bytes
    for _ in range(2):
        session.prompt(ids=text(700))
        session.choose(300, 1)
        assert maker.make().memory.total("cache_allocated_bytes") == session.decoder.cache.allocated_bytes
        session.prompt(ids=text(301))
        assert maker.make().memory.total("cache_allocated_bytes") == session.decoder.cache.allocated_bytes


def test_the_stepped_pass_shows_its_lines_and_values(shown):
    session, maker = shown()
    session.breakpoints.add("blocks.1.attn.q")
    session.stepper.step()
    session.stepper.step()
    stepping = maker.make().stepping
    program = session.stepper.run.program
    assert [row.address for row in stepping.rows] == [line.out for line in program.lines]
    assert stepping.cursor == 2 and not stepping.done and "all 30 tokens" in stepping.what
    assert [row.elapsed_s is not None for row in stepping.rows[:3]] == [True, True, False]
    assert [row.address for row in stepping.rows if row.breakpoint] == ["blocks.1.attn.q"]
    session.stepper.run.run()
    session.stepper.run.run()
    stepping = maker.make().stepping
    assert stepping.done
    for row in stepping.rows:
        assert stepping.values[row.address].shape == row.shape


def test_branches_are_listed_with_their_fork(shown):
    session, maker = shown()
    assert maker.make().branches == ()
    first = session.tokens
    session.choose(26, (first[26] + 1) % 19)
    snapshot = maker.make()
    assert [(b.length, b.forks_at, b.active) for b in sorted(snapshot.branches, key=lambda b: b.length)] == [
        (27, 27, True), (30, 26, False),
    ]  # fmt: skip
    assert snapshot.tokens[26].siblings == 1 and snapshot.tokens[25].siblings == 0


def test_texts_are_those_of_the_tokenizer(make_model):
    model = replace(make_model("llama"), tokenizer=CharacterTokenizer.train("abc é"))
    session = Session(model)
    session.prompt("a é")
    assert [token.text for token in SnapshotMaker(session).make().tokens] == ["a", " ", "é"]


def test_an_empty_session_can_be_shown(make_model):
    for cached in (True, False):
        snapshot = SnapshotMaker(Session(make_model("gpt2"), Settings(kv_cache=cached))).make(notice="hello")
        assert snapshot.tokens == () and snapshot.stepping is None and snapshot.notice == "hello"
        assert snapshot.attention(0, 0).shape == (0, 0) and snapshot.entropy().shape == (2, 3, 0)
        assert snapshot.memory.total("weights_bytes") > 0 and snapshot.candidates(1) == ()


def test_versions_grow(shown):
    _, maker = shown()
    assert maker.make().version < maker.make().version


def test_a_snapshot_is_frozen(shown):
    snapshot: Snapshot = shown()[1].make()
    with pytest.raises(AttributeError):
        snapshot.tokens = ()
