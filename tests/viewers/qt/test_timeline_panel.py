"""The timeline shows the seconds that were measured, and says of each line what bounds it on this machine."""

from __future__ import annotations

import math

import pytest

from engine.analysis.machine_peaks import Peaks
from engine.memory import place_of
from viewers import actions
from viewers.key_map import remapped
from viewers.numbers import seconds_text
from viewers.qt.timeline_model import roof_points, summary

WAIT_MS = 20_000
FLOPS_PER_S, BYTES_PER_S = 4e9, 1e9  # a machine on which the lines of the small model are of more than one kind


@pytest.fixture
def panel(window):
    window.docks.bring("timeline")
    return window.panels["timeline"]


@pytest.fixture
def measured(panel, window, qtbot, monkeypatch):
    """The panel after its button was pressed."""
    monkeypatch.setattr("engine.commands.known_peaks", lambda: Peaks(FLOPS_PER_S, BYTES_PER_S))
    panel.measure.click()
    qtbot.waitUntil(lambda: window.snapshot.peaks is not None and not window.snapshot.busy, timeout=WAIT_MS)
    panel.refresh()
    return panel


def done(window):
    return [row for row in window.snapshot.stepping.rows if row.elapsed_s is not None]


def bound_by_hand(row):
    """What the roofline model says, worked out here."""
    arithmetic = row.cost.flops / FLOPS_PER_S
    traffic = (row.cost.bytes_read + row.cost.bytes_written) / BYTES_PER_S
    if max(arithmetic, traffic) < row.elapsed_s / 10:
        return "overhead"
    return "compute" if arithmetic > traffic else "memory"


def test_before_the_machine_is_measured_bars_are_the_seconds_of_each_place(panel, window):
    lines = done(window)
    assert panel.measure.isVisible() and len(lines) > 10
    for row in panel.bars.rows:
        name = row.name.strip("▸ ")
        assert row.parts == (pytest.approx(sum(x.elapsed_s for x in lines if place_of(x.address) == name)),)
        assert row.number.startswith(seconds_text(row.parts[0]))


def test_every_line_says_what_bounds_it(measured, window):
    lines = done(window)
    measured.opened = frozenset(place_of(row.address) for row in lines)
    measured.refresh()
    said = {row.name: bar for row, bar in zip(measured.found, measured.bars.rows, strict=True) if not row.is_place}
    assert list(said) == [row.address for row in lines]
    for row in lines:
        words, bound = said[row.address].details, bound_by_hand(row)
        assert ("held up by overhead" if bound == "overhead" else f"{bound}-bound") in words
        assert said[row.address].parts[("compute", "memory", "overhead").index(bound)] == row.elapsed_s
    assert len({bound_by_hand(row) for row in lines}) > 1
    assert not measured.measure.isVisible() and "4.0 GFLOP/s, 954 MiB/s" in measured.summary


def test_a_place_unfolds_into_its_lines_and_a_line_is_looked_at(measured, window):
    place = next(i for i, row in enumerate(measured.found) if row.name == "blocks.0")
    measured.bars.chosen.emit(place)
    assert measured.found[place + 1].name.startswith("blocks.0.") and measured.bars.rows[place].name[0] == "▾"
    measured.bars.chosen.emit(place + 3)
    assert window.view.address == measured.found[place + 3].name
    measured.bars.chosen.emit(place)
    assert all(row.is_place for row in measured.found)


def test_under_the_roofs_a_line_stands_at_its_intensity_and_its_rate(measured, window):
    points = {point.sentence.partition(":")[0]: point for point in roof_points(done(window), window.snapshot.peaks)}
    row = next(row for row in done(window) if row.address == "blocks.0.attn.q.rows")
    moved = row.cost.bytes_read + row.cost.bytes_written
    here = points[row.address]
    assert (here.intensity, here.flops_per_s) == (row.cost.flops / moved, row.cost.flops / row.elapsed_s)
    measured.tabs.setCurrentIndex(1)
    assert measured.roofline.nearest(math.log10(here.intensity), math.log10(here.flops_per_s)) == here
    assert "blocks.0.attn.q" not in points  # a view computes nothing
    measured.roofline.said.emit(here.sentence)
    assert measured.says.text() == here.sentence


def test_before_a_line_is_stepped_the_panel_names_the_keys_as_they_are_now(monkeypatch):
    assert summary(None, None) == "No time was measured yet: c runs the pass, n steps it."
    theirs = remapped(actions.ACTIONS, {"run": ("ctrl+r",), "step": ("f7",)})
    monkeypatch.setattr(actions, "BY_ID", {row.id: row for row in theirs})
    assert summary(None, None) == "No time was measured yet: ^r runs the pass, F7 steps it."
