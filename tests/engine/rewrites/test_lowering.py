"""Every rewrite gives the same results, and one address never means two numbers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from engine.decoder import Decoder
from engine.kv_cache import KVCache
from engine.listing import diff
from engine.ops.attend import attend
from engine.ops.attention import causal_mask, mask, scores
from engine.ops.embedding import embed
from engine.ops.linear import columns, identity, linear, scale
from engine.ops.norm import scale_shift
from engine.ops.rope import rope_cos
from engine.prepare import prepare
from engine.rewrites.cache_kv import cache_kv, cache_slots, limit_window
from engine.rewrites.drop import drop_identities, drop_masks, last_logits
from engine.rewrites.fold import fold_norms, fold_scale
from engine.rewrites.fold_activation import fold_activations
from engine.rewrites.fuse import fuse_attention
from engine.rewrites.join import join_linears
from engine.rewrites.lay_out import lay_out_matrices, tabulate_positions
from engine.rewrites.lower import lower
from engine.rewrites.overlay import Overlay, Recipe, made
from engine.run import Run, execute
from engine.settings import Settings

AGREE = 1e-4
CONTEXT = 48
PARTS = {
    "fold_norms": fold_norms,
    "fold_scale": fold_scale,
    "fold_activations": fold_activations,
    "join_linears": join_linears,
    "tabulate_positions": partial(tabulate_positions, context=CONTEXT),
    "lay_out_matrices": lay_out_matrices,
    "drop_identities": drop_identities,
    "fuse_attention": fuse_attention,
    "lower": partial(lower, context=CONTEXT),
}
TAKE_KEEP = ("fold_norms", "fold_scale", "fold_activations", "drop_identities", "fuse_attention", "lower")


def inputs_of(ids):
    return {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))}


def close(got, expected):
    finite = np.isfinite(expected)
    same = got.shape == expected.shape and np.array_equal(np.isfinite(got), finite)
    return same and np.abs(got[finite] - expected[finite]).max(initial=0) < AGREE * max(
        1, np.abs(expected[finite]).max()
    )


@pytest.mark.parametrize("part", PARTS)
def test_a_rewrite_gives_the_same_logits(model, text, part):
    program, weights = PARTS[part](model.program, model.weights)
    assert program.check() is program and set(program.params) <= set(weights)
    inputs = inputs_of(text(9))
    expected = execute(model.program, model.weights, inputs)["logits"]
    assert close(execute(program, weights, inputs)["logits"], expected)


@pytest.mark.parametrize("part", PARTS)
def test_a_rewrite_changes_neither_program_nor_weights(model, part):
    lines, before = model.program.lines, {name: array.tobytes() for name, array in model.weights.items()}
    program, weights = PARTS[part](model.program, model.weights)
    for name in program.params:
        assert weights[name] is not None
    assert model.program.lines is lines
    assert before == {name: array.tobytes() for name, array in model.weights.items()}


@pytest.mark.parametrize("part", PARTS)
def test_an_address_that_is_still_there_has_its_value(model, text, part):
    """What changes, if only by a factor, has another name."""
    inputs = inputs_of(text(9))
    plain = Run(model.program, model.weights, inputs).run()
    program, weights = PARTS[part](model.program, model.weights)
    run = Run(program, weights, inputs).run()
    for line in program.lines:
        if line.out in model.program:
            assert close(run[line.out], plain[line.out]), line.out


@pytest.mark.parametrize("part", TAKE_KEEP)
def test_every_address_survives_where_it_is_kept(model, text, part):
    inputs = inputs_of(text(5))
    plain = Run(model.program, model.weights, inputs).run()
    for line in model.program.lines:
        program, weights = PARTS[part](model.program, model.weights, keep=[line.out])
        values = execute(program, weights, inputs, [line.out])
        assert close(values[line.out], plain[line.out]), line.out
        assert close(values["logits"], plain["logits"]), line.out


@pytest.mark.parametrize("part", TAKE_KEEP)
def test_with_everything_kept_every_address_survives(model, text, part):
    inputs, addresses = inputs_of(text(5)), [line.out for line in model.program.lines]
    plain = Run(model.program, model.weights, inputs).run()
    program, weights = PARTS[part](model.program, model.weights, keep=addresses)
    values = execute(program, weights, inputs, addresses)
    assert all(close(values[address], plain[address]) for address in addresses)


def rows_of(value, at, count):
    """The rows of some tokens: scores have them second to last, all else as well."""
    return value[..., at : at + count, :]


def test_every_address_survives_through_a_cache(model, text, plain_run):
    """What generation runs, for many tokens and for one, with one address kept at a time."""
    ids = text(10)
    plain = plain_run(model, ids)
    for line in model.program.lines:
        ready = prepare(model.config, model.weights, Settings(), keep=[line.out])
        cache = KVCache(cache_slots(ready.prompt[0]), model.config.kv_heads, model.config.head_size, CONTEXT)
        for kind, count in (("prompt", 6), ("prompt_last", 2), ("step", 1), ("step", 1)):
            at = cache.length
            inputs = {"tokens": np.array([ids[at : at + count]])} | cache.claim(count)
            program, weights = getattr(ready, kind)
            values = execute(program, weights, inputs, [line.out])
            expected = rows_of(plain[line.out], at, count)
            if line.op in (scores, scale, mask, causal_mask) or line.out.endswith("pattern"):
                expected = expected[..., : at + count]
            assert close(values[line.out], expected), (line.out, kind)
            last = execute(program, weights, inputs)["logits"][:, -1:]
            assert close(last, rows_of(plain["logits"], at + count - 1, 1)), (line.out, kind)


def test_norm_gains_are_gone_into_the_matrices(make_model):
    model = make_model("gpt2")
    program, weights = fold_norms(model.program, model.weights)
    assert not [line for line in program.lines if line.op is scale_shift]
    # By hand: (n * g + b) W + c = n (g W) + (b W + c), here for one matrix.
    own = model.weights
    (line,) = [line for line in program.lines if line.out == "blocks.1.attn.q.rows"]
    gain, bias = own["blocks.1.attn.norm.weight"], own["blocks.1.attn.norm.bias"]
    expected = [[g * w for w in row] for g, row in zip(gain, own["blocks.1.attn.q.weight"], strict=True)]
    assert np.allclose(weights[line.ins[1]], expected)
    shifted = [sum(b * w for b, w in zip(bias, column, strict=True)) for column in own["blocks.1.attn.q.weight"].T]
    assert np.allclose(weights[line.ins[2]], np.array(shifted) + own["blocks.1.attn.q.bias"], atol=1e-6)


def test_the_scale_goes_into_the_queries(make_model):
    model = make_model("llama")
    program, _ = fold_scale(model.program, model.weights)
    assert not [line for line in program.lines if line.op is scale]
    assert "blocks.0.attn.q" not in program and "blocks.0.attn.k" in program


def test_q_k_v_become_one_matrix_and_gate_and_up_another(make_model):
    model = make_model("llama")
    program, weights = join_linears(model.program, model.weights)
    per_block = [line.out for line in program.lines if line.op is linear and line.out.startswith("blocks.0.")]
    assert per_block == ["blocks.0.attn.qkv", "blocks.0.attn.out", "blocks.0.mlp.gate_up", "blocks.0.mlp.out"]
    parts = [line for line in program.lines if line.op is columns and line.ins == ("blocks.0.attn.qkv",)]
    assert [line.attrs for line in parts] == [
        {"start": 0, "stop": 24}, {"start": 24, "stop": 36}, {"start": 36, "stop": 48},
    ]  # fmt: skip
    assert weights["blocks.0.attn.qkv.weight@joined"].shape == (12, 48)


def test_positions_come_from_a_table(make_model):
    model = make_model("llama")
    program, weights = tabulate_positions(model.program, model.weights, CONTEXT)
    line = program.lines[program.index("cos")]
    assert line.op is embed and weights[line.ins[1]].shape == (CONTEXT, 3)
    assert np.array_equal(weights[line.ins[1]], rope_cos.forward(np.arange(CONTEXT), **model.program.lines[1].attrs))


def test_one_query_without_a_window_needs_no_mask(make_model, text, plain_run):
    model, ids = make_model("gpt2"), text(7)
    program, weights = drop_masks(model.program, model.weights)
    assert not [line for line in program.lines if line.op in (mask, causal_mask)]
    windowed = limit_window(model.program, model.weights, 3)
    assert drop_masks(*windowed)[0] == windowed[0]
    last = execute(*cache_kv(program, weights), cached_inputs(model, ids))["logits"][0, -1]
    assert close(last, plain_run(model, ids)["logits"][0, -1])


def cached_inputs(model, ids):
    """The inputs of one more token, its cache filled by the plain program."""
    program, weights = cache_kv(model.program, model.weights)
    cache = KVCache(cache_slots(program), model.config.kv_heads, model.config.head_size, CONTEXT)
    execute(program, weights, {"tokens": np.array([ids[:-1]])} | cache.claim(len(ids) - 1))
    return {"tokens": np.array([ids[-1:]])} | cache.claim(1)


@pytest.mark.parametrize("keep", [(), ("blocks.0.attn.pattern",), ("final.normed",), ("blocks.1.mlp.post",)], ids=str)
@pytest.mark.parametrize("length", [1, 2, 9])
def test_the_last_logits_alone_are_the_last_of_all(model, text, keep, length):
    program, weights = last_logits(model.program, model.weights, keep)
    inputs = inputs_of(text(length))
    values, plain = execute(program, weights, inputs, keep), Run(model.program, model.weights, inputs).run()
    assert values["logits"].shape == (1, 1, model.config.vocab)
    assert close(values["logits"], plain["logits"][:, -1:])
    assert all(close(values[address], plain[address]) for address in keep)


def test_the_last_block_computes_one_row_but_all_keys(make_model, text):
    program, weights = last_logits(make_model("gpt2").program, make_model("gpt2").weights)
    run = Run(program, weights, inputs_of(text(9))).run()
    assert run["blocks.1.attn.k"].shape[2] == 9 and run["blocks.1.attn.q@last"].shape[2] == 1
    assert run["blocks.0.mlp.out"].shape[1] == 9 and run["blocks.1.mlp.out@last"].shape[1] == 1


def test_attention_is_fused_only_where_nobody_looks(make_model):
    model = make_model("llama")
    program, _ = fuse_attention(model.program, model.weights, keep=["blocks.0.attn.scaled"])
    assert [line.out for line in program.lines if line.op is attend] == ["blocks.1.attn.z"]
    assert "blocks.0.attn.pattern" in program and "blocks.1.attn.pattern" not in program


def test_a_narrower_window_of_the_model_stays(make_model):
    model = make_model("qwen2-mixed")
    program, _ = limit_window(model.program, model.weights, 10)
    assert [line.attrs["window"] for line in program.lines if line.op is causal_mask] == [10, 6]
    assert limit_window(model.program, model.weights, None)[0] == model.program


def test_a_rewrite_can_be_seen_as_a_difference(make_model):
    model = make_model("gpt2")
    changes = diff(model.program, drop_identities(model.program, model.weights)[0])
    assert [(c.kind, c.line.out) for c in changes if c.kind != "same"] == [
        ("gone", "blocks.1.resid_pre"), ("changed", "blocks.1.attn.normalized"), ("changed", "blocks.1.resid_mid"),
    ]  # fmt: skip
    assert not [line for line in drop_identities(model.program, model.weights)[0].lines if line.op is identity]


def test_lowering_takes_fewer_lines_and_names_its_results(model):
    program, weights = lower(model.program, model.weights, CONTEXT)
    assert len(program) < len(model.program) and program.outputs == ("logits",)
    assert set(weights) == set(program.params)
    assert all(not array.flags.writeable and array.dtype == np.float32 for array in weights.values())


def test_settings_are_applied_to_the_plain_program_each_time(model):
    first = prepare(model.config, model.weights, Settings()).step[0]
    assert prepare(model.config, model.weights, Settings(optimize=False, kv_window=3)).step[0] != first
    assert prepare(model.config, model.weights, Settings()).step[0] == first


def test_a_recipe_is_worked_out_when_it_is_asked_for_and_not_kept():
    asked = []
    base = {"w": np.ones(2, np.float32)}
    overlay = Overlay(base, {"v": Recipe((2,), lambda: asked.append(1) or base["w"] * 2)})
    assert not asked and overlay.shape("v") == (2,) and overlay.shape("w") == (2,) and set(overlay) == {"v", "w"}
    assert overlay["v"].tolist() == [2, 2] and overlay["v"].tolist() == [2, 2] and len(asked) == 2
    assert overlay["w"] is base["w"] and len(overlay) == 2


def test_a_recipe_has_the_shape_it_says(model):
    for part in (
        "fold_norms",
        "fold_scale",
        "fold_activations",
        "join_linears",
        "tabulate_positions",
        "lay_out_matrices",
    ):
        program, weights = PARTS[part](model.program, model.weights)
        for name in program.params:
            assert weights[name].shape == weights.shape(name), name


def test_a_model_of_which_every_projection_is_laid_out_generates_the_same(make_model, text, plain_run):
    """Large matrices are laid out another way than small ones; both ways are tried here."""
    from engine.rewrites import lay_out

    model, ids = make_model("llama"), text(12)
    expected = plain_run(model, ids)["logits"][0]
    for limit in (0, lay_out.CACHED_BYTES):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lay_out, "CACHED_BYTES", limit)
            decoder = Decoder(prepare(model.config, model.weights, Settings()))
            got = [fed.logits for part in (ids[:5], *([id] for id in ids[5:])) for fed in decoder.feed(part)]
        assert np.abs(np.concatenate(got) - expected).max() < AGREE


def test_made_weights_refuse_writes(make_model):
    model = make_model("gpt2")
    weights = made(*join_linears(model.program, model.weights))
    with pytest.raises(ValueError, match="read-only"):
        weights["blocks.0.attn.qkv.weight@joined"][0] = 1
