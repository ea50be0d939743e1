"""Where two runs part: every matrix that is changed is named by its first reader, and no number is made up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from engine.analysis.drift import compare, cut
from engine.errors import Cancelled
from engine.lane import PLAIN, Lane
from engine.model import Model, open_model
from engine.settings import Settings
from engine.trace import Trace

IDS = (3, 1, 4, 1, 5, 9, 2, 6)


def traced(model: Model, ids: tuple[int, ...] = IDS, budget_bytes: int = 1 << 30, **settings: object) -> Trace:
    return Lane(model, replace(PLAIN, **settings), ids).record(budget_bytes=budget_bytes)


def with_weight(model: Model, name: str, array: np.ndarray) -> Model:
    return replace(model, weights={**model.weights, name: array}, fingerprint=f"changed {name}")


def matrices(model: Model) -> Iterator[str]:
    return (name for name, array in model.weights.items() if array.ndim == 2)


def first_reader(model: Model, weight: str) -> str:
    return next(line.out for line in model.program.lines if weight in line.ins)


def only(trace: Trace, *addresses: str) -> Trace:
    """The trace as if nothing but these had been recorded."""
    kept = {name: trace[name] for name in addresses}
    return replace(trace, values=MappingProxyType(kept), dropped=tuple(n for n in trace if n not in kept))


def assert_names_the_first_reader_of_every_matrix(model: Model, ids: tuple[int, ...]) -> None:
    plain, rng = traced(model, ids), np.random.default_rng(0)
    names = list(matrices(model))
    for name in names:
        weight = model.weights[name]
        noise = rng.standard_normal(weight.shape).astype(np.float32)
        for changed in (weight * np.float32(1.001), weight + 1e-3 * np.abs(weight) * noise):
            found = compare(plain, traced(with_weight(model, name, changed), ids), threshold=1e-5)
            assert found.first is not None and found.first.address == first_reader(model, name), name
    assert names


def test_a_changed_matrix_is_named_by_its_first_reader(model):
    assert_names_the_first_reader_of_every_matrix(model, IDS)


def test_a_changed_matrix_of_a_trained_model_is_named_by_its_first_reader(shared):
    model = open_model(str(shared / "models" / "stories260K"))
    assert model.tokenizer is not None
    ids = tuple(model.tokenizer.encode_prompt("Once upon a time, there was a little girl"))
    assert_names_the_first_reader_of_every_matrix(model, ids)


def test_a_run_does_not_drift_from_itself(model):
    found = compare(traced(model), traced(model), threshold=0.0)
    assert found.first is None and not found.over and found.unequal == ()
    assert [place.address for place in found.places] == [line.out for line in model.program.lines]
    assert all(place.apart.is_exact and place.apart.cosine == 1 for place in found.places)
    assert found.tokens is not None and not found.tokens.kl.any() and not found.tokens.flips.any()


def test_the_curve_follows_the_residual_stream_and_every_number_is_the_naive_one(make_model):
    model = make_model()
    name = "blocks.1.mlp.up.weight"
    a, b = traced(model), traced(with_weight(model, name, model.weights[name] * 1.5))
    found = compare(a, b)
    along = [place.address for place in found.along]
    assert along == ["embed", "blocks.0.resid_post", "blocks.1.resid_post", "final.normed", "logits"]
    assert [place.apart.is_exact for place in found.along] == [True, True, False, False, False]
    for place in found.places:
        x, y = (trace[place.address].astype(np.float64) for trace in (a, b))
        with np.errstate(invalid="ignore"):
            apart = np.where(x == y, 0, np.abs(x - y))
        assert place.apart.largest == apart.max() == apart[place.apart.worst]
    assert found.worst(1)[0].apart.relative == max(place.apart.relative for place in found.places)


def test_kl_and_flips_are_those_of_the_logits(make_model):
    model = make_model()
    a, b = traced(model), traced(model, kv_window=2)
    p, q = (np.exp(t["logits"][0]) / np.exp(t["logits"][0]).sum(-1, keepdims=True) for t in (a, b))
    found = compare(a, b).tokens
    assert found is not None and found.kl == pytest.approx((p * np.log(p / q)).sum(-1), abs=1e-5)
    assert found.flips.tolist() == (p.argmax(-1) != q.argmax(-1)).tolist()
    assert not found.kl[:2].any() and found.kl[2:].all()  # the window hides nothing from the first two


def test_a_lowered_program_is_compared_where_addresses_survive(model):
    found = compare(traced(model), traced(model, optimize=True), threshold=1e-4)
    assert found.first is None and "logits" in found and "blocks.0.attn.pattern" in found
    assert found.left.only_a and found.left.only_b and not found.left.misshapen
    assert not {*found.left.only_a} & {*found.left.only_b}


def test_what_was_not_recorded_on_either_side_is_listed_and_not_compared(make_model):
    whole = traced(make_model())
    found = compare(only(whole, "embed", "logits"), only(whole, "blocks.0.resid_post", "logits"))
    assert [place.address for place in found.places] == ["logits"]
    assert "embed" in found.left.unrecorded and "blocks.0.resid_post" in found.left.unrecorded
    assert found.left.only_a == found.left.only_b == ()
    small = compare(whole, traced(make_model(), budget_bytes=whole.value_bytes // 3))
    assert small.left.unrecorded and len(small.left.unrecorded) + len(small.places) == len(whole.rows)


def test_without_logits_there_is_no_divergence(make_model):
    whole = traced(make_model())
    assert compare(only(whole, "embed"), whole).tokens is None


def test_texts_of_two_lengths_are_compared_where_both_are(model):
    short, long = traced(model, IDS[:5]), traced(model, IDS)
    for found in (compare(short, long, 1e-4), compare(long, short, 1e-4)):
        assert found.positions == 5 and sorted(found.lengths) == [5, 8] and found.unequal == ()
        assert found.first is None and not found.left.misshapen and len(found.places) == len(model.program)
        assert found.tokens is not None and len(found.tokens.kl) == 5


def test_another_token_parts_where_it_enters(make_model):
    model = make_model("gpt2")
    other = (*IDS[:3], 7, *IDS[4:])
    found = compare(traced(model), traced(model, other))
    assert found.unequal == (3,) and found.first is not None
    assert found.first.address == "embed" and found.first.apart.worst[1] == 3
    assert found.tokens is not None and found.tokens.kl[:3].max() < 1e-9 < found.tokens.kl[3]


def test_models_of_other_shapes_share_what_has_one_shape(make_model):
    found = compare(traced(make_model()), traced(make_model(intermediate_size=28)))
    names = [name for name, *_ in found.left.misshapen]
    assert "blocks.0.mlp.pre" in names and "logits" not in names
    assert ("blocks.0.mlp.pre", (1, 8, 20), (1, 8, 28)) in found.left.misshapen


def test_a_damaged_weight_is_found_though_nothing_can_be_subtracted(make_model):
    model = make_model()
    name = "blocks.1.attn.v.weight"
    found = compare(traced(model), traced(with_weight(model, name, np.full_like(model.weights[name], np.nan))))
    assert found.first is not None and found.first.address == "blocks.1.attn.v.rows"
    assert (
        found.first.apart.relative == math.inf and found.first.apart.clashes == found["blocks.1.attn.v"].apart.clashes
    )
    assert found.tokens is not None and np.isnan(found.tokens.kl).all()


def test_a_trace_without_a_listing_is_compared_in_the_others_order(make_model):
    model = make_model()
    whole = traced(model)
    backwards = MappingProxyType(dict(reversed(whole.values.items())))
    bare = replace(whole, rows=(), values=backwards)
    for a, b in ((bare, whole), (whole, bare)):
        found = compare(a, b)
        assert [place.address for place in found.places] == [line.out for line in model.program.lines]
        assert found.places[0].row is not None and found.places[0].row.where


def test_only_axes_of_tokens_are_cut():
    a, b = np.zeros((1, 4, 6, 6)), np.zeros((1, 4, 9, 9))
    pair = cut(a, b, (6, 9))
    assert pair is not None and pair[1].shape == (1, 4, 6, 6)
    assert cut(np.zeros((2, 6)), np.zeros((3, 9)), (6, 9)) is None and cut(a, a[0], (6, 6)) is None


def test_a_comparison_can_be_stopped(make_model):
    trace = traced(make_model())
    stops: Callable[[], bool] = iter([False, True]).__next__
    with pytest.raises(Cancelled):
        compare(trace, trace, stop=stops)


def test_settings_are_those_of_the_trace(make_model):
    assert traced(make_model(), kv_window=3).settings == Settings(kv_cache=False, optimize=False, kv_window=3)
