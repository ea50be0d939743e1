"""Small dialogs: find an action by a part of its name, choose a row, list every key. Escape closes each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from viewers.actions import Action, groups_of
from viewers.qt.actions_menu import sequence


class Finder(QDialog):
    """The command palette: type, go up and down, Enter does it."""

    def __init__(self, parent: QWidget, actions: Sequence[QAction]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Find an action")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(520, 380)
        self.line, self.rows = QLineEdit(), QListWidget()
        self.line.setPlaceholderText("Part of a name: step, cache, save …")
        self.line.setAccessibleName("Part of an action's name")
        self.rows.setAccessibleName("Actions")
        box = QVBoxLayout(self)
        box.addWidget(self.line)
        box.addWidget(self.rows)
        self.known = [action for action in actions if action.objectName()]
        self.line.textChanged.connect(self.filter)
        self.line.installEventFilter(self)
        self.rows.itemActivated.connect(lambda _: self.take())
        self.filter("")

    def filter(self, words: str) -> None:
        """Keep the actions that have every word in their name or help."""
        self.rows.clear()
        wanted = words.lower().split()
        for action in self.known:
            said = f"{action.text()} {action.statusTip()}".lower()
            if all(word in said for word in wanted):
                keys = ", ".join(key.toString() for key in action.shortcuts())
                item = QListWidgetItem(f"{action.text()}{f'   [{keys}]' if keys else ''}")
                item.setToolTip(action.statusTip())
                item.setData(Qt.ItemDataRole.UserRole, action)
                self.rows.addItem(item)
        self.rows.setCurrentRow(0)

    def take(self) -> None:
        """Do the chosen action, once this is closed."""
        item = self.rows.currentItem()
        self.accept()
        if item is not None:
            item.data(Qt.ItemDataRole.UserRole).trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            by = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if by:
                self.rows.setCurrentRow(min(max(self.rows.currentRow() + by, 0), self.rows.count() - 1))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.take()
                return True
        return super().eventFilter(watched, event)


def choose(parent: QWidget, title: str, rows: Sequence[str]) -> int | None:
    """Which row a person takes; None if none."""
    dialog, shown = QDialog(parent), QListWidget()
    dialog.setWindowTitle(title)
    dialog.resize(640, 320)
    shown.addItems(list(rows))
    shown.setCurrentRow(0)
    QVBoxLayout(dialog).addWidget(shown)
    shown.itemActivated.connect(lambda _: dialog.accept())
    return shown.currentRow() if dialog.exec() == QDialog.DialogCode.Accepted else None


def show_keys(parent: QWidget, table: Sequence[Action]) -> QDialog:
    """Every action of the window with its keys and what it does."""
    dialog, text = QDialog(parent), QTextBrowser()
    dialog.setWindowTitle("Keys")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.resize(960, 680)
    text.setAccessibleName("Actions and their keys")
    text.setHtml(keys_html(table))
    QVBoxLayout(dialog).addWidget(text)
    dialog.open()
    return dialog


def keys_html(table: Sequence[Action]) -> str:
    """A table: the groups, and their actions with keys and help."""
    rows = []
    for group in groups_of(table):
        rows.append(f'<tr><td colspan="3"><b>{escape(group)}</b></td></tr>')
        for row in (row for row in table if row.group == group):
            keys = ", ".join(map(sequence, row.keys))
            cells = "".join(
                f'<td style="padding: 1px 12px">{escape(words)}</td>' for words in (row.title, keys, row.help)
            )
            rows.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"
