"""A compiled program gives the stepped program's numbers, and hands out nothing that it writes again."""

from __future__ import annotations

import keyword
import re

import numpy as np
import pytest

import engine.emitter
from engine.compile import Compiled, compile_program
from engine.errors import ProgramError
from engine.kv_cache import KVCache
from engine.prepare import Prepared
from engine.rewrites.cache_kv import cache_slots
from engine.run import Run, execute

AGREE = 1e-5  # of the largest number


def close(got: np.ndarray, expected: np.ndarray) -> bool:
    """Equal within float32's rounding of a value's largest number; infinities in the same places."""
    finite = np.isfinite(expected)
    if got.shape != expected.shape or not np.array_equal(got[~finite], expected[~finite]):
        return False
    scale = np.abs(expected[finite]).max(initial=1e-6)
    return bool(np.abs(got[finite] - expected[finite]).max(initial=0) <= AGREE * scale)


def inputs_of(ids: list[list[int]] | np.ndarray) -> dict[str, np.ndarray]:
    tokens = np.array(ids)
    return {"tokens": tokens, "position_ids": np.arange(tokens.shape[1])}


def cache_of(prepared: Prepared) -> KVCache:
    config = prepared.config
    return KVCache(cache_slots(prepared.prompt[0]), config.kv_heads, config.head_size, config.context)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_every_value_compiled_is_the_value_stepped(model, text, length):
    inputs, addresses = inputs_of([text(length)]), [line.out for line in model.program.lines]
    stepped = Run(model.program, model.weights, inputs).run()
    compiled = compile_program(model.program, model.weights, addresses, poison=True)(inputs)
    assert set(compiled) == set(addresses)
    for address in addresses:
        assert close(compiled[address], stepped[address]), address


@pytest.mark.parametrize("length", [1, 2, 7])
@pytest.mark.parametrize("optimize", [False, True])
def test_no_value_is_read_after_its_time(model, text, prepared, length, optimize):
    """Nothing kept: every buffer is used again as early as it may be, and holds NaN in between."""
    program, weights = prepared(model, keep=(), kv_cache=False, optimize=optimize).prompt
    inputs = inputs_of([text(length)])
    compiled = compile_program(program, weights, poison=True)
    expected = execute(program, weights, inputs)["logits"]
    for _ in range(3):
        assert close(compiled(inputs)["logits"], expected)


def test_lengths_may_alternate(model, text):
    compiled = compile_program(model.program, model.weights, ["blocks.1.attn.pattern"], poison=True)
    for i, length in enumerate([7, 1, 2, 30, 7, 2, 1, 30, 31]):
        inputs = inputs_of([text(length, seed=i)])
        expected = execute(model.program, model.weights, inputs, ["blocks.1.attn.pattern"])
        got = compiled(inputs)
        assert all(close(got[name], expected[name]) for name in expected), length


@pytest.mark.parametrize("optimize", [False, True])
def test_two_texts_at_once_are_two_texts(model, text, prepared, optimize):
    program, weights = prepared(model, kv_cache=False, optimize=optimize).prompt
    compiled = compile_program(program, weights, poison=True)
    both = compiled(inputs_of([text(6, 1), text(6, 2)]))["logits"]
    for row, seed in zip(both, (1, 2), strict=True):
        assert close(row, execute(model.program, model.weights, inputs_of([text(6, seed)]))["logits"][0])


def test_what_was_returned_is_never_written_again(model, text):
    addresses = [line.out for line in model.program.lines]
    compiled = compile_program(model.program, model.weights, addresses, poison=True)
    first = compiled(inputs_of([text(5, 1)]))
    before = {name: value.tobytes() for name, value in first.items()}
    compiled(inputs_of([text(5, 2)]))
    compiled(inputs_of([text(9, 3)]))
    assert before == {name: value.tobytes() for name, value in first.items()}
    assert not any(np.shares_memory(value, compiled._arena) for value in first.values())


@pytest.mark.parametrize("kind", ["prompt", "prompt_last", "step"])
@pytest.mark.parametrize("optimize", [False, True])
def test_cached_programs_compiled_are_those_stepped(model, text, prepared, kind, optimize):
    made = prepared(model, optimize=optimize)
    program, weights = getattr(made, kind)
    compiled = compile_program(program, weights, made.keep, poison=True)
    ours, theirs = cache_of(made), cache_of(made)
    ids = np.array(text(30))
    for chunk in [1] * 20 if kind == "step" else [3, 1, 7, 2, 7]:
        part = {"tokens": ids[None, ours.length : ours.length + chunk]}
        got = compiled(part | ours.claim(chunk))
        expected = execute(program, weights, part | theirs.claim(chunk), made.keep)
        assert all(close(got[name], expected[name]) for name in expected)
    for name, array in ours.arrays.items():
        assert close(array, theirs.arrays[name]), name


