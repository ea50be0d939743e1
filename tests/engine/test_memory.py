"""Memory counted by storage: by hand on a small program, by the arrays on a model."""

from __future__ import annotations

import numpy as np
import pytest

from engine.arena import plan
from engine.cost import infer_shapes
from engine.memory import LayerMemory, MemoryReport, held_bytes, last_uses, needed_bytes, place_of, root_of
from engine.ops.linear import add, columns, identity, multiply
from engine.ops.norm import scale_shift
from engine.program import Line, Program


@pytest.fixture
def small() -> Program:
    """Five lines with a view and operations that may overwrite their first input; x and w are (4, 8) and (8,)."""
    return Program(
        ("x",),
        ("w",),
        (
            Line("a", add, ("x", "w")),  # may not overwrite x, which is an input
            Line("view", columns, ("a",), {"start": 0, "stop": 4}),
            Line("b", scale_shift, ("a", "w")),  # may not overwrite a, which the view still needs
            Line("c", multiply, ("b", "b")),  # may overwrite b
            Line("d", multiply, ("view", "view")),  # smaller than a, but of the view's shape
        ),
        ("c", "d"),
    ).check()


SHAPES = {"x": (4, 8), "w": (8,), "a": (4, 8), "view": (4, 4), "b": (4, 8), "c": (4, 8), "d": (4, 4)}


def test_a_view_lies_in_its_root(small):
    assert root_of(small) == {"x": "x", "w": "w", "a": "a", "view": "a", "b": "b", "c": "c", "d": "d"}


def test_a_view_of_a_view_lies_in_the_first(program_of):
    program = program_of(("a", add, "xw"), ("b", identity, "a"), ("c", identity, "b"))
    assert root_of(program)["c"] == "a"


def test_a_view_extends_the_life_of_its_root(small):
    assert last_uses(small) == {"x": 0, "w": 2, "a": 4, "b": 3, "c": 5, "d": 5}
    assert last_uses(small, frozenset({"b"}))["b"] == 5


def test_needed_bytes_by_hand(small):
    # A full value is 4 · 8 · 4 = 128 bytes. a: 128. The view costs nothing. b beside a: 256. c takes b's place: 256.
    # d takes the view's place, within a: 128 of a, 128 of c.
    assert needed_bytes(small, infer_shapes(small, {"x": (4, 8), "w": (8,)})) == [128, 128, 256, 256, 256]


def test_the_plan_takes_over_what_is_dead_and_nothing_else(small):
    planned = plan(small, SHAPES)
    assert planned.takes.get("c") == "b" and "b" not in planned.takes and "a" not in planned.takes
    assert "view" not in planned.storages


def test_storages_that_live_at_the_same_time_do_not_overlap(model):
    known = {name: array.shape for name, array in model.weights.items()} | {"tokens": (1, 9), "position_ids": (9,)}
    planned = plan(model.program, infer_shapes(model.program, known))
    storages = list(planned.storages.values())
    for i, one in enumerate(storages):
        for other in storages[:i]:
            apart = one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
            assert apart or one.last < other.first or other.last < one.first, (one, other)
    assert planned.size == max(s.offset + s.size for s in storages)


def test_the_plan_is_near_what_is_needed(model):
    """The arena is what the panel says is needed, but for rounding and gaps."""
    known = {name: array.shape for name, array in model.weights.items()} | {"tokens": (1, 40), "position_ids": (40,)}
    shapes = infer_shapes(model.program, known)
    needed = max(needed_bytes(model.program, shapes))
    assert needed <= 4 * plan(model.program, shapes).size <= 1.5 * needed


def test_held_bytes_count_each_storage_once():
    a = np.zeros((4, 8), np.float32)
    values = {
        "embed": a,
        "blocks.0.resid_pre": a,
        "blocks.0.attn.q": a[:, :4],
        "blocks.1.mlp.out": np.zeros(3, np.float32),
    }
    assert held_bytes(values, place_of) == {"embed": 128, "blocks.1": 12}


@pytest.mark.parametrize(
    ("address", "place"),
    [("blocks.2.attn.q", "blocks.2"), ("logits", "unembed"), ("final.normed", "unembed"), ("embed", "embed"),
     ("mask", "embed"), ("cos", "embed"), ("logits@last", "unembed"), ("blocks.0.attn.q@last", "blocks.0")],
)  # fmt: skip
def test_places_of_addresses(address, place):
    assert place_of(address) == place


def test_totals_are_sums_over_places():
    report = MemoryReport((LayerMemory("a", 1, 2, 3, 4, 5), LayerMemory("b", 10, 20, 30, 40, 50)), 7, 4, 40)
    assert report.total("weights_bytes") == 11 and report.total("activation_held_bytes") == 55
