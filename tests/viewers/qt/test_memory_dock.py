"""The memory panel: activations at every line of the pass, and which slot of the cache holds what."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from engine.memory import Slots
from viewers.numbers import bytes_text
from viewers.qt.memory_model import place_spans, slot_words, unit_of
from viewers.qt.slots_view import SlotsView
from viewers.qt.theme import AT_NIGHT

WAIT_MS = 20_000
RING = Slots((0,), 4, 6, 6, (6, 7, 2, 3, 4, 5), 2, 64)  # 8 tokens went by; the next sees 5, 6, 7 and itself


@pytest.fixture
def panel(window):
    window.docks.bring("memory")
    return window.panels["memory"]


def test_the_step_at_every_line_is_what_a_run_needs_there(panel, window, driver):
    panel.tabs.setCurrentIndex(1)
    report, rows = driver.latest.memory, driver.latest.stepping.rows
    (line,) = panel.chart._lines.values()
    x, y = line.getData()
    size, unit = unit_of(report.pass_peak_bytes)
    assert unit == "KiB" and len(report.along) == len(rows) > 40
    for i, needed in enumerate(report.along):
        assert y[2 * i] == y[2 * i + 1] == pytest.approx(needed / size) and x[2 * i : 2 * i + 2].mean() == i


def test_a_line_that_is_pointed_at_says_its_bytes_and_a_click_goes_there(panel, window, driver):
    report, rows = driver.latest.memory, driver.latest.stepping.rows
    line = next(i for i, row in enumerate(rows) if row.address == "blocks.1.attn.scores")
    panel.chart.pointed.emit(line + 0.3)
    assert panel.sentence.startswith(f"blocks.1.attn.scores: {bytes_text(report.along[line])} needed")
    panel.chart.pointed.emit(float(np.argmax(report.along)))
    assert panel.sentence.endswith("the peak of the pass")
    panel.chart.clicked.emit(line - 0.2)
    assert window.view.address == "blocks.1.attn.scores"


def test_names_stand_under_their_places(window):
    rows = window.snapshot.stepping.rows
    spans = place_spans(rows)
    assert [name for _, _, name in spans] == ["embed", "blocks.0", "blocks.1", "unembed"]
    first, end, _ = spans[2]
    assert all((first <= i < end) == row.address.startswith("blocks.1.") for i, row in enumerate(rows))


def test_the_slots_that_are_drawn_are_the_caches(panel, window, driver):
    panel.tabs.setCurrentIndex(2)
    view, (slots,) = panel.slots, driver.latest.memory.slots
    held = len(driver.latest.tokens)
    assert view.slots == (slots,) and f"{slots.count} slots, {held} used" in view.accessibleDescription()
    view.point_at((0, held - 1))
    assert panel.sentence == f"slot {held - 1}: position {held - 1}, which the next token sees"
    view.point_at((0, held))
    assert panel.sentence == f"slot {held}: written next"
    view.point_at((0, held + 1))
    assert panel.sentence == f"slot {held + 1}: empty"


def test_in_a_ring_the_next_token_sees_the_window_and_writes_over_the_oldest():
    seen = [slot for slot in range(6) if slot_words(RING, slot).endswith("the next token sees")]
    assert [RING.positions[slot] for slot in seen] == [6, 7, 5]
    assert slot_words(RING, 2) == "slot 2: written next, over position 2"
    assert slot_words(RING, 3) == "slot 3: position 3, which the next token sees no more (window 4)"


def test_mouse_and_arrow_keys_find_a_slot(qtbot):
    view = SlotsView()
    qtbot.addWidget(view)
    view.resize(120, 400)
    view.show_slots((RING, RING), AT_NIGHT)
    for group, slot in ((0, 0), (0, 5), (1, 3)):
        assert view.slot_at(QPointF(view.box_of(group, slot).center())) == (group, slot)
    view.point_at((0, 5))
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.marked == (1, 0)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.marked == (0, 5) and view.sentence == slot_words(RING, 5)


def test_what_was_pointed_at_is_not_said_on_another_page(window):
    window.docks.bring("memory")
    panel = window.panels["memory"]
    panel.bars.pointed.emit("blocks.0: weights 1 KiB")
    assert panel.sentence == "blocks.0: weights 1 KiB"
    panel.tabs.setCurrentIndex(1)
    assert panel.sentence == panel.says.text() == panel.summary
