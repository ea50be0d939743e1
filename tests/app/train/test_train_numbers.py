"""What the Train screen shows is what the snapshot holds; what a model writes stays text."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from train_factory import application, give, history, opened, seen, training
from tui_factory import HOSTILE, picture, plane

from app.screens.train_places import TRAIN_PANELS, arrange_training
from app.widgets.train.curves import around, thinned
from app.widgets.train.sample import broken
from app.widgets.train.strips import figures
from engine.training.snapshot import RUNNING, TrainingSnapshot


def said(app) -> str:
    return "\n".join(plane(app))


def test_figures_are_the_snapshots() -> None:
    run = training()
    shown = dict(figures(run))
    assert shown["step"] == "200/1,000"
    assert shown["loss"] == f"{run.losses[-1, 1]:.4f}" and shown["validation"] == f"{run.validation[-1, 1]:.4f}"
    assert shown["perplexity"] == f"{math.exp(run.validation[-1, 1]):,.2f}"
    assert shown["rate"] == f"{run.rates[-1, 1]:.3g}" and shown["gradient"] == f"{run.norms[-1, 1]:.3g}"
    assert shown["tokens/s"] == "12,346" and shown["left"] == "13 min"


def test_what_was_not_measured_is_a_dash() -> None:
    shown = dict(figures(TrainingSnapshot(state="paused")))
    assert {shown[name] for name in ("loss", "validation", "perplexity", "rate", "gradient", "tokens/s", "left")} == {
        "—"
    }


async def test_every_layers_numbers_and_bars_are_shown() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        train.bring("layers")
        await pilot.pause()
        lines = {line.replace("▶", " ").split()[0]: line for line in plane(app) if "0.0" in line}
        run = train.snapshot
        for name, norm in run.gradient_norms.items():
            assert f"{norm:.3g}" in lines[name] and f"{run.update_ratios[name]:.3g}" in lines[name]
        full = lines["blocks.0"].count("█")
        assert lines["embed"].count("█") == pytest.approx(full / 2, abs=1)
        assert "measured at update 200" in said(app)


async def test_the_heat_map_shows_the_pattern_of_the_chosen_checkpoint_layer_and_head() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        panel = train.panel("pinned")
        for at, layer, head in itertools.product((None, 100, 0), (0, 1), (0, 3)):
            train.look(at=at, layer=layer, head=head)
            await pilot.pause()
            checkpoint = train.snapshot.seen[2 if at is None else at // 100]
            pattern = checkpoint.patterns[layer][head]
            key = int(pattern[6].argmax())
            assert (
                panel.sentence()
                == f'query 6 "↵" → key {key} "{":" if key == 5 else checkpoint.tokens[key]}": '
                f"{pattern[6, key]:.3f}".replace("\n", "↵")
            )
            assert panel.sentence() in said(app)


async def test_the_samples_are_those_of_the_checkpoint() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        opened(app, training(seen=(seen(0, "xqz"), seen(100, "thou art"))))
        assert "thou art" in said(app) and "xqz" not in said(app)
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert "xqz" in said(app) and "thou art" not in said(app)


async def test_hostile_samples_paths_and_notices_are_inert() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        for version, text in enumerate(HOSTILE, 2):
            mean = replace(seen(100, f"{text} {text}"), prompt=text, tokens=(text,) * 7)
            about = {"files": (text,), "settings": (text,), "preset": text, "out": Path(f"x{text}".replace("\0", ""))}
            notice, norms = f"error: {text}", {text or "x": 1.0}
            run = training(version=version, seen=(mean,), notice=notice, gradient_norms=norms, **about)
            train, _ = opened(app, run)
            for name in ("run", "layers"):
                train.bring(name)
                await pilot.pause()
                for line in plane(app):
                    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\ud800" for c in line)
        assert app.is_running


async def test_the_curve_is_drawn_from_every_update() -> None:
    points, size = thinned(np.array([[i, 2.0 * i] for i in range(1, 1001)]), 100)
    assert size == 10 and points[0].tolist() == [5.5, 11.0] and len(points) == 100
    assert points[:, 1].mean() == pytest.approx(1001.0)
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        train.bring("curves")
        await pilot.pause()
        assert "each point 2 updates" in said(app) and "best 1.6240" in said(app)
        run = train.snapshot
        for words in (f"learning rate {run.learning_rate:.3g}", f"gradient norm {run.gradient_norm:.3g}"):
            await pilot.press("e")
            await pilot.pause()
            assert words in said(app)


@pytest.mark.parametrize("steps", [1, 2, 4])
async def test_the_axes_of_the_first_updates_name_whole_updates_and_no_number_twice(steps: int) -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training(steps=steps, validation=history(range(0), 1.0)))
        await pilot.pause()
        train.panel("curves").redraw()
        await pilot.pause(0.3)
        left = [line[:66] for line in plane(app)]
        heights = [found[0] for line in left if (found := re.findall(r"^ *([\d.]+) *┫", line))]
        assert len(heights) >= 2 and len(set(heights)) == len(heights), heights
        below = next(line for line in left[left.index(next(x for x in left if "┳" in x)) + 1 :])
        assert [float(tick) for tick in below.split()] == list(range(max(2, steps) + 1))


def test_the_range_around_one_value_has_it_in_the_middle() -> None:
    for value in (2.75877, -3.0, 0.0):
        low, high = around(value)
        assert low < value < high and (low + high) / 2 == pytest.approx(value)


async def test_a_prompt_of_foreign_characters_is_said_to_be_one() -> None:
    foreign = replace(seen(0), prompt="", tokens=("<unk>",) * 7)
    for shown, is_said in ((foreign, True), (seen(0), False), (replace(foreign, tokens=("<unk>", "e")), False)):
        app = application()
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.press("f3")
            opened(app, training(seen=(shown,)))
            await pilot.pause()
            assert ("No character of the pinned prompt" in said(app)) == is_said


def test_samples_break_at_spaces_and_nowhere_lose_a_letter() -> None:
    lines = broken("To be,\nor", " not to be: that is the question" + "x" * 30, 12)
    assert all(sum(len(text) for text, _ in line) <= 12 for line in lines)
    told = "".join(text for line in lines for text, _ in line).replace(" ", "")
    assert told == "Tobe,ornottobe:thatisthequestion" + "x" * 30
    assert lines[0] == [("To", True), (" ", True), ("be,", True)]


@pytest.mark.parametrize("maximised", [False, True])
def test_places_fill_the_screen_without_overlap_at_every_size(maximised: bool) -> None:
    for width, height in itertools.product(range(20, 260, 7), range(1, 80)):
        plan = arrange_training(width, height, 2, maximised)
        assert sorted(panel for place in plan.places for panel in place.panels) == sorted(TRAIN_PANELS)
        for a, b in itertools.combinations(plan.places, 2):
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart, (width, height)
        assert all(a.width > 0 and a.height > 0 and a.x + a.width <= width for a in plan.places)


@pytest.mark.parametrize("panel", TRAIN_PANELS)
async def test_train_at_80x24(panel: str, same_picture: Callable[[str], None]) -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        train.bring(panel)
        await pilot.pause()
        await pilot.pause()
        same_picture(picture(app))


async def test_train_at_120x36(same_picture: Callable[[str], None]) -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f3")
        opened(app, training(state=RUNNING, busy="training", progress=(200, 1000)))
        await pilot.pause()
        await pilot.pause()
        same_picture(picture(app))


async def test_resizing_at_any_time_breaks_nothing() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        train, _ = opened(app, training())
        for i, size in enumerate(((20, 5), (200, 60), (1, 1), (41, 13), (120, 36), (30, 80), (300, 8), (80, 24))):
            await pilot.resize_terminal(*size)
            for name in TRAIN_PANELS:
                train.bring(name)
            await pilot.pause()
            give(app, training(version=i + 2, steps=200 + i))
        assert app.is_running and "mini" in said(app)
