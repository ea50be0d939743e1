"""A trace is what a run did, within a byte budget, and outlives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from engine.cost import infer_shapes, price
from engine.decoder import Decoder
from engine.edits import Edit
from engine.errors import Cancelled, InputError, ProgramError
from engine.kv_cache import KVCache
from engine.prepare import prepare
from engine.recording import BUDGET_BYTES, RESIDUALS, record, record_text
from engine.rewrites.cache_kv import cache_slots
from engine.run import Run
from engine.settings import Settings
from engine.trace import Trace


@pytest.fixture
def run_of(model, text):
    """Make a run of each architecture over 6 tokens, not begun."""
    ids = np.array([text(6)])
    return lambda **options: Run(model.program, model.weights, {"tokens": ids, "position_ids": np.arange(6)}, **options)


@pytest.fixture
def trace_of(model, text) -> Callable[..., Trace]:
    """Record what a run of `model` has done."""
    return lambda run, budget_bytes=BUDGET_BYTES: record(run, model, text(6), budget_bytes=budget_bytes)


def test_a_trace_holds_every_value_bit_for_bit(run_of, trace_of, model, text):
    run = run_of().run()
    trace = trace_of(run)
    assert list(trace) == [line.out for line in run.program.lines] and trace.dropped == ()
    assert all(trace[address].tobytes() == run[address].tobytes() for address in trace)
    assert (trace.fingerprint, trace.settings) == (model.fingerprint, Settings())
    assert trace.tokens == tuple(text(6))


def test_rows_say_shape_cost_and_time(run_of, trace_of, model):
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


def test_a_trace_shares_nothing_with_its_run(run_of, trace_of):
    run = run_of().run()
    trace = trace_of(run)
    before = {address: trace[address].tobytes() for address in trace}
    for value in run.values.values():
        if value.flags.writeable:
            value[...] = 0
    assert before == {address: trace[address].tobytes() for address in trace}


def test_a_view_costs_nothing_and_stays_a_view(run_of, trace_of):
    run = run_of().run()
    trace = trace_of(run)
    own = [line.out for line in run.program.lines if not line.op.is_view]
    assert trace.value_bytes == sum(run[address].nbytes for address in own)
    for line in run.program.lines:
        if line.op.is_view:
            assert np.shares_memory(trace[line.out], trace[line.ins[0]]), line.out


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_the_budget_is_kept_and_what_was_dropped_is_said(run_of, trace_of, share):
    run = run_of().run()
    budget = int(share * trace_of(run).value_bytes)
    trace = trace_of(run, budget)
    assert trace.value_bytes <= budget
    assert set(trace) | set(trace.dropped) == {line.out for line in run.program.lines}
    assert not set(trace) & set(trace.dropped) and trace.dropped
    with pytest.raises(ProgramError, match="byte budget"):
        trace[trace.dropped[0]]


@pytest.mark.parametrize("whole", [False, True])
def test_residuals_and_patterns_stay_longest_then_outputs_and_the_largest_go_first(
    run_of, trace_of, model, text, whole
):
    run = run_of().run()
    wanted = [line.out for line in run.program.lines
              if line.out.split(".")[-1] in (*RESIDUALS, "pattern") and not line.op.is_view]  # fmt: skip
    budget = sum(run[address].nbytes for address in (*wanted, "logits")) + 300
    trace = record_text(model, text(6), budget_bytes=budget) if whole else trace_of(run, budget)
    assert {*wanted, "logits"} <= set(trace) and trace.value_bytes <= budget
    rest = [line.out for line in run.program.lines if not line.op.is_view and line.out not in (*wanted, "logits")]
    kept, gone = [run[a].nbytes for a in rest if a in trace], [run[a].nbytes for a in rest if a not in trace]
    assert max(kept) <= min(gone)


def test_a_run_that_drops_values_leaves_what_it_kept(run_of, trace_of):
    trace = trace_of(run_of(hold=False, keep=["blocks.0.attn.q"]).run())
    assert set(trace) == {"blocks.0.attn.q", "logits"} and "embed" in trace.dropped


def test_what_is_not_there_says_why(run_of, trace_of):
    trace = trace_of(run_of().run(until="blocks.0.attn.pattern"))
    with pytest.raises(ProgramError, match="logits was not computed when the trace was made"):
        trace["logits"]
    with pytest.raises(ProgramError, match=r"did you mean blocks\.0\.attn\.pattern"):
        trace["blocks.0.attn.patern"]
    assert "logits" not in trace and "embed" in trace


def test_a_trace_is_frozen(run_of, trace_of):
    trace = trace_of(run_of().run())
    with pytest.raises(FrozenInstanceError):
        trace.tokens = ()
    with pytest.raises(TypeError):
        trace.values["embed"] = 1
    for address in trace:
        with pytest.raises(ValueError, match="read-only"):
            trace[address][...] = 0


def test_going_back_after_recording_changes_no_trace(run_of, trace_of):
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
    trace = record(first, model, text(4))
    before = trace["blocks.0.attn.k_seen"].tobytes()
    assert before == first["blocks.0.attn.k_seen"].tobytes()
    cache.rewind(2)
    run(text(6, 1))
    assert trace["blocks.0.attn.k_seen"].tobytes() == before != first["blocks.0.attn.k_seen"].tobytes()


def test_an_edit_can_patch_from_a_trace(run_of, trace_of, text):
    plain = run_of().run()
    trace = trace_of(run_of(edits=[Edit("embed", "scale", (), 2.0)]).run())
    assert "embed@before" in trace
    patched = run_of(edits=[Edit("blocks.0.resid_post", "patch", (), trace["blocks.0.resid_post"])]).run()
    assert np.array_equal(patched["logits"], trace["logits"])
    assert not np.array_equal(patched["logits"], plain["logits"])


def test_a_recorded_text_is_the_plain_run_bit_for_bit(run_of, model, text):
    run, trace = run_of().run(), record_text(model, text(6))
    assert list(trace) == [line.out for line in run.program.lines] and trace.dropped == ()
    assert all(trace[address].tobytes() == run[address].tobytes() for address in trace)
    assert all(row.elapsed_s is not None for row in trace.rows)
    with pytest.raises(ValueError, match="read-only"):
        trace["embed"][...] = 0


def test_what_was_foreseen_is_what_softmax_says(model, text):
    ids = text(6)
    trace = record_text(model, ids)
    logits = trace["logits"][0].astype(np.float64)
    logprobs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    for t in range(6):
        best = np.argsort(-logits[t], kind="stable")[:10]
        assert trace.candidate_ids[t].tolist() == best.tolist()
        assert trace.candidate_logprobs[t] == pytest.approx(logprobs[t][best], abs=1e-5)
        assert trace.token_entropies[t] == pytest.approx(-(np.exp(logprobs[t]) * logprobs[t]).sum(), abs=1e-5)
    assert np.isnan(trace.token_logprobs[0]) and trace.token_ranks[0] == 0
    for t in range(1, 6):
        assert trace.token_logprobs[t] == pytest.approx(logprobs[t - 1][ids[t]], abs=1e-5)
        assert trace.token_ranks[t] == 1 + (logits[t - 1] > logits[t - 1][ids[t]]).sum()
    assert trace.candidate_texts[int(trace.candidate_ids[0, 0])] == str(trace.candidate_ids[0, 0])


def test_head_contributions_add_up_to_what_attention_writes(model, text):
    """By hand from the weights: the parts' lengths, and their sum with the bias is attention's output."""
    trace = record_text(model, text(6))
    config = model.config
    for layer in range(config.layers):
        weight = model.weights[f"blocks.{layer}.attn.out.weight"]
        matrix = (weight.T if config.out_first else weight).reshape(config.heads, config.head_size, -1)
        parts = np.einsum("htd,hdw->htw", trace[f"blocks.{layer}.attn.z"][0], matrix)
        assert trace.head_contributions[layer] == pytest.approx(np.sqrt((parts**2).sum(-1)), abs=1e-5)
        bias = model.weights.get(f"blocks.{layer}.attn.out.bias", 0)
        assert parts.sum(0) + bias == pytest.approx(trace[f"blocks.{layer}.attn.out"][0], abs=1e-4)


def test_rows_say_which_weights_each_line_is_the_first_to_read(model, text):
    trace = record_text(model, text(6))
    read = {name for line in model.program.lines for name in line.ins if name in model.program.params}
    assert sum(row.weight_bytes for row in trace.rows) == sum(model.weights[name].nbytes for name in read)
    assert [row.is_view for row in trace.rows] == [line.op.is_view for line in model.program.lines]
    assert trace.rows[0].equation == model.program.lines[0].op.equation


def test_the_text_and_the_model_are_in_words(model, text):
    about = record_text(model, text(6), Settings(kv_window=3), prompt_length=4, seed=7).about
    assert about.texts == tuple(map(str, text(6))) and not about.has_tokenizer
    assert (about.prompt_length, about.seed, about.heads) == (4, 7, model.config.heads)
    assert about.windows == (3,) * model.config.layers


def test_a_window_hides_keys_from_the_recorded_pass(make_model, text):
    pattern = record_text(make_model("gpt2"), text(6), Settings(kv_window=2))["blocks.0.attn.pattern"]
    assert not np.triu(pattern[0, 0], 1).any() and not np.tril(pattern[0, 0], -2).any()


CHANGES: list[dict[str, object]] = [
    {"int8": "all"}, {"low_rank_mlp": 3}, {"tie_embeddings": True}, {"fuse_qkv": True}, {"kv_window": 5},
    {"int8_cache": True}, {"int8_cache": True, "kv_window": 5},
]  # fmt: skip


@pytest.mark.parametrize("settings", CHANGES)
def test_settings_give_the_logits_that_generation_has(make_model, text, prepared, settings):
    """Token by token under the same settings; the patterns are over all tokens, whatever holds the keys."""
    model, ids = make_model("llama"), text(40)
    decoder = Decoder(prepared(model, optimize=False, **settings))
    logits = np.concatenate([fed.logits for id in ids for fed in decoder.feed([id])])
    trace = record_text(model, ids, Settings(**settings))
    assert trace["logits"][0] == pytest.approx(logits, abs=2e-4)
    assert trace["blocks.1.attn.pattern"].shape == (1, 4, 40, 40)
    assert np.isfinite(trace.head_contributions).all() and trace.settings == Settings(**settings)


def test_a_lowered_pass_gives_the_same_logits_and_contributions(model, text):
    plain, lowered = record_text(model, text(6)), record_text(model, text(6), lowered=True)
    assert lowered["logits"] == pytest.approx(plain["logits"], abs=1e-4)
    assert lowered.head_contributions == pytest.approx(plain.head_contributions, abs=1e-4)
    assert len(lowered.rows) < len(plain.rows)


def test_only_what_was_asked_for_is_kept(model, text):
    trace = record_text(model, text(6), keep=["blocks.1.attn.z"])
    assert set(trace) == {"blocks.1.attn.z"} and "logits" in trace.dropped
    assert not np.isnan(trace.head_contributions).any() and np.isfinite(trace.token_logprobs[1:]).all()
    with pytest.raises(ProgramError, match="did you mean"):
        record_text(model, text(6), keep=["blocks.1.attn.zz"])


def test_an_edit_is_recorded_with_its_effect(make_model, text):
    model, edit = make_model("gpt2"), Edit("blocks.0.attn.z", "ablate_head", (1,))
    trace = record_text(model, text(6), edits=[edit])
    assert trace.edits == (edit,) and not trace["blocks.0.attn.z"][:, 1].any()
    assert not trace.head_contributions[0, 1].any() and trace.head_contributions[0, 0].all()


def test_recording_tells_its_progress_and_can_be_stopped(make_model, text):
    told: list[tuple[int, int]] = []
    model = make_model("gpt2")
    record_text(model, text(6), report=lambda *done: told.append(done))
    assert told == [(i, len(model.program)) for i in range(1, len(model.program) + 1)]
    with pytest.raises(Cancelled):
        record_text(model, text(6), stop=lambda: len(told) > 0)


def test_a_text_that_cannot_be_run_is_refused(make_model, text):
    model = make_model("gpt2")
    for ids, words in (([], "empty"), (text(49), "the context ends at 48"), ([3, 19], "token 19"), ([-1], "token -1")):
        with pytest.raises(InputError, match=words):
            record_text(model, ids)


def test_a_model_whose_logits_are_not_numbers_can_be_recorded(make_model, text):
    model = make_model("gpt2")
    weights = {**model.weights, "final.norm.bias": np.full(12, np.nan, np.float32)}
    trace = record_text(replace(model, weights=weights), text(6))
    assert np.isnan(trace["logits"]).all() and np.isnan(trace.token_logprobs).all()
