"""The memory panel shows the engine's report of a real session, and draws the slots of its cache."""

from __future__ import annotations

from functools import cache

import pytest
from tui_factory import application, plane

from app.widgets.memory import agrees, brief, memory_rows, sentence_of
from engine.memory import LayerMemory, Slots, summed
from engine.model import open_model
from engine.session import Session
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.views import SnapshotMaker
from viewers.cache_slots import FREE, OLD, SEEN, WRITE, heads_text, ranges_text, slots_rows


@cache
def real(**settings: object) -> Snapshot:
    """A text of 20 tokens, its pass stepped to the first pattern."""
    session = Session(open_model("random:gpt2-2x240"), Settings(**settings))  # type: ignore[arg-type]
    session.prompt(ids=list(range(20)))
    assert session.stepper is not None
    session.stepper.run.run("blocks.0.attn.pattern")
    return SnapshotMaker(session).make()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_every_number_of_the_report_is_on_the_screen(size: tuple[int, int]) -> None:
    latest = real(int8="mlp")
    app = application(latest)
    async with app.run_test(size=size) as pilot:
        app.explore.bring("memory")
        await pilot.press("z")
        await pilot.pause()
        rows = plane(app)
        for part in latest.memory.parts[1:4]:
            row = next(row for row in rows[4:] if f" {part.part} " in row)
            for number in (part.weights_bytes, part.cache_used_bytes, part.activation_needed_bytes,
                           part.activation_now_bytes, part.activation_held_bytes):  # fmt: skip
                assert brief(number) in row
        total = summed("", latest.memory.layers)
        for name in ("together", "formula"):
            assert brief(total.weights_bytes) in next(row for row in rows if name in row)
        assert latest.memory.plain is not None
        assert brief(latest.memory.plain.weights_bytes) in next(row for row in rows if "float32  " in row[:14])
        said = "\n".join(rows)
        assert "at blocks.0.attn.pattern: needed" in said and "plain program, all 20 tokens" in said


async def test_places_unfold_and_fold_by_keys_and_mouse() -> None:
    app = application(real())
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("memory")
        panel = app.explore.panel("memory")
        assert [row.kind for row in panel.found[:6]] == ["place", "place", "part", "part", "part", "place"]  # type: ignore[attr-defined]
        await pilot.press("down", "left")
        assert [row.kind for row in panel.found[:3]] == ["place"] * 3  # type: ignore[attr-defined]
        await pilot.press("down", "enter")
        assert [row.name for row in panel.found[2:5]] == ["blocks.1", "norms", "attention"]  # type: ignore[attr-defined]
        await pilot.click("#memory", offset=(5, 3), times=2)
        assert panel.found[2].kind == "part"  # type: ignore[attr-defined]
        await pilot.press("end")
        assert panel.sentence()


def test_the_sentence_says_whether_the_formula_agrees() -> None:
    latest = real()
    rows = [row for row in memory_rows(latest, frozenset({"blocks.0"}), 78) if row.kind in ("place", "part")]
    assert all(sentence_of(row, latest.memory).endswith("formula agrees") for row in rows)
    other = LayerMemory("blocks.0", 1, 0, 0, 0, 0, 0, "mlp")
    assert not agrees(other, LayerMemory("blocks.0", 2, 0, 0, 0, 0, 0, "mlp"))


def test_a_ring_that_wrapped_is_drawn_slot_by_slot() -> None:
    # Ten slots, window 4, positions 0..12 written: 10, 11, 12 lie where 0, 1, 2 were; the next token is 13.
    ring = Slots((0, 1), 4, 10, 10, (10, 11, 12, 3, 4, 5, 6, 7, 8, 9), 3, 96)
    head, strip, positions, legend = slots_rows(ring, 40)
    assert head.startswith("cache of layers 0-1: 10 slots in a ring, window 4")
    assert strip == SEEN * 3 + WRITE + OLD * 6  # 13 sees 10 to 13
    assert positions == "10…3…" and "written next" in legend


def test_a_plain_cache_fills_from_the_left_and_says_where_it_grows() -> None:
    strip = slots_rows(Slots((0,), None, 8, 3, (), 3, 96), 40)[1]
    assert strip == SEEN * 3 + WRITE + FREE * 4
    assert WRITE not in slots_rows(Slots((0,), None, 8, 8, (), None, 96), 40)[1]


def test_many_slots_share_a_cell_and_the_legend_says_so() -> None:
    rows = slots_rows(Slots((0,), None, 256, 100, (), 100, 96), 64)
    assert len(rows[1]) == 64 and rows[1] == SEEN * 25 + WRITE + FREE * 38 and "(4 slots a cell)" in rows[3]


def test_grouped_queries_are_drawn_with_what_they_share() -> None:
    assert heads_text(6, 2, 60)[1:] == ["kv0 ◀ q0 q1 q2   kv1 ◀ q3 q4 q5"]
    assert heads_text(6, 2, 20)[1:] == ["kv0 ◀ q0 q1 q2", "kv1 ◀ q3 q4 q5"]
    assert "of its own" in heads_text(4, 4, 60)[0]


def test_ranges_of_layers() -> None:
    assert ranges_text((0, 1, 2, 5)) == "0-2, 5" and ranges_text((3,)) == "3"
