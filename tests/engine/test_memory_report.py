"""The memory report: measured by storage; the formula and Python's own allocator agree."""

from __future__ import annotations

import gc
import tracemalloc
from functools import partial

import numpy as np
import pytest

from engine.memory import by_place, part_of
from engine.memory_formula import expected_parts
from engine.memory_report import MemoryMeter
from engine.pool import Pool
from engine.session import Session
from engine.settings import Settings

CHOICES = (
    {},
    {"optimize": False},
    {"kv_cache": False},
    {"kv_cache": False, "optimize": False},
    {"kv_window": 3},
    {"int8": "all", "int8_cache": True, "kv_window": 3},
    {"int8": "mlp", "optimize": False, "fuse_qkv": True},
    {"int8": "attention", "int8_embedding": True, "low_rank_mlp": 4},
    {"int8_embedding": True, "optimize": False, "low_rank_mlp": 4, "kv_cache": False},
    {"int8": "all", "low_rank_mlp": 64, "tie_embeddings": True},
    {"tie_embeddings": True, "int8_embedding": True, "int8_cache": True, "optimize": False},
    {"int8": "all", "low_rank_mlp": 4, "optimize": False, "kv_cache": False, "fuse_qkv": True},
)


@pytest.fixture
def begun(make_model, text):
    """A session of a text, and its report at any time."""

    def make(name="llama", tokens=20, plain=True, **settings):
        session = Session(make_model(name), Settings(**settings))
        session.prompt(ids=text(tokens))
        session.restep("plain" if plain else "generating")
        return session, partial(MemoryMeter().report, session.decoder, session.stepper, tokens)

    return make


def storages(arrays) -> int:
    """Bytes of the memory that some arrays lie in, each counted once."""
    roots = {}
    for array in arrays:
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        roots[id(root)] = root.nbytes
    return sum(roots.values())


@pytest.mark.parametrize("settings", CHOICES, ids=str)
def test_totals_are_the_sums_over_storages(begun, model, settings):
    session, report_now = begun(model.name, **settings)
    session.stepper.run.run(session.stepper.run.program.lines[20].out)
    report = report_now()
    program, weights = session.decoder.prepared.step
    starts = {weights[name].ctypes.data: weights[name].nbytes for name in program.params}
    assert report.total("weights_bytes") == sum(starts.values()) == report.mapped_bytes + report.owned_bytes
    assert report.total("activation_held_bytes") == storages(session.stepper.run.values.values())
    cache = session.decoder.cache
    assert report.total("cache_allocated_bytes") == (sum(a.nbytes for a in cache.arrays.values()) if cache else 0)
    assert report.total("activation_now_bytes") == report.now_bytes <= report.pass_peak_bytes
    for column in ("weights_bytes", "cache_used_bytes", "activation_held_bytes", "activation_now_bytes"):
        assert sum(getattr(part, column) for part in report.parts) == report.total(column)
    assert report.layers == by_place(report.parts)


@pytest.mark.parametrize("plain", [True, False], ids=["plain pass", "generating pass"])
@pytest.mark.parametrize("settings", CHOICES, ids=str)
@pytest.mark.parametrize("tokens", [30])
def test_the_formula_predicts_what_is_measured(begun, model, settings, plain, tokens):
    _, report_now = begun(model.name, tokens, plain, **settings)
    report = report_now()
    for measured, expected in zip(report.parts, report.expected, strict=True):
        assert (measured.name, measured.part) == (expected.name, expected.part)
        assert measured.weights_bytes == expected.weights_bytes
        assert measured.cache_allocated_bytes == expected.cache_allocated_bytes
        assert measured.cache_used_bytes == expected.cache_used_bytes
        assert measured.activation_needed_bytes == expected.activation_needed_bytes


def test_the_formula_by_hand(make_model):
    """A block of GPT-2 with D 12, H 3 of d 4, F 48, 20 tokens of context 48, in bytes worked out on paper."""
    parts = {(p.name, p.part): p for p in expected_parts(make_model("gpt2").config, Settings(optimize=False), 20, True)}
    attention = parts["blocks.0", "attention"]
    assert attention.weights_bytes == 4 * (4 * 12 * 12 + 4 * 12)
    assert attention.cache_allocated_bytes == 4 * 2 * 48 * 12 and attention.cache_used_bytes == 4 * 2 * 20 * 12
    # the residual stream, q, k, v (20 x 12 each), the scores (3 x 20 x 20) and the mask (20 x 20)
    assert attention.activation_needed_bytes == 4 * (4 * 20 * 12 + 3 * 20 * 20 + 20 * 20)
    assert parts["blocks.0", "mlp"].weights_bytes == 4 * (2 * 12 * 48 + 48 + 12)
    assert parts["blocks.1", "norms"].weights_bytes == 4 * 4 * 12


