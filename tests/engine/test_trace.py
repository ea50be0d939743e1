"""A trace is what a run did, within a byte budget, and outlives it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from engine.cost import infer_shapes, price
from engine.edits import Edit
from engine.errors import ProgramError
from engine.kv_cache import KVCache
from engine.prepare import prepare
from engine.rewrites.cache_kv import cache_slots
from engine.run import Run
from engine.settings import Settings
from engine.trace import BUDGET_BYTES, Trace, record


@pytest.fixture
def run_of(model, text):
    """Make a run of each architecture over 6 tokens, not begun."""
    ids = np.array([text(6)])
    return lambda **options: Run(model.program, model.weights, {"tokens": ids, "position_ids": np.arange(6)}, **options)


def trace_of(run: Run, budget_bytes: int = BUDGET_BYTES) -> Trace:
    return record(run, fingerprint="f", settings=Settings(), tokens=[3, 1, 4], budget_bytes=budget_bytes)


def test_a_trace_holds_every_value_bit_for_bit(run_of):
    run = run_of().run()
    trace = trace_of(run)
    assert list(trace) == [line.out for line in run.program.lines] and trace.dropped == ()
    assert all(trace[address].tobytes() == run[address].tobytes() for address in trace)
    assert (trace.fingerprint, trace.settings, trace.tokens) == ("f", Settings(), (3, 1, 4))


def test_rows_say_shape_cost_and_time(run_of, model):
    run = run_of().run(until="blocks.0.attn.pattern")
    trace = trace_of(run)
    known = {name: array.shape for name, array in model.weights.items()} | {"tokens": (1, 6), "position_ids": (6,)}
    shapes = infer_shapes(model.program, known)
    costs = price(model.program, shapes)
    for i, (row, line) in enumerate(zip(trace.rows, model.program.lines, strict=True)):
        assert (row.address, row.op, row.where) == (line.out, line.op.name, line.where)
        assert (row.shape, row.cost) == (shapes[line.out], costs[line.out])
        assert (row.elapsed_s is None) == (i >= run.cursor)
    assert trace.elapsed_s == pytest.approx(sum(run.elapsed_s.values()))
    assert len(trace.values) == run.cursor


def test_a_trace_shares_nothing_with_its_run(run_of):
    run = run_of().run()
    trace = trace_of(run)
    before = {address: trace[address].tobytes() for address in trace}
    for value in run.values.values():
        if value.flags.writeable:
            value[...] = 0
    assert before == {address: trace[address].tobytes() for address in trace}


def test_a_view_costs_nothing_and_stays_a_view(run_of):
    run = run_of().run()
    trace = trace_of(run)
    own = [line.out for line in run.program.lines if not line.op.is_view]
    assert trace.value_bytes == sum(run[address].nbytes for address in own)
    for line in run.program.lines:
        if line.op.is_view:
            assert np.shares_memory(trace[line.out], trace[line.ins[0]]), line.out


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_the_budget_is_kept_and_what_was_dropped_is_said(run_of, share):
    run = run_of().run()
    budget = int(share * trace_of(run).value_bytes)
    trace = trace_of(run, budget)
    assert trace.value_bytes <= budget
    assert set(trace) | set(trace.dropped) == {line.out for line in run.program.lines}
    assert not set(trace) & set(trace.dropped) and trace.dropped
    with pytest.raises(ProgramError, match="byte budget"):
        trace[trace.dropped[0]]


def test_outputs_stay_longest_and_the_largest_go_first(run_of):
    run = run_of().run()
    trace = trace_of(run, run["logits"].nbytes + 200)
    assert "logits" in trace
    own = [line.out for line in run.program.lines if not line.op.is_view and line.out != "logits"]
    kept = max((run[a].nbytes for a in own if a in trace), default=0)
    assert kept <= min(run[a].nbytes for a in own if a not in trace)


def test_a_run_that_drops_values_leaves_what_it_kept(run_of):
    trace = trace_of(run_of(hold=False, keep=["blocks.0.attn.q"]).run())
    assert set(trace) == {"blocks.0.attn.q", "logits"} and "embed" in trace.dropped


def test_what_is_not_there_says_why(run_of):
    trace = trace_of(run_of().run(until="blocks.0.attn.pattern"))
    with pytest.raises(ProgramError, match="logits was not computed when the trace was made"):
        trace["logits"]
    with pytest.raises(ProgramError, match=r"did you mean blocks\.0\.attn\.pattern"):
        trace["blocks.0.attn.patern"]
    assert "logits" not in trace and "embed" in trace


def test_a_trace_is_frozen(run_of):
    trace = trace_of(run_of().run())
    with pytest.raises(FrozenInstanceError):
        trace.tokens = ()
    with pytest.raises(TypeError):
        trace.values["embed"] = 1
    for address in trace:
        with pytest.raises(ValueError, match="read-only"):
            trace[address][...] = 0


def test_going_back_after_recording_changes_no_trace(run_of):
    run = run_of().run()
    trace = trace_of(run)
    before = trace["logits"].tobytes()
    while run.cursor:
        run.back()
    assert trace["logits"].tobytes() == before and trace_of(run).values == {}


@pytest.mark.parametrize("name", ["gpt2", "mistral"])
def test_recorded_keys_and_values_of_a_cache_are_copies(make_model, text, name):
    """The cache is written on; the trace is not."""
    model = make_model(name)
    ready = prepare(model.config, model.weights, Settings())
    cache = KVCache(cache_slots(ready.prompt[0]), model.config.kv_heads, model.config.head_size, 48)

    def run(ids: list[int]) -> Run:
        program, weights = ready.prompt
        return Run(program, weights, {"tokens": np.array([ids])} | cache.claim(len(ids))).run()

    first = run(text(4))
    trace = trace_of(first)
    before = trace["blocks.0.attn.k_seen"].tobytes()
    assert before == first["blocks.0.attn.k_seen"].tobytes()
    cache.rewind(2)
    run(text(6, 1))
    assert trace["blocks.0.attn.k_seen"].tobytes() == before != first["blocks.0.attn.k_seen"].tobytes()


def test_an_edit_can_patch_from_a_trace(run_of, text):
    plain = run_of().run()
    trace = trace_of(run_of(edits=[Edit("embed", "scale", (), 2.0)]).run())
    assert "embed@before" in trace
    patched = run_of(edits=[Edit("blocks.0.resid_post", "patch", (), trace["blocks.0.resid_post"])]).run()
    assert np.array_equal(patched["logits"], trace["logits"])
    assert not np.array_equal(patched["logits"], plain["logits"])
