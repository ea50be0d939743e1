"""The ten stages, measured: the counts of a real shape by hand, formulas beside arrays, and what the report says."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.phase_formulas import expected_flops, expected_parameters, expected_products
from engine.analysis.phase_metrics import Measured, Sample, heads_of, measure, parameter_count, sizes_of, work_of
from engine.analysis.phase_report import Facts, claims, looking, phases_csv, phases_markdown, quality
from engine.analysis.phases import ENTROPY, LOG, PATTERNS, stages
from engine.decoder import Decoder
from engine.memory_report import generating
from engine.model import Model
from engine.models.config import read_config
from engine.prepare import prepare
from engine.settings import Settings
from engine.training.parameters import initial_weights

PRESET = Path(__file__).parents[3] / "assets" / "training" / "phases.json"
EXACT = ("parameters", "attention_bytes", "mlp_bytes", "embedding_bytes", "weight_bytes", "cache_bytes", "peak_bytes",
         "total_bytes", "products")  # fmt: skip
TOKENS = 128
FACTS = Facts("a [model](x) `y`", {}, "some text", TOKENS, "a machine")


@pytest.fixture(scope="module")
def preset():
    """The real shape, with random weights: enough for bytes and counts."""
    raw = json.loads(PRESET.read_text())
    config = read_config(raw["model"] | {"vocab_size": raw["training"]["vocabulary"]})
    weights = initial_weights(config, np.random.default_rng(0))
    return Model("preset", config, weights, None, "float32", "preset")


@pytest.fixture(scope="module")
def sizes(preset):
    """For each stage what it takes, measured and foretold."""
    found = {}
    for stage in stages():
        prepared = prepare(preset.config, preset.weights, stage.settings, (), preset.factors)
        decoder = Decoder(prepared)
        if decoder.cache is not None:
            decoder.cache.claim(TOKENS)
        measured, expected = sizes_of(decoder, TOKENS)
        found[stage.name] = measured | work_of(decoder, TOKENS), expected
    return found


def test_the_counts_of_the_real_shape_are_those_worked_out_by_hand(sizes):
    """3 layers, width 224, hidden 1,792, vocabulary 4,000, context 128."""
    block = 4 * (224 * 224 + 224) + (224 * 1792 + 1792) + (1792 * 224 + 224) + 4 * 224
    plain = 2 * 4000 * 224 + 128 * 224 + 3 * block + 2 * 224
    tied = plain - 4000 * 224
    low = tied - 3 * 2 * 224 * 1792 + 3 * 2 * 12 * (224 + 1792)
    assert (plain, tied, low) == (4_843_104, 3_947_104, 1_683_808)
    counts = {name: measured["parameters"] for name, (measured, _) in sizes.items()}
    assert counts["FP32"] == counts["KV cache"] == plain
    assert counts["tied weights"] == counts["INT8 attention"] == counts["INT8 MLP"] == tied
    assert counts["low-rank MLP"] == counts["fused QKV"] == counts["entropy"] == low
    assert tied / plain - 1 == pytest.approx(-0.185, abs=5e-4)


def test_int8_parts_are_a_quarter_of_float32_scales_included(sizes):
    bytes_of = {name: measured for name, (measured, _) in sizes.items()}
    attention = 3 * 4 * (224 * 224 + 4 * 224 + 4 * 224)  # numbers, scales, biases
    mlp = 3 * (2 * 224 * 1792 + 2 * 4 * (1792 + 224))
    assert bytes_of["INT8 attention"]["attention_bytes"] == attention
    assert bytes_of["INT8 MLP"]["mlp_bytes"] == mlp
    assert attention / bytes_of["tied weights"]["attention_bytes"] <= 0.26
    assert mlp / bytes_of["tied weights"]["mlp_bytes"] <= 0.26


def test_the_last_stage_takes_at_most_a_third_of_the_first(sizes):
    (first, _), (last, _) = sizes["FP32"], sizes["entropy"]
    parts = ("weight_bytes", "cache_bytes", "peak_bytes")
    assert sum(last[part] for part in parts) == last["total_bytes"]
    assert last["total_bytes"] <= first["total_bytes"] / 3
    assert last["cache_bytes"] == 2 * 3 * 224 * 128 * 4 and first["cache_bytes"] == 0


def test_what_is_measured_is_what_the_formulas_say(preset, sizes):
    for stage in stages():
        measured, expected = sizes[stage.name]
        expected = expected | {"parameters": expected_parameters(preset.config, stage.settings),
                               "products": expected_products(preset.config, stage.settings)}  # fmt: skip
        assert {name: measured[name] for name in EXACT} == {name: expected[name] for name in EXACT}, stage.name
        assert measured["flops"] == pytest.approx(expected_flops(preset.config, stage.settings, TOKENS), rel=0.03)
        assert measured["flops"] > expected_flops(preset.config, stage.settings, TOKENS)


@pytest.mark.parametrize("changes", [{}, {"kv_cache": True}, {"kv_cache": True, "low_rank_mlp": 3},
                                     {"tie_embeddings": True}, {"kv_cache": True, "fuse_qkv": True}])  # fmt: skip
def test_the_counts_hold_for_every_architecture(model, changes):
    settings = Settings(**{"kv_cache": False, "optimize": False} | changes)
    decoder = Decoder(prepare(model.config, model.weights, settings, ()))
    assert parameter_count(*generating(decoder.prepared)) == expected_parameters(model.config, settings)
    assert work_of(decoder, 4)["products"] == expected_products(model.config, settings)


def test_a_stage_is_the_one_before_and_one_thing_more():
    planned = stages(rank=5)
    assert len(planned) == 10
    for before, stage in pairwise(planned):
        changed = [name for name in vars(stage.settings)
                   if getattr(stage.settings, name) != getattr(before.settings, name)]  # fmt: skip
        assert len(changed) == (0 if stage.watches else 1), stage.name
    assert [stage.watches for stage in planned if stage.watches] == [LOG, PATTERNS, ENTROPY]
    assert planned[6].settings.low_rank_mlp == 5


def test_every_stage_is_measured_and_looking_changes_no_number(make_model, text, plain_run):
    model = make_model("gpt2-erf-untied")
    sample = Sample(None, (tuple(text(20)), tuple(text(20, 1))))
    rows = {stage.name: measure(stage, model, sample).figures for stage in stages(3)}
    for looking_on, plain in (("operation log", "FP32"), ("head views", "fused QKV"), ("entropy", "fused QKV")):
        for name in (*EXACT, "flops", "attention_entropy", "specialization"):
            assert rows[looking_on][name] == rows[plain][name], (looking_on, name)
        assert rows[looking_on]["held_bytes"] > 0 == rows[plain]["held_bytes"]
    run = plain_run(model, text(20))
    made = [run[line.out].nbytes for line in model.program.lines if not line.op.is_view]
    assert rows["operation log"]["held_bytes"] == sum(made)
    patterns = sum(4 * 2 * 3 * seen for seen in range(1, 21))  # 2 layers, 3 heads
    assert rows["head views"]["held_bytes"] == patterns
    assert rows["entropy"]["held_bytes"] == patterns + 20 * 2 * 3 * 4
    assert rows["FP32"]["attention_entropy"] == pytest.approx(rows["KV cache"]["attention_entropy"], rel=1e-5)
    for figures in rows.values():
        assert 0 < figures["ms_low"] <= figures["ms"] <= figures["ms_high"] and figures["timed_tokens"] == 10
        assert figures["perplexity"] is None and figures["mean_logprob"] is None


def test_entropy_and_specialization_are_those_of_the_plain_program(make_model, text, plain_run):
    """Naively, head by head, from the patterns of the reference run."""
    model, ids = make_model("gpt2"), text(15)
    run = plain_run(model, ids)
    entropies, cosines = [], []
    for i in range(model.config.layers):
        pattern = run[f"blocks.{i}.attn.pattern"][0].astype(float)
        entropies += [-sum(p * np.log(p) for p in row if p > 0) for head in pattern for row in head]
        for a in range(3):
            for b in range(a):
                cosines += [x @ y / np.linalg.norm(x) / np.linalg.norm(y)
                            for x, y in zip(pattern[a], pattern[b], strict=True)]  # fmt: skip
    found = heads_of(model, stages()[2], [ids])
    assert found["attention_entropy"] == pytest.approx(np.mean(entropies), rel=1e-5)
    assert found["specialization"] == pytest.approx(1 - np.mean(cosines), rel=1e-4)


def rows_with(perplexities):
    """All stages with made-up figures, to see what is said of them."""
    first = {"parameters": 100, "attention_bytes": 400, "mlp_bytes": 800, "embedding_bytes": 10, "weight_bytes": 2000,
             "cache_bytes": 0, "peak_bytes": 100, "total_bytes": 2100, "arena_bytes": 120, "held_bytes": 0,
             "mean_logprob": -2.0, "attention_entropy": 1.5, "specialization": 0.25, "ms": 4.0, "ms_low": 3.0,
             "ms_high": 5.0, "timed_tokens": 9, "products": 25, "flops": 1000}  # fmt: skip
    changes = {"INT8 attention": {"attention_bytes": 100}, "INT8 MLP": {"mlp_bytes": 240},
               "low-rank MLP": {"parameters": 40}, "entropy": {"total_bytes": 600, "held_bytes": 50}}  # fmt: skip
    return [
        Measured(stage, first | changes.get(stage.name, {}) | {"perplexity": value}, {"parameters": 100})
        for stage, value in zip(stages(), perplexities, strict=True)
    ]


def test_the_report_says_where_a_stage_makes_quality_worse():
    rows = rows_with([10, 10, 10, 12, 12.001, 12.6, 11, 11, 11, 11])
    assert quality(rows, FACTS) == [
        "tied weights: **worse**, perplexity 10.000 -> 12.000 (+20.0%); two matrices that were not equal, read as one, "
        "are another model.",
        "INT8 MLP: **worse**, perplexity 12.001 -> 12.600 (+5.0%).",
        "low-rank MLP: better, perplexity 12.600 -> 11.000 (-12.7%).",
        "No other stage changed the perplexity by more than 0.1%.",
    ]
    trained = quality(rows, replace(FACTS, trained={"plain": "1 update"}))
    assert trained[0].endswith("(+20.0%), where each was trained on its own.")
    assert "where each" not in trained[1]
    assert "**worse**, beyond" in quality(rows_with([10] * 3 + [None] * 7), FACTS)[0]


def test_the_report_says_what_was_promised_and_whether_it_holds():
    said = claims(rows_with([10] * 10))
    assert said == [
        "tied weights: 100 parameters of 100 (+0.0%).",
        "low-rank MLP: 40 parameters of 100 (-60.0%).",
        "INT8 attention: 25.0% of the bytes in float32, scales included (at most 26.0%: holds).",
        "INT8 MLP: 30.0% of the bytes in float32, scales included (at most 26.0%: does not hold).",
        "weights + cache + peak activations of the last stage: 28.6% of the first (at most 33.3%: holds); with what is "
        "held to be looked at 31.0%.",
    ]
    assert looking(rows_with([10] * 10))[-1] == "entropy: 4.000 -> 4.000 ms per token, 50 bytes held."


def test_the_files_hold_every_figure_and_obey_nothing():
    rows = rows_with([10] * 9 + [None])
    table = list(csv.DictReader(StringIO(phases_csv(rows).decode())))
    assert [row["stage"] for row in table] == [stage.name for stage in stages()]
    assert table[0]["parameters"] == table[0]["parameters_expected"] == "100" and table[9]["perplexity"] == ""
    page = phases_markdown(rows, FACTS).decode()
    assert r"Of a \[model\](x) \`y\`." in page and "| 100 (100) |" in page
    assert phases_markdown(rows[:3], FACTS).decode().count("3 of 10 stages") == 1  # stopped early
