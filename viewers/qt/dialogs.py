"""Small dialogs: find an action by a part of its name, choose a row, list every key. Escape closes each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTreeWidget,
    QTreeWidgetItem,
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
    dialog, tree = QDialog(parent), QTreeWidget()
    dialog.setWindowTitle("Keys")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.resize(820, 620)
    tree.setHeaderLabels(["action", "keys", "what it does"])
    tree.setRootIsDecorated(False)
    tree.setWordWrap(True)
    tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    for group in groups_of(table):
        top = QTreeWidgetItem([group])
        font = top.font(0)
        font.setBold(True)
        top.setFont(0, font)
        tree.addTopLevelItem(top)
        for row in table:
            if row.group == group:
                top.addChild(QTreeWidgetItem([row.title, ", ".join(map(sequence, row.keys)), row.help]))
    tree.expandAll()
    QVBoxLayout(dialog).addWidget(tree)
    dialog.open()
    return dialog
