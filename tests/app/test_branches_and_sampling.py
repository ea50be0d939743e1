"""The dialogs of branches and of sampling show the session's numbers, and the text goes back and forward."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from tui_factory import HOSTILE, application, driver_of, give, plane, snapshot

from app.widgets.stage_rows import branch_rows, stage_rows
from engine.sampling import Sampler
from engine.sampling_stages import stages_of
from engine.snapshot import Branch

TREE = (
    Branch("branch 1", "Once there was a cat", 6, 6, False, 0, 0, "Once there was a cat", None, -4.0),
    Branch("branch 2", "Once there was a dog", 6, 4, True, 1, 5, " dog", math.log(0.25), math.log(0.25)),
    Branch("branch 3", "Once there was a dog?", 7, 6, False, 2, 6, HOSTILE[3], math.log(0.0312), -9.0),
)
STAGES = stages_of(np.log(np.array([0.5, 0.25, 0.125, 0.125], np.float32)), Sampler(0.9, 3, 0.8), [])


def test_a_branch_hangs_under_the_one_it_left():
    rows = branch_rows(TREE, 70)
    assert rows[0].startswith("  6 tokens · Once there was a cat")
    assert rows[1].startswith("● └─ at 5, p 25.0% · 6 tokens ·  dog") and rows[2].startswith("     └─ at 6, p 3.1")
    assert "\x1b" not in rows[2] and all(len(row) <= 70 for row in rows)


def test_stages_say_what_they_cut():
    head, model, penalty, tempered, top_k, top_p = stage_rows(STAGES)
    assert head.split() == ["stage", "left", "holding", "likeliest", "entropy"]
    assert model.split()[:5] == ["model", "4", "100%", "50.0%", "1.213"]
    assert penalty.endswith("nothing") and tempered.endswith("changes 4")
    assert "87.5%" in top_k and top_k.endswith("cuts 1, of 12.5%")
    assert "75.0%" in top_p and top_p.endswith("cuts 1, of 12.5%")
    assert stage_rows(()) == []


async def test_the_dialog_follows_the_stages():
    app = application(snapshot(stages=STAGES))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("t")
        await pilot.pause()
        assert "cuts 1, of 12.5%" in "\n".join(plane(app))
        again = stages_of(np.array([2.0, 1.0, 0.0], np.float32), Sampler(0.5), [])
        give(app, replace(snapshot(stages=again), version=2))
        await pilot.pause(0.25)
        text = "\n".join(plane(app))
        assert f"{again[-1].entropy:.3f}" in text and "cuts" not in text


async def test_enter_jumps_and_braces_go_through_the_texts():
    app = application(snapshot(branches=TREE))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("B")
        await pilot.pause()
        assert "└─ at 5, p 25.0%" in "\n".join(plane(app))
        await pilot.press("down", "enter", "{", "}")
        assert driver_of(app).sent[-3:] == [("activate", {"branch": 2}), ("undo_text", {}), ("redo_text", {})]
