"""What the program that starts the window gives it: keys, a theme, models."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QTextBrowser, QWidget

from viewers.offers import Offer
from viewers.picture import KEY, QUERY, Axis
from viewers.qt.actions_menu import sequence
from viewers.qt.axes import Labels
from viewers.qt.dialogs import show_keys
from viewers.qt.given import Given
from viewers.qt.models_dialog import ModelsDialog
from viewers.qt.theme import BY_DAY, IN_CONTRAST, SYSTEM, known
from viewers.window_actions import window_actions

ROOT = Path(__file__).resolve().parents[3]
OTHERS = {"step": (";",), "export": ("ctrl+e",), "palette": ("ctrl+t",), "find": ("ctrl+g",)}


def keys_of(rows):
    return {row.id: row.keys for row in rows}


def test_what_a_person_gave_to_one_action_is_nobody_elses():
    rows = window_actions(OTHERS)
    keys = keys_of(rows)
    assert keys["step"] == (";",) and "ctrl+e" in keys["export_files"] and "x" not in keys["export_files"]
    assert "ctrl+t" in keys["commands"] and not keys["save_trace"]
    every = [sequence(key) for row in rows for key in row.keys]
    assert len(every) == len(set(every))
    assert keys_of(window_actions()) == keys_of(window_actions({}))


@pytest.fixture
def given_window(qtbot, home, link):
    from viewers.qt.window import Window

    made = Window(link, given=Given("light", OTHERS))
    qtbot.addWidget(made)
    return made


def test_other_keys_stand_in_menu_tip_and_list(given_window, qtbot):
    window = given_window
    assert [key.toString() for key in window.made["step"].shortcuts()] == [";"]
    assert "(;)" in window.made["step"].toolTip()
    dialog = show_keys(window, window.table)
    qtbot.addWidget(dialog)
    lines = dialog.findChild(QTextBrowser).toPlainText().splitlines()
    assert lines[lines.index("Step forward") + 1] == ";"
    assert {row.title for row in window.table} | {row.help for row in window.table} <= set(lines)


def test_the_theme_that_was_given_is_worn(given_window):
    assert given_window.theme is BY_DAY
    given_window.do_theme()  # dark
    given_window.do_theme()
    assert given_window.theme is IN_CONTRAST and given_window.kept.value("theme") == "high-contrast"
    assert known("purple") == SYSTEM and known("dark") == "dark"


def offers(typed, recent):
    rows = [
        Offer("shipped", "tales", "fits", "needs 5 MB", 1_000_000, "gpt2"),
        *(Offer("recent", spec, "fits", "needs 1 MB") for spec in recent),
        Offer("random", "random:large", "does not fit", "needs 90 GB, 8 GB are free", 10**10, opens=False),
    ]
    if typed.startswith("/"):
        return [Offer("here", "/models/", is_directory=True, opens=False)] if typed == "/m" else []
    return [row for row in rows if typed in row.spec]


@pytest.fixture
def dialog(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    made = ModelsDialog(parent, offers, ["old"], "tales")
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    made.opened = []
    made.taken.connect(made.opened.append)
    yield made
    assert made.parent() is parent  # which owns it


def test_models_are_listed_with_what_they_need(dialog):
    shown = [[dialog.table.item(row, column).text() for column in range(4)] for row in range(3)]
    assert shown == [
        ["shipped", "● tales", "fits", "1,000,000"],
        ["recent", "old", "fits", ""],
        ["random", "random:large", "does not fit", "10,000,000,000"],
    ]
    assert dialog.says.text() == "fits: needs 5 MB\ngpt2"


def test_a_model_that_does_not_fit_is_explained_and_not_opened(dialog, qtbot):
    qtbot.keyClicks(dialog.line, "large")
    assert "90 GB" in dialog.says.text() and not dialog.opens.isEnabled()
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.opened == []


def test_arrows_and_enter_open_a_model_and_a_name_that_is_not_listed_is_tried(dialog, qtbot):
    qtbot.keyClick(dialog.line, Qt.Key.Key_Down)
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.opened == ["old"]
    dialog.line.setText("/m")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.line.text() == "/models/" and dialog.opened == ["old"]
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.opened == ["old", "/models/"], "it is in no row, and opened as it was typed"


@pytest.mark.parametrize(("name", "count"), [(QUERY, 600), (KEY, 60), (QUERY, 8)])
def test_names_along_an_axis_do_not_touch_and_few_say_which_they_are(qtbot, name, count):
    metrics = QFontMetrics(QWidget().font())
    labels = Labels(Axis(name, count, tuple("abcdefgh"[i % 8] for i in range(count))), 300, metrics, 200)
    shown = labels.shown(-1)
    assert all((b - a) * 300 / count >= metrics.height() for a, b in pairwise(shown))
    assert labels.text(4) == ("e" if count == 8 else "4 e")
    chosen = labels.shown(3)
    assert 3 in chosen and all(i == 3 or abs(i - 3) * 300 / count >= metrics.height() for i in chosen)
    assert all(metrics.horizontalAdvance(labels.text(i)) <= labels.room for i in shown)


def test_words_name_the_keys_that_a_person_gave():
    """In a process of its own: the keys are put into the table before the window is made."""
    code = """
from viewers.key_map import use
use({"restep": ("ctrl+g",), "next_token": ("ctrl+b",), "kv_cache": ("ctrl+k",)})
from viewers.actions import key_of
from viewers.qt import program_panel
from viewers.window_actions import window_actions
assert program_panel.EMPTY.startswith("Nothing is stepped yet: ^g steps"), program_panel.EMPTY
assert key_of("kv_cache") == "^k" and key_of("step") == "n"
assert next(row for row in window_actions() if row.id == "next_token").keys == ("ctrl+b",)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