@pytest.mark.parametrize("settings", [{}, {"int8": "all", "int8_cache": True, "kv_window": 30}], ids=str)
@pytest.mark.parametrize("name", ["gpt2", "mistral"])
def test_python_allocated_what_the_report_says_is_not_mapped(make_model, text, monkeypatch, name, settings):
    """Slabs of large pages are invisible to tracemalloc, so here the pool asks NumPy for its memory."""
    monkeypatch.setattr(Pool, "empty", lambda self, shape, dtype=np.float32: np.empty(shape, dtype))
    sizes = {"n_embd": 192} if name == "gpt2" else {"hidden_size": 192, "head_dim": 48, "intermediate_size": 700}
    model = make_model(name, **sizes)
    ids = text(40)
    session = Session(model, Settings(**settings))  # once before, so that what is made on first use is there
    session.prompt(ids=ids)
    del session
    gc.collect()
    only_arrays = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    tracemalloc.start()
    try:
        session = Session(model, Settings(**settings))
        session.prompt(ids=ids)
        session.stepper.run.run()
        for node in session.nodes:  # what is kept of past tokens, and buffers of compiled calls, are told elsewhere
            node.logits = node.rows = None
        session.decoder._functions.clear()
        gc.collect()
        traced = sum(t.size for t in tracemalloc.take_snapshot().filter_traces([only_arrays]).traces)
    finally:
        tracemalloc.stop()
    report = MemoryMeter().report(session.decoder, session.stepper, 40)
    base = {array.ctypes.data for array in model.weights.values()}
    program, weights = session.decoder.prepared.step
    shared = sum(weights[n].nbytes for n in program.params if weights[n].ctypes.data in base)
    told = report.owned_bytes - shared
    told += report.total("cache_allocated_bytes") + report.total("activation_held_bytes")
    assert traced == pytest.approx(told, rel=0.01)


def test_needed_and_held_while_stepping(begun):
    session, report_now = begun("gpt2", 20)
    first = report_now()
    assert first.line == "" and first.now_bytes == 0
    run = session.stepper.run.run("blocks.0.attn.pattern")
    report = report_now()
    assert report.line == "blocks.0.attn.pattern" and "plain program" in report.what
    attention = next(p for p in report.parts if (p.name, p.part) == ("blocks.0", "attention"))
    # needed: the residual stream, v and the pattern; held: the scores and all before them as well
    assert attention.activation_now_bytes == 4 * (20 * 12 + 20 * 12 + 3 * 20 * 20)
    assert attention.activation_held_bytes == storages(
        a for name, a in run.values.items() if name.startswith("blocks.0") and part_of(name) == "attention"
    )
    run.run()
    done = report_now()
    assert done.now_bytes < report.now_bytes < done.pass_peak_bytes < done.total("activation_held_bytes")


def test_along_the_pass_stands_what_is_needed_at_every_line(begun):
    session, report = begun("llama")
    along = report().along
    assert len(along) == len(session.stepper.run.program) and max(along) == report().pass_peak_bytes
    for needed in along:
        session.stepper.step()
        assert report().now_bytes == needed


def test_a_ring_says_which_position_lies_where(begun):
    _, report_now = begun("mistral", 20, kv_window=3)
    (slots,) = report_now().slots
    assert slots.layers == (0, 1) and slots.window == 3 and slots.count == 67 and slots.used == 20
    assert slots.positions[:20] == tuple(range(20)) and set(slots.positions[20:]) == {-1} and slots.write == 20
    assert slots.slot_bytes == 4 * 2 * 2 * 6


def test_a_ring_wraps_around(make_model, text):
    session = Session(make_model("mistral", max_position_embeddings=200), Settings(kv_window=3))
    session.prompt(ids=text(70))
    (slots,) = MemoryMeter().report(session.decoder, session.stepper, 70).slots
    assert slots.positions[:5] == (67, 68, 69, 3, 4) and slots.write == 3 and slots.used == slots.count == 67


def test_layers_with_windows_of_their_own_have_slots_of_their_own(begun):
    _, report_now = begun("qwen2-mixed", 20)
    assert [(slots.window, slots.layers) for slots in report_now().slots] == [(None, (0,)), (6, (1, 2))]


@pytest.mark.parametrize(
    ("address", "part"),
    [("blocks.2.attn.q", "attention"), ("blocks.2.attn.normed", "norms"), ("blocks.2.mlp.normalized", "norms"),
     ("blocks.0.mlp.post@folded", "mlp"), ("blocks.0.resid_post", "mlp"), ("blocks.0.resid_mid", "attention"),
     ("blocks.0.attn.cache_k", "attention"), ("final.normed", "norms"), ("logits", "unembed"), ("mask", "embed")],
)  # fmt: skip
def test_parts_of_addresses(address, part):
    assert part_of(address) == part
