"""Values that are kept in sight while a pass is stepped, each in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtWidgets import QVBoxLayout

from viewers.actions import key_of
from viewers.numbers import shape_text
from viewers.picture import number_text
from viewers.qt.panel import Desk, Panel, dim_label
from viewers.qt.tables import Table
from viewers.summary import Summary, summary_of

COLUMNS = ("value", "least", "largest", "mean", "norm", "shape")
EMPTY = f"Nothing is watched. {key_of('watch')} watches the line under the program's cursor, and drops it."
NOT_YET = "not computed yet"


@dataclass(frozen=True)
class Watched:
    """A value in numbers; without them it is not computed yet."""

    address: str
    numbers: Summary | None = None
    shape: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """`blocks.0.mlp.post: least -0.17, largest 3.4, mean 0.02, norm 41`."""
        if self.numbers is None:
            return f"{self.address}: {NOT_YET}"
        found = zip(COLUMNS[1:5], self.texts(), strict=False)
        absent = f", {self.numbers.absent} not finite" if self.numbers.absent else ""
        return f"{self.address}: " + ", ".join(f"{name} {text}" for name, text in found) + absent

    def texts(self) -> tuple[str, ...]:
        """What stands in its row behind the address."""
        if self.numbers is None:
            return (NOT_YET, "", "", "", "")
        found = self.numbers
        shape = f"{found.absent} not finite" if found.absent else shape_text(self.shape)
        return (*(number_text(n) for n in (found.low, found.high, found.mean, found.norm)), shape)


def watched(addresses: tuple[str, ...], values: Mapping[str, np.ndarray]) -> tuple[Watched, ...]:
    """The numbers of each value that is there; it may take a while to come."""
    return tuple(_watched(address, values) for address in addresses)


def _watched(address: str, values: Mapping[str, np.ndarray]) -> Watched:
    try:
        value = values[address]
    except KeyError:  # it is not bound, or not any more
        return Watched(address)
    return Watched(address, summary_of(value), value.shape)


class WatchPanel(Panel):
    """The cursor is the listing's."""

    name, title = "watch", "Watch"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.says = dim_label(EMPTY)
        self.table = Table(COLUMNS, "Watched values")
        header = self.table.horizontalHeader()
        for column in range(1, 5):  # the shape has what is left
            header.setSectionResizeMode(column, header.ResizeMode.ResizeToContents)
        self.rows: tuple[Watched, ...] = ()
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.table, 1)
        box.addWidget(self.says)
        self.table.currentCellChanged.connect(lambda row, *_: self._chosen(row))

    def _found(self) -> tuple[Watched, ...] | None:
        """The newest numbers; those of this moment of the pass are asked for."""
        s, addresses = self.desk.snapshot, self.desk.view.watched
        if s is None or s.stepping is None or not addresses:
            return tuple(map(Watched, addresses))
        now = s.stepping
        key = (addresses, s.model_name, s.settings, now.ids, now.what, now.cursor, now.edits)
        found: tuple[Watched, ...] | None = self.desk.worker.ask("watch", key, lambda: watched(addresses, now.values))
        return found

    def drawn_from(self) -> object:
        found = self._found()
        return (self.rows if found is None else found), self.desk.view.address

    def draw_now(self) -> None:
        self.rows = self._found() or self.rows
        if not self.desk.view.watched:
            self.rows = ()
        self.table.blockSignals(True)
        self.table.setRowCount(len(self.rows))
        for i, row in enumerate(self.rows):
            self.table.write(i, 0, row.address.removeprefix("blocks."), tip=row.sentence)
            for column, text in enumerate(row.texts(), 1):
                dim = self.desk.theme.dim if row.numbers is None else None
                self.table.write(i, column, text, right=True, tip=row.sentence, colour=dim)
        self.table.blockSignals(False)
        self.table.choose(self._cursor())
        self.says.setText(self.sentence)

    def _cursor(self) -> int:
        addresses = [row.address for row in self.rows]
        here = self.desk.view.address
        return addresses.index(here) if here in addresses else 0

    def _chosen(self, row: int) -> None:
        if 0 <= row < len(self.rows):
            self.desk.look(address=self.rows[row].address)

    @property
    def sentence(self) -> str:
        return self.rows[self._cursor()].sentence if self.rows else EMPTY
