"""Every rewrite of the settings and every pair of them, for every architecture, against a model changed by hand.

The reference knows nothing of the rewrites: it changes the weights themselves (rounded and widened again, cut to a rank
by LAPACK's own decomposition, tied by copying) and runs the plain program on them, line by line.
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from engine.compile import compile_program
from engine.decoder import Decoder
from engine.lane import with_words
from engine.ops.attention import scores, weighted_sum
from engine.ops.shapes import free, same
from engine.passes import generating_pass
from engine.prepare import prepare
from engine.program import Line, Op
from engine.rewrites.cache_kv import limit_window
from engine.rewrites.factors import factors_of
from engine.run import Run, execute
from engine.settings import Settings

AGREE = 1e-5
RANK = 5
WORDS = ("tie", f"rank={RANK}", "int8=attention", "int8=mlp", "int8-embedding", "int8-cache", "fuse-qkv",
         "optimize=off", "kv=off", "kv-window=4")  # fmt: skip
PAIRS = [*WORDS, *(",".join(pair) for pair in combinations(WORDS, 2) if sum("int8=" in word for word in pair) < 2)]
PAIRS += [
    "int8=all",
    f"int8=all,int8-embedding,int8-cache,rank={RANK},tie",
    f"int8=all,rank={RANK},tie,optimize=off,fuse-qkv",
]
NAMES = ["gpt2", "gpt2-erf-untied", "llama", "mistral", "qwen2-mixed", "sinusoidal"]
IDS = np.random.default_rng(5).integers(0, 19, 14).tolist()


def by_hand(rows):
    """Rows as they are after rounding to 127 steps of their largest number."""
    step = np.abs(rows).max(-1, keepdims=True).astype(np.float32) / np.float32(127)
    return (np.round(rows / step) * step).astype(np.float32)


def changed(model, settings):
    """The weights of the model that the settings describe."""
    weights = dict(model.weights)
    if settings.tie_embeddings and "unembed.weight" in weights:
        weights["unembed.weight"] = weights["embed.weight"]
    for name, matrix in weights.items():
        parts = name.split(".")
        is_mlp, is_matrix = "mlp" in parts, matrix.ndim == 2 and name.startswith("blocks.")
        int8 = is_matrix and settings.int8 in ("all", "mlp" if is_mlp else "attention")
        wide = matrix.T if model.config.out_first else matrix  # (in, out)
        if is_matrix and is_mlp and settings.low_rank_mlp:
            weights[name] = cut(wide, settings.low_rank_mlp, int8)
        elif int8:
            weights[name] = by_hand(wide.T).T
        else:
            if settings.int8_embedding and name in ("embed.weight", "unembed.weight"):
                weights[name] = by_hand(matrix)
            continue
        if model.config.out_first:
            weights[name] = weights[name].T
    return weights


def cut(wide, rank, int8):
    if int8:  # rounding depends on how the product is shared out over two factors: there is no second way to that
        left, right, _ = factors_of(wide)
        return by_hand(left[:, :rank].T).T @ by_hand(right[:rank].T).T
    u, s, v = np.linalg.svd(wide.astype(np.float64), full_matrices=False)
    return ((u[:, :rank] * s[:rank]) @ v[:rank]).astype(np.float32)


ROUND = Op("by_hand", "", "", lambda x, out=None: by_hand(x), same, free)


def reference(model, settings):
    """Logits of the plain program on changed weights; with an INT8 cache, keys and values are rounded on their way."""
    program, _ = limit_window(model.program, model.weights, settings.kv_window)
    if settings.int8_cache and settings.kv_cache:
        lines = []
        for line in program.lines:
            if line.op in (scores, weighted_sum):
                lines.append(Line(f"{line.ins[1]}@rounded", ROUND, line.ins[1:]))
                line = replace(line, ins=(line.ins[0], lines[-1].out))  # noqa: PLW2901
            lines.append(line)
        program = program.with_lines(lines)
    inputs = {"tokens": np.array([IDS]), "position_ids": np.arange(len(IDS))}
    return execute(program, changed(model, settings), inputs)["logits"][0]


@pytest.fixture(params=NAMES)
def one(request, make_model):
    return make_model(request.param)


@pytest.mark.parametrize("words", PAIRS)
def test_a_rewrite_and_a_pair_run_as_the_model_changed_by_hand(one, words):
    settings = with_words(Settings(), words)
    prepared = prepare(one.config, one.weights, settings)
    for program, weights in (prepared.prompt, prepared.prompt_last, prepared.step, prepared.changed):
        assert program.check() is program
        assert all(name in weights for name in program.params)
    decoder, expected = Decoder(prepared), reference(one, settings)
    got = [fed.logits for part in (IDS[:9], IDS[9:10], IDS[10:11], IDS[11:]) for fed in decoder.feed(part)]
    assert np.abs(np.concatenate(got) - expected).max() < AGREE * max(1, np.abs(expected).max())


@pytest.mark.parametrize(
    "words",
    ["int8=all,int8-embedding,int8-cache", f"int8=all,rank={RANK},optimize=off,int8-cache", "fuse-qkv,optimize=off"],
)
def test_stepped_is_compiled_and_stepped_again_is_the_same_to_the_bit(one, words):
    decoder = Decoder(prepare(one.config, one.weights, with_words(Settings(), words)))
    for _ in decoder.feed(IDS):
        pass
    values = []
    for _ in range(2):
        _, program, weights, inputs = generating_pass(decoder, IDS)
        values.append(Run(program, weights, inputs).run()["logits"])
    assert values[0].tobytes() == values[1].tobytes()
    _, program, weights, inputs = generating_pass(decoder, IDS)
    compiled = compile_program(program, weights, poison=True)(inputs)["logits"]
    assert np.abs(compiled - values[0]).max() < AGREE * max(1, np.abs(values[0]).max())


def test_rewinding_an_int8_cache_and_going_on_is_a_fresh_run(one):
    settings = Settings(int8_cache=True)
    decoder, fresh = (Decoder(prepare(one.config, one.weights, settings)) for _ in range(2))
    for _ in decoder.feed(IDS):
        pass
    decoder.rewind(6)
    (again,) = decoder.feed([3])
    (first,) = fresh.feed([*IDS[:6], 3])
    assert np.abs(again.logits[-1] - first.logits[-1]).max() < AGREE * np.abs(first.logits).max()


def test_an_int8_cache_grows_and_takes_less_than_a_third(make_model):
    model = make_model("llama", max_position_embeddings=600, head_dim=32)
    wide, narrow = (Decoder(prepare(model.config, model.weights, Settings(int8_cache=int8))) for int8 in (False, True))
    ids = np.random.default_rng(0).integers(0, 19, 300).tolist()
    for decoder in (wide, narrow):
        for _ in decoder.feed(ids[:250]):
            pass
    assert narrow.cache.allocated_bytes * 32 == wide.cache.allocated_bytes * 9  # (32 + 4) bytes for 32 floats
    before = {name: array.copy() for name, array in narrow.cache.arrays.items()}
    for _ in narrow.feed(ids[250:]):
        pass
    assert all(np.array_equal(narrow.cache.arrays[name][:, :, :250], a[:, :, :250]) for name, a in before.items())
    assert narrow.cache.used_bytes == 300 * 2 * 2 * 2 * (32 + 4)  # tokens, layers, keys and values, heads, bytes


def test_going_back_is_exact(one):
    def logits(settings):
        (fed,) = Decoder(prepare(one.config, one.weights, settings)).feed(IDS)
        return fed.logits.tobytes()

    before = {name: array.tobytes() for name, array in one.weights.items()}
    plain = logits(Settings())
    assert logits(with_words(Settings(), "int8=all,int8-embedding,rank=3,tie")) != plain
    assert logits(Settings()) == plain and before == {name: a.tobytes() for name, a in one.weights.items()}


@pytest.mark.parametrize("optimize", [True, False])
def test_int8_weights_take_at_most_26_percent_of_float32(make_model, optimize):
    model = make_model("gpt2", n_embd=120)
    program, weights = prepare(model.config, model.weights, Settings(int8="all", optimize=optimize)).step
    plain = sum(4 * a.size for name, a in model.weights.items() if name.startswith("blocks.") and a.ndim == 2)
    found = [weights[n] for line in program.lines if line.op.name == "linear_int8" for n in line.ins[1:3]]
    assert {array.dtype.name for array in found} == {"int8", "float32"}
    assert 0.25 * plain < sum(array.nbytes for array in found) <= 0.26 * plain


def test_tied_int8_embeddings_are_one_matrix(make_model):
    model = make_model("gpt2")
    program = prepare(model.config, model.weights, Settings(int8_embedding=True)).step[0]
    readers = [line for line in program.lines if "embed.weight@int8" in line.ins]
    assert [line.op.name for line in readers] == ["embed_int8", "linear_int8"]
    assert not any(name.startswith(("embed.weight", "unembed")) and "@" not in name for name in program.params)


def test_fused_queries_keys_and_values_are_one_product_and_nothing_else_changes(one):
    plain = prepare(one.config, one.weights, Settings(optimize=False)).step[0]
    fused = prepare(one.config, one.weights, Settings(optimize=False, fuse_qkv=True)).step[0]
    assert len(fused) == len(plain) + one.config.layers  # one product more in the list, three became columns of it
    products = [sum(line.op.name == "linear" for line in program.lines) for program in (plain, fused)]
    assert products[0] - products[1] == 2 * one.config.layers
    assert {line.out for line in plain.lines} <= {line.out for line in fused.lines}


def test_a_compiled_token_widens_into_one_scratch(make_model):
    model = make_model("gpt2", n_embd=480)  # its largest matrix would have 3.7 MB as float32
    decoder = Decoder(prepare(model.config, model.weights, Settings(int8="all")))
    next(iter(decoder.feed(IDS[:1])))
    (step,) = decoder._functions.values()
    assert 1 << 19 <= sum(buffer.nbytes for buffer in step._scratch.values()) <= 1 << 20
    tracemalloc.start()
    for id in IDS[1:4]:
        next(iter(decoder.feed([id])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < peak < 1 << 17  # after the first token there is room for everything
