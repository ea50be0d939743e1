"""The logit lens: what the values of the residual stream would say, if each were the model's last."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QVBoxLayout

from engine.analysis.lens import SHOWN, LensReading
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.lens import LIMIT, NOTHING, after_words, asked_of, row_at, row_text
from viewers.numbers import percent_text
from viewers.qt.panel import Desk, Is, Panel, dim_label
from viewers.qt.tables import Bar, Table

COLUMNS = ("value", "nats", "first", *(f"{i + 2}." for i in range(SHOWN - 1)))  # entropy, and the best guesses
GUESS = 2  # the column of the first
LEAST = 68  # pixels of a guess; those without room are in the row's tip


class LensPanel(Panel):
    """One row for each residual value done so far; it asks for them while it is seen."""

    name, title = "lens", "Logit lens"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.heading, self.says = dim_label(NOTHING), dim_label(LIMIT)
        self.table = Table(COLUMNS, "What each value of the residual stream would say")
        self._bar = Bar(desk)  # a table does not own its delegates
        for column in range(GUESS, len(COLUMNS)):
            self.table.setItemDelegateForColumn(column, self._bar)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.heading)
        box.addWidget(self.table, 1)
        box.addWidget(self.says)
        self._asked: object = None
        self.table.currentCellChanged.connect(lambda row, *_: self._chosen(row))

    @property
    def reading(self) -> LensReading | None:
        return self.desk.snapshot.lens if self.desk.snapshot else None

    def refresh(self) -> None:
        """Keep it on what the pass has done, after the token under the cursor."""
        snapshot = self.desk.snapshot
        if self.in_sight and snapshot is not None:
            wanted = asked_of(snapshot, position := self.desk.view.query(snapshot))
            if wanted is not None and wanted != self._asked:
                self._asked = wanted
                self.desk.send("lens", position=position)
        super().refresh()

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        return s and (Is(s.lens), s.tokens, self.desk.view.address)

    def draw_now(self) -> None:
        snapshot, reading = self.desk.snapshot, self.reading
        if snapshot is None:
            return
        rows = reading.rows if reading else ()
        self.heading.setText(f"the next token, {after_words(reading, snapshot)}" if rows else NOTHING)
        self._write(snapshot, reading)
        self.table.choose(row_at(reading, self.desk.view.address))
        if self.table.currentRow() >= 0:
            self.table.scrollTo(self.table.currentIndex())

    def _write(self, snapshot: Snapshot, reading: LensReading | None) -> None:
        rows = reading.rows if reading else ()
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for i, row in enumerate(rows):
            said = row_text(row)
            self.table.write(i, 0, row.address.removeprefix("blocks."), tip=said)
            for column, token in enumerate(row.tokens, GUESS):
                text = visible(token.text, spaces=True) if snapshot.has_tokenizer else str(token.id)
                self.table.write(i, column, f"{text} {percent_text(token.probability).strip()}", token.probability,
                                 tip=said)  # fmt: skip
            self.table.write(i, 1, f"{row.entropy:.2f}", right=True, tip=said)
        self.table.blockSignals(False)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Show as many guesses as can be read."""
        room = self.table.viewport().width() - self.table.columnWidth(0) - self.table.columnWidth(1)
        for i in range(1, SHOWN):
            self.table.setColumnHidden(GUESS + i, (i + 1) * LEAST > room)

    def _chosen(self, row: int) -> None:
        rows = self.reading.rows if self.reading else ()
        if 0 <= row < len(rows):
            self.desk.look(address=rows[row].address)

    @property
    def sentence(self) -> str:
        rows = self.reading.rows if self.reading else ()
        return row_text(rows[row_at(self.reading, self.desk.view.address)]) if rows else NOTHING
