"""The models that can be opened: shipped, used before, random shapes, any directory; with what each needs of memory.

What is typed narrows the list; a path lists what it may become. Nothing is loaded before Enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.text import visible
from viewers.offers import Offer, Offers
from viewers.qt.panel import dim_label
from viewers.qt.tables import Table

COLUMNS = ("from", "model", "memory", "parameters")
HINT = "Type to narrow, or a path; Enter opens, Esc closes."
NOTHING = "Nothing of that name is here."


class ModelsDialog(QDialog):
    """Says by `taken` what is to be opened."""

    taken = Signal(str)

    def __init__(self, parent: QWidget, offers: Offers, recent: Sequence[str], now: str) -> None:
        super().__init__(parent)
        self.offers, self.recent, self.now = offers, recent, now
        self.found: Sequence[Offer] = ()
        self.setWindowTitle("Models")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 460)
        self.line, self.table, self.says = QLineEdit(), Table(COLUMNS, "Models"), dim_label(HINT)
        self.line.setPlaceholderText("Part of a name, or a path")
        self.line.setAccessibleName("Part of a model's name, or a path")
        header = self.table.horizontalHeader()
        for column in (0, 2, 3):
            header.setSectionResizeMode(column, header.ResizeMode.ResizeToContents)
        self.says.setMinimumHeight(3 * self.fontMetrics().lineSpacing())
        self.says.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.opens, self.browses = QPushButton("&Open"), QPushButton("A &directory …")
        buttons, box = QHBoxLayout(), QVBoxLayout(self)
        buttons.addWidget(self.browses)
        buttons.addStretch(1)
        buttons.addWidget(self.opens)
        for item in (self.line, self.table, self.says):
            box.addWidget(item, 1 if item is self.table else 0)
        box.addLayout(buttons)
        self.line.textChanged.connect(self.fill)
        self.line.installEventFilter(self)
        self.table.currentCellChanged.connect(lambda row, *_: self._explain(row))
        self.table.cellDoubleClicked.connect(lambda *_: self.take())
        self.opens.clicked.connect(self.take)
        self.browses.clicked.connect(self._browse)
        for button in (self.opens, self.browses):
            button.setAutoDefault(False)
        self.fill("")

    def fill(self, typed: str) -> None:
        """List what there is of that name or under that path."""
        self.found = self.offers(typed, self.recent)
        self.table.blockSignals(True)
        self.table.setRowCount(len(self.found))
        for i, offer in enumerate(self.found):
            mark = "● " if offer.spec == self.now else ""
            name = Path(offer.spec).name + "/" * offer.is_directory if offer.group == "here" else offer.spec
            dim = None if offer.opens or offer.is_directory else self.palette().placeholderText().color()
            colour = (dim.red(), dim.green(), dim.blue()) if dim else None
            texts = (
                offer.group,
                mark + visible(name),
                offer.verdict,
                f"{offer.parameters or 0:,}" * bool(offer.parameters),
            )
            for column, text in enumerate(texts):
                self.table.write(i, column, text, right=column == 3, tip=visible(offer.spec), colour=colour)
        self.table.blockSignals(False)
        self.table.setCurrentCell(0 if self.found else -1, 0)
        self._explain(self.table.currentRow())

    def chosen(self) -> Offer | None:
        row = self.table.currentRow()
        return self.found[row] if 0 <= row < len(self.found) else None

    def _explain(self, row: int) -> None:
        offer = self.chosen()
        if offer is None:
            self.says.setText(NOTHING)
        else:
            parts = [f"{offer.verdict}: {offer.why}" if offer.why else "", offer.shape]
            self.says.setText("\n".join(visible(part) for part in parts if part) or HINT)
        self.opens.setEnabled(offer is None or offer.opens or offer.is_directory)

    def take(self) -> None:
        """Open the chosen row, or go into its directory; a name that is in no row is opened as it was typed."""
        offer, typed = self.chosen(), self.line.text().strip()
        if offer is None:
            if typed:
                self._end(typed)
        elif offer.is_directory:
            self.line.setText(offer.spec)
        elif offer.opens:
            self._end(typed if typed.startswith(f"{offer.spec}:") else offer.spec)

    def _end(self, spec: str) -> None:
        self.accept()
        self.taken.emit(spec)

    def _browse(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, "Open a model's directory"):
            self._end(path)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            by = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}.get(
                Qt.Key(event.key()), 0)  # fmt: skip
            if by and self.found:
                self.table.setCurrentCell(min(max(self.table.currentRow() + by, 0), len(self.found) - 1), 0)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.take()
                return True
        return super().eventFilter(watched, event)
