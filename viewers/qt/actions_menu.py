"""Menus, toolbar and keys, all made from the one table of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar, QWidget

from engine.settings import TABLE
from viewers.actions import Action, groups_of
from viewers.palette import hexed
from viewers.qt.theme import Theme
from viewers.window_actions import ICONS, TOOLBAR

QT_NAMES = {"space": "Space", "escape": "Esc", "tab": "Tab", "enter": "Return", "pageup": "PgUp", "pagedown": "PgDown"}
MENUS = {"Files": "&File", "Text": "&Text", "Step": "&Step", "Look": "&Look", "Settings": "S&ettings",
         "Screens": "&Screens", "App": "&Help"}  # fmt: skip


def sequence(key: str) -> str:
    """A key of the table as Qt writes it: `Shift+N` of `N`, `Ctrl+P` of `ctrl+p`."""
    *mods, name = key.split("+") if len(key) > 1 else [key]
    if len(name) == 1 and name.isalpha() and name.isupper():
        mods.append("shift")
    name = QT_NAMES.get(name, name.upper() if len(name) == 1 or name[0] == "f" else name.title())
    return "+".join([*(mod.title() for mod in mods), name])


def make_actions(
    window: QMainWindow, table: Sequence[Action], handler: Callable[[str], Callable[[], None] | None]
) -> dict[str, QAction]:
    """A QAction for each row that the window can do, with its keys, title and help."""
    switches = {row.name for row in TABLE if row.is_switch}
    made: dict[str, QAction] = {}
    for row in table:
        if (work := handler(row.id)) is None:
            continue
        action = QAction(row.title, window)
        action.setObjectName(row.id)
        action.setShortcuts([QKeySequence(sequence(key)) for key in row.keys])
        action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        action.setStatusTip(row.help)
        action.setToolTip(tip(row))
        action.setCheckable(row.id in switches)
        action.triggered.connect(lambda _=False, work=work: work())
        window.addAction(action)
        made[row.id] = action
    return made


def tip(row: Action) -> str:
    """Title, key and help of an action, for the pointer."""
    keys = ", ".join(sequence(key) for key in row.keys)
    return f"{row.title}{f'  ({keys})' if keys else ''}\n{row.help}"


def fill_menus(
    window: QMainWindow, table: Sequence[Action], actions: dict[str, QAction], panels: list[QAction]
) -> dict[str, QMenu]:
    """A menu for each group of the table, by its name, and one of the panels."""
    bar = window.menuBar()
    by_group: dict[str, QMenu] = {}
    groups = groups_of(table)
    for group in (g for g in MENUS if g in groups):
        if group == "App":
            shown = bar.addMenu("&Panels")
            shown.addActions(panels)
            if "reset_layout" in actions:
                shown.addSeparator()
                shown.addAction(actions["reset_layout"])
        by_group[group] = bar.addMenu(MENUS[group])
    for row in table:
        if row.id in actions and row.id != "reset_layout":
            by_group[row.group].addAction(actions[row.id])
    for menu in by_group.values():
        menu.setToolTipsVisible(True)
        menu.menuAction().setVisible(bool(menu.actions()))
    return by_group


def fill_toolbar(bar: QToolBar, actions: dict[str, QAction]) -> None:
    """The actions that are used most, as icons with their help."""
    bar.setObjectName("toolbar")
    bar.setWindowTitle("Toolbar")
    bar.setIconSize(QSize(20, 20))
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    for name in TOOLBAR:
        if name is None:
            bar.addSeparator()
        elif name in actions:
            bar.addAction(actions[name])
            button = bar.widgetForAction(actions[name])
            if isinstance(button, QWidget):
                button.setAccessibleName(actions[name].text())


def paint_icons(actions: dict[str, QAction], theme: Theme, is_busy: bool) -> None:
    """Icons in the theme's colours; that of play says what it does now."""
    import qtawesome

    for name, icon in ICONS.items():
        if name in actions:
            shown = "mdi6.pause" if name == "play" and is_busy else icon
            colours = {"color": hexed(theme.text), "color_disabled": hexed(theme.dim), "color_on": hexed(theme.accent)}
            actions[name].setIcon(qtawesome.icon(shown, **colours))
