"""One table of actions: every row has a handler, every key one meaning; menus, palette and key list are made of it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from viewers.actions import ACTIONS
from viewers.qt.actions_menu import sequence
from viewers.qt.dialogs import Finder
from viewers.window_actions import ELSEWHERE, ICONS, SAME, TOOLBAR, window_actions

ROWS = window_actions()


@pytest.mark.parametrize(
    ("key", "wanted"),
    [("n", "N"), ("N", "Shift+N"), ("space", "Space"), ("ctrl+shift+p", "Ctrl+Shift+P"), ("shift+f10", "Shift+F10"),
     ("?", "?"), ("]", "]"), ("escape", "Esc")],
)  # fmt: skip
def test_keys_of_the_table_are_qts(key, wanted):
    assert sequence(key) == wanted


def test_every_key_has_one_meaning():
    keys = [sequence(key) for row in ROWS for key in row.keys]
    assert sorted(keys) == sorted(set(keys))


def test_the_tables_name_actions_that_exist():
    known = {row.id for row in ROWS}
    assert {name for name in TOOLBAR if name} <= known and set(ICONS) <= known
    assert {row.id for row in ACTIONS} & ELSEWHERE


def test_every_action_of_the_table_is_done_here_or_elsewhere(window):
    ids = {row.id for row in ACTIONS}
    assert ids - set(window.made) == ELSEWHERE
    assert {row.id for row in ROWS} == set(window.made)
    assert set(SAME.values()) <= ELSEWHERE and set(SAME) <= set(window.made)


def test_every_action_of_the_window_is_in_a_menu_with_its_key(window):
    shown = {action.objectName() for menu in window.menus.values() for action in menu.actions()}
    assert shown >= set(window.made) - {"reset_layout"}
    assert window.made["step"].shortcuts()[0].toString() == "N"


def test_the_palette_finds_an_action_and_does_it(window, qtbot):
    finder = Finder(window, window.actions())
    qtbot.addWidget(finder)
    finder.show()
    qtbot.keyClicks(finder.line, "colour the text")
    assert finder.rows.count() == 1
    qtbot.keyClick(finder.line, Qt.Key.Key_Return)
    assert window.view.colouring == "entropy"


def test_panels_are_kept_and_put_back(window):
    window.docks.docks["memory"].setFloating(True)
    assert window.docks.docks["memory"].isFloating()
    window.do_reset_layout()
    assert not window.docks.docks["memory"].isFloating()
    assert all(dock.objectName() for dock in window.docks.docks.values())


def test_one_panel_alone_and_all_of_them_again(window):
    window.docks.bring("program")
    window.panels["program"].tree.setFocus()
    shown = {name for name, dock in window.docks.docks.items() if not dock.isHidden()}
    window.do_maximise()
    assert sum(not dock.isHidden() for dock in window.docks.docks.values()) == 1
    window.do_maximise()
    assert {name for name, dock in window.docks.docks.items() if not dock.isHidden()} == shown


@pytest.mark.parametrize("choice", ["light", "dark", "high-contrast"])
def test_every_panel_can_be_drawn_in_either_light(window, choice):
    window.wear(choice)
    for name, panel in window.panels.items():
        window.docks.bring(name)
        panel.refresh()
        assert panel.isVisible(), name
        image = panel.grab().toImage()
        colours = {image.pixelColor(x, y).name() for x in range(0, 200, 7) for y in range(0, 120, 7)}
        assert len(colours) > 2, name


def test_canvases_describe_themselves_in_words(window):
    attention = window.panels["attention"]
    assert "2 layers with 4 heads" in attention.mosaic.accessibleDescription()
    assert "17 by 17, query (looking) by key (looked at)" in attention.heat.accessibleDescription()


def test_finding_goes_to_tokens_and_addresses(window):
    window.go_to("7")
    assert window.view.token == 7
    window.go_to("mlp.post")
    assert window.view.address == "blocks.0.mlp.post"
    window.go_to("mlp.post")
    assert window.view.address == "blocks.1.mlp.post"
