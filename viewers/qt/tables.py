"""Tables that are read, not written: rows that can be taken, and bars behind their probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
)

from viewers.palette import RGB
from viewers.qt.panel import Desk
from viewers.qt.theme import letters, qcolor

Index = QModelIndex | QPersistentModelIndex
FRACTION = Qt.ItemDataRole.UserRole


class Bar(QStyledItemDelegate):
    """A probability as a bar behind its number."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        fraction = index.data(FRACTION)
        rect = QRectF(option.rect)
        if isinstance(fraction, float) and fraction > 0:
            colour = qcolor(self.desk.theme.accent)
            painter.fillRect(rect.adjusted(2, 3, -2 - (rect.width() - 4) * (1 - fraction), -3),
                             type(colour)(colour.red(), colour.green(), colour.blue(), 70))  # fmt: skip
        super().paint(painter, option, index)


class Table(QTableWidget):
    """Rows; Enter or a double click takes one."""

    def __init__(self, columns: Sequence[str], name: str) -> None:
        super().__init__(0, len(columns))
        self.setHorizontalHeaderLabels(list(columns))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFont(letters(self.font()))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setHighlightSections(False)  # bold names would need more room
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.setAccessibleName(name)

    def write(self, row: int, column: int, text: str, fraction: float | None = None, right: bool = False,
              tip: str = "", colour: RGB | None = None) -> None:  # fmt: skip
        """Put a text into a cell; a `fraction` is its bar."""
        item = QTableWidgetItem(text)
        if right:
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if fraction is not None:
            item.setData(FRACTION, float(fraction))
        if colour is not None:
            item.setForeground(qcolor(colour))
        item.setToolTip(tip.replace("<", "‹"))
        self.setItem(row, column, item)

    def choose(self, row: int) -> None:
        """Put the cursor on a row without saying so."""
        if row != self.currentRow() and 0 <= row < self.rowCount():
            self.blockSignals(True)
            self.setCurrentCell(row, 0)
            self.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.cellDoubleClicked.emit(self.currentRow(), 0)
        else:
            super().keyPressEvent(event)
