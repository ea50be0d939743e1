"""Watching, running until, the source of a line, and a value as numbers and as a histogram."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from tui_factory import application, driver_of, give, plane, snapshot

from app.screens.source_layer import SourceLayer
from engine.model import open_model
from engine.ops.attention import softmax_forward
from engine.source import builder_source, operation_source, operations
from viewers.picture import number_text
from viewers.summary import histogram, summary_of


def test_a_summary_by_hand():
    found = summary_of(np.array([[3.0, -4.0], [np.nan, np.inf]], np.float32))
    assert found == (-4.0, 3.0, -0.5, 3.5, 5.0, 2)
    assert np.isnan(summary_of(np.full(2, np.inf)).mean) and summary_of(np.zeros(0)).absent == 0


def test_a_histogram_counts_each_finite_number_once():
    counts, edges = histogram(np.array([0.0, 0.1, 0.9, 1.0, 1.0, np.nan]), 2)
    assert counts.tolist() == [2, 3] and edges.tolist() == [0, 0.5, 1]
    assert histogram(np.full(3, -np.inf), 4)[0].tolist() == [0, 0, 0, 0]


async def test_what_is_watched_stays_in_sight_with_the_engines_numbers() -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.look(address="blocks.0.attn.q")
        await pilot.press("m")
        app.explore.look(address="blocks.1.mlp.post")
        await pilot.press("m")
        await pilot.pause()
        screen = "\n".join(plane(app))
        value = app.explore.snapshot.stepping.values["blocks.0.attn.q"].astype(np.float64)
        for number in (value.min(), value.max(), value.mean(), np.linalg.norm(value)):
            assert number_text(float(number)) in screen
        assert "not computed yet" in screen
        give(app, snapshot(version=2))
        await pilot.pause()
        late = app.explore.snapshot.stepping.values["blocks.1.mlp.post"]
        assert number_text(float(np.linalg.norm(late.astype(np.float64)))) in "\n".join(plane(app))
        app.explore.look(address="blocks.1.mlp.post")
        await pilot.press("m")
        app.explore.look(address="blocks.0.attn.q")
        await pilot.press("m")
        await pilot.pause()
        assert not app.explore.view.watched and not app.explore.panel("watch").display


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        ("1.attn.pattern", [("run_until", {"address": "blocks.1.attn.pattern"})]),
        ("embed", [("rewind", {"address": "embed"}), ("run_until", {"address": "embed"})]),
        ("logits", [("run_until", {"address": "logits"})]),
    ],
)
async def test_run_until_goes_to_what_was_typed(words: str, commands: list) -> None:
    app = application(snapshot(done=4))
    async with app.run_test(size=(80, 24)) as pilot:
        driver_of(app).sent.clear()
        await pilot.press("R", *(("full_stop" if c == "." else c) for c in words), "enter")
        await pilot.pause()
        assert driver_of(app).sent == commands


async def test_an_address_that_is_not_there_is_said() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        driver_of(app).sent.clear()
        await pilot.press("R", "n", "o", "p", "e", "enter")
        await pilot.pause()
        assert not driver_of(app).sent and any('"nope" is in no address' in line for line in plane(app))


def test_the_source_of_an_operation_is_the_function_that_runs():
    place, source = operation_source("softmax")
    assert place.startswith("engine/ops/attention.py:") and source == inspect.getsource(softmax_forward).rstrip()
    assert operation_source("nothing") == ("", "")


def test_every_line_of_a_model_has_both_sources():
    for line in open_model("random:sinusoidal-2x64").program.lines:
        assert line.op.name in operations() and operation_source(line.op.name)[1], line
        marked = [row for row in builder_source(line.where) if row.startswith("▶")]
        assert len(marked) == 1 and int(marked[0].split()[1]) == int(line.where.split(":")[1])
    assert builder_source("elsewhere.py:1") == () and builder_source("engine/../../x.py:1") == ()


async def test_the_source_opens_and_closes() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.look(address="blocks.0.attn.pattern")
        await pilot.press("O")
        await pilot.pause()
        assert isinstance(app.screen, SourceLayer) and any("def softmax_forward" in line for line in plane(app))
        await pilot.press("escape")
        assert not isinstance(app.screen, SourceLayer)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_a_value_as_numbers_and_as_a_histogram(size) -> None:
    app = application()
    async with app.run_test(size=size) as pilot:
        app.explore.look(address="blocks.0.mlp.post")
        app.explore.bring("value")
        app.explore.panel("value").cell = (2, 3)
        await pilot.press("H")
        await pilot.pause()
        value = app.explore.snapshot.stepping.values["blocks.0.mlp.post"][0]
        screen = "\n".join(plane(app))
        for number in (value[2, 3], value[2, 4], value[1, 3]):
            assert number_text(float(number), 7) in screen
        await pilot.press("H")
        await pilot.pause()
        screen = "\n".join(plane(app))
        assert number_text(float(value.astype(np.float64).mean())) in screen and f"{value.size} numbers" in screen
        await pilot.press("H")
        assert app.explore.view.value_as == "heat map"
