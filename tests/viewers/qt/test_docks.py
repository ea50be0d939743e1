"""The docks: a window as small as a screen at twice the size, where panels scroll instead of being cut."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QScrollArea, QWidget

LEAST = 800, 500  # of 960x540, a screen of 1920x1080 at twice the size; some of it is the system's


def bars_of(window, name):
    """Whether the frame of a panel has its upright and its level scroll bar."""
    frame = window.docks.docks[name].widget()
    assert isinstance(frame, QScrollArea) and frame.widget() is window.panels[name]
    return frame.verticalScrollBar().maximum() > 0, frame.horizontalScrollBar().maximum() > 0


def test_the_window_fits_a_small_screen(window, qtbot):
    least = window.minimumSizeHint()
    assert least.width() <= LEAST[0] and least.height() <= LEAST[1]
    window.resize(*LEAST)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == LEAST)
    for dock in window.docks.docks.values():
        assert not dock.isVisible() or window.rect().contains(dock.geometry()) or dock.visibleRegion().isEmpty()


def test_no_panel_scrolls_where_there_is_room(window, qtbot):
    window.docks.arrange()
    names = list(window.panels)
    for name in names:
        window.docks.bring(name)
        qtbot.wait(20)
        assert bars_of(window, name) == (False, False), name


@pytest.mark.parametrize("name", ["training", "text", "attention"])
def test_a_panel_in_too_little_room_shows_what_has_the_keys(window, qtbot, name):
    window.resize(800, 360)
    window.docks.bring(name)
    qtbot.waitUntil(lambda: bars_of(window, name)[0])
    panel, frame = window.panels[name], window.docks.docks[name].widget()
    bar = frame.verticalScrollBar()
    for widget in panel.findChildren(QWidget):
        takes_keys = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isEnabled()
        if not takes_keys or not widget.isVisible():
            continue
        for end in (bar.minimum(), bar.maximum()):
            panel.setFocus()
            bar.setValue(end)
            widget.setFocus()
            at = widget.mapTo(frame.viewport(), QPoint()).y()
            assert -widget.height() < at < frame.viewport().height(), widget


def test_frames_are_no_stop_of_tab(window):
    assert {dock.widget().focusPolicy() for dock in window.docks.docks.values()} == {Qt.FocusPolicy.NoFocus}