def test_what_a_cached_program_returns_is_no_part_of_the_cache(model, text, prepared):
    made = prepared(model)
    program, weights = made.prompt
    compiled = compile_program(program, weights, ["blocks.0.attn.k_seen", "blocks.0.attn.v_seen"])
    cache = cache_of(made)
    values = compiled({"tokens": np.array([text(4)])} | cache.claim(4))
    before = {name: value.tobytes() for name, value in values.items()}
    for i in range(4):
        compiled({"tokens": np.array([[i]])} | cache.claim(1))
    cache.rewind(0)
    compiled({"tokens": np.array([text(4, 9)])} | cache.claim(4))
    assert before == {name: value.tobytes() for name, value in values.items()}
    assert not any(np.shares_memory(v, a) for v in values.values() for a in cache.arrays.values())


def test_one_function_serves_caches_that_alternate(make_model, text, prepared):
    model = make_model("llama")
    made = prepared(model)
    compiled = compile_program(*made.step, poison=True)
    caches, ids = [cache_of(made) for _ in range(2)], [text(8, 1), text(8, 2)]
    for t in range(8):
        for cache, own in zip(caches, ids, strict=True):
            got = compiled({"tokens": np.array([[own[t]]])} | cache.claim(1))["logits"][0, -1]
            expected = execute(made.base and make_model("llama").program, made.base, inputs_of([own[: t + 1]]))[
                "logits"
            ]
            assert np.allclose(got, expected[0, -1], atol=1e-4)


def test_a_compiled_function_changes_no_weight_and_no_input(model, text):
    before = {name: array.tobytes() for name, array in model.weights.items()}
    inputs = inputs_of([text(5)])
    compile_program(model.program, model.weights)(inputs)
    assert before == {name: array.tobytes() for name, array in model.weights.items()}
    assert inputs["tokens"].tolist() == [text(5)] and inputs["position_ids"].tolist() == [0, 1, 2, 3, 4]


def test_the_same_call_gives_the_same_bits(model, text):
    compiled = compile_program(model.program, model.weights)
    first, other = inputs_of([text(5)]), inputs_of([text(5, 1)])
    expected = compiled(first)["logits"].tobytes()
    compiled(other)
    assert compiled(first)["logits"].tobytes() == expected


def test_an_address_that_is_not_there_is_refused(make_model):
    with pytest.raises(ProgramError, match="did you mean"):
        Compiled(make_model("gpt2").program, make_model("gpt2").weights, ["blocks.0.attn.patern"])


def test_the_arena_is_smaller_than_all_values_together(make_model, text):
    model, inputs = make_model("gpt2"), inputs_of([text(40)])
    compiled = compile_program(model.program, model.weights)
    compiled(inputs)
    run = Run(model.program, model.weights, inputs).run()
    everything = sum(run[line.out].nbytes for line in model.program.lines if not line.op.is_view)
    assert 0 < compiled.arena_bytes < everything / 3


def test_generated_source_holds_only_names_of_its_own(model, text, prepared, monkeypatch):
    """Names of our own and numbers: no address and no text of a model gets into what is executed."""
    sources, build = [], engine.emitter._code
    monkeypatch.setattr(engine.emitter, "_code", lambda source, name: sources.append(source) or build(source, name))
    for settings in ({}, {"optimize": False}, {"kv_cache": False}):
        made = prepared(model, **settings)
        program, weights = made.prompt
        inputs = {"tokens": np.array([text(3)])}
        inputs |= {"position_ids": np.arange(3)} if settings.get("kv_cache") is False else cache_of(made).claim(3)
        compile_program(program, weights, made.keep)(inputs)
    ours = {key for line in model.program.lines for key in line.attrs}
    ours |= {"forward", "copy", "reshape", "dot", "item", "len", "fill", "out", "transpose", "T", "window", "factor"}
    for source in sources:
        for name in re.findall(r"[A-Za-z_]\w*", source):
            assert re.fullmatch(r"[vaS]\d+", name) or keyword.iskeyword(name) or name in ours, name
        assert "'" not in source and '"' not in source
