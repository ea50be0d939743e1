"""The training panel shows the run's own numbers, heads at every checkpoint, and goes on with a run that is there."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from engine.text import visible
from viewers.picture import number_text
from viewers.qt.mosaic_model import SCALE
from viewers.qt.pinned_model import PinnedPatterns, place_of
from viewers.qt.train_model import gradient_rows, known_runs
from viewers.qt.train_panel import runs_directory
from viewers.run_numbers import small_text

WAIT_MS = 60_000
TINY = (
    "num_hidden_layers=2 hidden_size=16 num_attention_heads=2 head_dim=8 intermediate_size=16 "
    "steps=6 batch=2 context=24 validate_every=2 checkpoint_every=2 sample_tokens=40 threads=1 measure_every=1"
)


@pytest.fixture
def panel(window, home, qtbot):
    """The panel of a run that was made and waits."""
    text = home / "text.txt"
    text.write_text("the cat sat on the mat and the dog sat on the log. " * 100)
    window.docks.bring("training")
    made = window.panels["training"]
    made.preset.setCurrentText("char")
    made.text.setText(str(text))
    made.keys.setText(TINY)
    made.go()
    qtbot.waitUntil(lambda: window.training.state == "paused", timeout=WAIT_MS)
    return made


def trained(panel, qtbot, state="done"):
    """The last snapshot of the run, once it has come to its end."""
    panel.go()
    qtbot.waitUntil(lambda: panel.desk.training.state == state, timeout=WAIT_MS)
    panel.refresh()
    return panel.desk.training


def test_bars_are_the_gradient_norms_of_the_layers_and_say_how_far_an_update_moves_them(panel, qtbot):
    run = trained(panel, qtbot)
    rows = panel.charts.bars.rows
    assert [row.name for row in rows] == list(run.gradient_norms) and len(rows) >= 3
    assert [row.parts[0] for row in rows] == list(run.gradient_norms.values())
    for row in gradient_rows(run):
        assert small_text(run.gradient_norms[row.name]) in row.details
        assert f"update/weight {small_text(run.update_ratios[row.name])}" in row.details


def test_the_slider_goes_back_over_the_checkpoints(panel, qtbot):
    run = trained(panel, qtbot)
    view = panel.pinned
    assert len(run.seen) >= 3 and view.slider.maximum() == len(run.seen) - 1 == view.slider.value()
    for place, seen in enumerate(run.seen):
        view.slider.setValue(place)
        assert view.seen is seen
        assert view.when.text().startswith(f"update {seen.step:,} ({place + 1} of {len(run.seen)})")
        pattern = np.stack(seen.patterns)
        wanted = np.where(np.tri(pattern.shape[-1], dtype=bool), SCALE.level(pattern) + 1, 0)
        assert np.array_equal(view.mosaic.patterns.levels, wanted)
        assert visible(seen.continuation).strip()[:4] in view.sample.text()


def test_a_checkpoint_that_is_looked_at_stays_while_others_come(panel, qtbot):
    view = panel.pinned
    assert view.at is None
    panel.one.click()
    panel.one.click()
    qtbot.waitUntil(lambda: len(panel.desk.training.seen) == 2, timeout=WAIT_MS)
    panel.refresh()
    view.slider.setValue(0)
    run = trained(panel, qtbot)
    assert view.seen is run.seen[0] and view.slider.value() == 0
    assert place_of(run, None) == len(run.seen) - 1


def test_a_click_opens_a_head_and_the_fields_choose_another(panel, qtbot):
    run, view = panel.desk.training, panel.pinned
    box, wide, high = view.mosaic.grid()
    place = QPoint(round(box.left() + 1.5 * wide), round(box.top() + 1.4 * high))
    qtbot.mouseClick(view.mosaic, Qt.MouseButton.LeftButton, pos=place)
    assert view.tabs.tabText(view.tabs.currentIndex()) == "One head" and view.heat.title == "layer 1, head 1"
    view.spins["layer"].setValue(0)
    assert view.heat.title == "layer 0, head 1"
    pattern = run.seen[-1].patterns[0][1]
    view.heat.point_at((5, 3))
    assert view.heat.sentence.endswith(f": {number_text(float(pattern[5, 3]))}")
    assert np.isnan(view.heat.picture.values[3, 5])  # what comes after is not seen


def test_a_run_that_was_stopped_is_listed_and_gone_on_with(panel, qtbot):
    panel.one.click()
    qtbot.waitUntil(lambda: panel.desk.training.step == 1, timeout=WAIT_MS)
    panel.stop.click()
    qtbot.waitUntil(lambda: panel.desk.training.state == "stopped", timeout=WAIT_MS)
    (run,) = known_runs(runs_directory())
    assert run.step == 1 and run.path == panel.desk.training.out
    panel.refresh()
    panel.list_runs()
    first = panel.more.menu().actions()[0]
    assert panel.more.isEnabled() and first.text() == run.words
    first.trigger()
    qtbot.waitUntil(lambda: panel.desk.training.state == "paused", timeout=WAIT_MS)
    assert panel.desk.training.step == 1 and len(panel.desk.training.losses) == 1
    assert trained(panel, qtbot).step == 6


def test_without_a_run_the_levels_are_empty():
    patterns = PinnedPatterns()
    assert not patterns.take_seen(None) and patterns.levels.size == 0
