"""Drift, evolution and training as pictures: the arrays that came in, titles that are text, the same bytes twice."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from viewers.figures.drift import drift_figure, drift_png_or_svg
from viewers.figures.frame import Look
from viewers.figures.phases import phase_figure, phase_metrics
from viewers.figures.style import tick_text
from viewers.figures.training import smoothed, training_figure, training_png

PLACES = ("embed", "blocks.0.resid_post", "blocks.1.resid_post", "logits")
APART = (0.0, 2e-7, 3e-3, math.inf)
LOG = [{"step": i, "loss": 4 - 0.1 * i, "learning_rate": 1e-3, "gradient_norm": 1.0} for i in range(20)]
TITLE = "$\\evil$ <b> \x1b[2J"


def test_drift_is_drawn_on_powers_of_ten_and_its_first_place_is_named():
    figure = drift_figure(PLACES, APART, 1e-5, Look(), "a", "b", (0.1, 0.2, 0.0), ("x", "y", "z"))
    along, tokens = figure.axes
    assert along.lines[1].get_ydata()[:3].tolist() == [1e-9, 2e-7, 3e-3]  # equal stands on the ground
    assert along.get_yscale() == "log" and along.lines[2].get_xdata() == [2]
    assert "first over 1e-05: blocks.1.resid_post" in " ".join(text.get_text() for text in figure.texts)
    assert [bar.get_height() for bar in tokens.patches] == [0.1, 0.2, 0.0]
    assert drift_figure((), (), 1e-5, Look(), "a", "b").axes


def test_stages_are_bars_and_what_was_not_measured_is_none():
    metrics = {"loss, nats": [4.0, 2.5, 2.0], "induction": [None, 0.1, math.nan]}
    figure = phase_figure(("step 0", "step 100", "end"), metrics, Look(), "Evolution", "run")
    loss, induction = figure.axes
    assert [bar.get_height() for bar in loss.patches] == [4.0, 2.5, 2.0]
    assert [bar.get_height() for bar in induction.patches] == [0.1]
    assert phase_figure(("a",), {"nothing": [None]}, Look(), "t", "f").axes


def test_numbers_beside_axes_are_not_rounded_away():
    numbers = (0, 0.0015, 0.25, 1, 12.5, -3, 2000, 123456, 5e-5, 1e-9)
    said = ["0", "0.0015", "0.25", "1", "12.5", "−3", "2,000", "123,456", "5e−5", "1e−9"]
    assert [tick_text(number) for number in numbers] == said


def test_training_is_the_log():
    loss, rate, norm = training_figure([*LOG, {**LOG[-1], "step": 20, "validation_loss": 2.25}], "run", Look()).axes
    assert loss.lines[0].get_ydata()[:3] == pytest.approx([4.0, 3.9, 3.8])
    assert loss.get_legend().get_texts()[-1].get_text() == "validation, 2.250 at the end"
    assert rate.get_ylabel() == "learning rate" and norm.get_xlabel() == "update"
    assert smoothed([1, 2, 3, 4], 2) == [1, 1.5, 2.5, 3.5]
    assert training_png(LOG, TITLE).startswith(b"\x89PNG")


@pytest.mark.parametrize("dark", [False, True])
def test_titles_are_text_and_files_the_same_twice(dark):
    look = Look("svg", dark)
    for draw in (
        lambda: drift_png_or_svg(PLACES, APART, 1e-5, look, TITLE, TITLE),
        lambda: phase_metrics((TITLE, "b"), {TITLE: [1.0, 2.0]}, look, TITLE, TITLE),
    ):
        data = draw()
        assert data == draw()
        words = [node.text for node in ElementTree.fromstring(data).iter("{http://www.w3.org/2000/svg}text")]
        assert "$\\evil$ <b> \\u{001B}[2J" in words
