"""The value of one line of the stepped pass: as a picture, as a table of its numbers, as a histogram."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QHeaderView, QTableView, QTabWidget, QVBoxLayout

from engine.snapshot import Snapshot, Stepping
from engine.text import visible
from viewers.actions import key_of
from viewers.listing_tree import stands_in
from viewers.numbers import shape_text
from viewers.picture import Chosen, Picture, finite_of, number_text, picture_of
from viewers.qt.axes import label_of
from viewers.qt.canvas import Heat
from viewers.qt.panel import Desk, Is, Panel, dim_label
from viewers.qt.plots import Chart

EMPTY = f"No value yet: {key_of('step')} steps, and selecting a line of the program shows what it made."
PROFILE = "Point at a cell of the picture: its row and its column are drawn here."
BINS = 48
Index = QModelIndex | QPersistentModelIndex


class Numbers(QAbstractTableModel):
    """The cells of a picture, made into text when they are seen."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: Picture | None = None

    def put(self, picture: Picture | None) -> None:
        self.beginResetModel()
        self.picture = picture
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return self.picture.values.shape[0] if self.picture else 0

    def columnCount(self, parent: Index | None = None) -> int:
        return self.picture.values.shape[1] if self.picture else 0

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if self.picture is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return number_text(float(self.picture.values[index.row(), index.column()]))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.picture.sentence(index.row(), index.column()).replace("<", "‹")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if self.picture is None or role != Qt.ItemDataRole.DisplayRole:
            return None
        axis = self.picture.columns if orientation == Qt.Orientation.Horizontal else self.picture.rows
        return label_of(axis, section)


def histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Middles and heights of at most BINS bars over the finite numbers, and how wide one is."""
    finite = finite_of(np.asarray(values, np.float32)).astype(np.float64)
    if not finite.size:
        return np.zeros(0), np.zeros(0), 1.0
    counts, edges = np.histogram(finite, bins=BINS)
    return (edges[:-1] + edges[1:]) / 2, counts, float(edges[1] - edges[0])


def summary(values: np.ndarray) -> str:
    """Least, mean, spread and greatest of the finite numbers, and how many are not."""
    finite = finite_of(np.asarray(values, np.float32)).astype(np.float64)
    if not finite.size:
        return "no finite number"
    said = f"min {number_text(finite.min())}, mean {number_text(finite.mean())}, "
    said += f"std {number_text(finite.std())}, max {number_text(finite.max())}"
    missing = values.size - finite.size
    return f"{said}; {missing} not finite" if missing else said


def pass_tokens(snapshot: Snapshot, stepping: Stepping) -> tuple[list[str], range]:
    """Texts by position, and the positions that the pass is over; it may be over a text that was changed since."""
    count = len(stepping.ids)
    first = len(snapshot.tokens) - count if stepping.kind == "generating" and count <= len(snapshot.tokens) else 0
    texts = [token.text for token in snapshot.tokens[:first]]
    for i, id in enumerate(stepping.ids, first):
        known = i < len(snapshot.tokens) and snapshot.tokens[i].id == id and snapshot.has_tokenizer
        texts.append(snapshot.tokens[i].text if known else str(id))
    return texts, range(first, first + count)


class ValuePanel(Panel):
    name, title = "value", "Value"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.heading, self.says = dim_label(EMPTY), dim_label()
        self.heat, self.numbers, self.table = Heat(EMPTY), Numbers(), QTableView()
        self.chart = Chart("value", "how many numbers", "Histogram of the value", EMPTY)
        self.table.setModel(self.numbers)
        self.table.horizontalHeader().setDefaultSectionSize(72)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 4)
        self.table.setAccessibleName("Numbers of the value")
        self.profile = Chart("column, or row", "value", "One row and one column of the value", PROFILE)
        tabs = self.tabs = QTabWidget()
        tabs.setDocumentMode(True)
        for widget, title in ((self.heat, "Picture"), (self.table, "Table"), (self.chart, "Histogram"),
                              (self.profile, "Profile")):  # fmt: skip
            tabs.addTab(widget, title)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.heading)
        box.addWidget(tabs, 1)
        box.addWidget(self.says)
        self.heat.pointed.connect(lambda *_: self._pointed())
        self.picture: Picture | None = None

    def address(self) -> str | None:
        """The line whose value is shown: the one looked at, or the last done in the group looked at."""
        s, name = self.desk.snapshot and self.desk.snapshot.stepping, self.desk.view.address
        if not s or name is None:
            return None
        return next((row.address for row in reversed(s.rows[: s.cursor]) if stands_in(row.address, name)), None)

    def value(self) -> np.ndarray | None:
        """The value at hand; it is asked for if it is not here."""
        s, address = self.desk.snapshot and self.desk.snapshot.stepping, self.address()
        if not s or address is None or address not in s.values:
            return None
        self.desk.fetcher.want(address, s.values)
        return self.desk.fetcher.found(address, s.values)

    def drawn_from(self) -> object:
        view = self.desk.view
        return self.address(), view.address, view.head, Is(self.value())

    def draw_now(self) -> None:
        address, value, theme = self.address(), self.value(), self.desk.theme
        snapshot = self.desk.snapshot
        if address is None or value is None or snapshot is None or snapshot.stepping is None:
            named = self.desk.view.address
            words = (
                f"{named} is not done yet: {key_of('run')} runs to it, {key_of('step')} steps."
                if named and address is None
                else EMPTY
            )
            if address is None:
                self._clear(words)
            return
        stepping = snapshot.stepping
        texts, positions = pass_tokens(snapshot, stepping)
        self.picture = picture_of(address, value, texts, positions, Chosen(head=self.desk.view.head))
        row = next((row for row in stepping.rows if row.address == address), None)
        equation = f" · {row.equation}" if row else ""
        self.heading.setText(f"{address}  {shape_text(value.shape)}{visible(equation)}")
        title = self.picture.slices or address
        self.heat.show_picture(self.picture, title, theme)
        self.numbers.put(self.picture)
        x, counts, wide = histogram(value)
        self.chart.dress(theme)
        self.chart.bars(x, counts, wide, theme.series[0])
        self.chart.show_or_say()
        self.profile.dress(theme)
        self.profile.keep_only(())
        if self.heat.cell is not None:
            self._draw_profile(*self.heat.cell)
        self.profile.show_or_say()
        self.says.setText(self.sentence)

    def _pointed(self) -> None:
        self.says.setText(self.sentence)
        if self.heat.cell is not None:  # what was pointed at last stays, for another tab to show
            self._draw_profile(*self.heat.cell)

    def _draw_profile(self, row: int, column: int) -> None:
        picture, theme = self.picture, self.desk.theme
        if picture is None:
            return
        across, down = picture.rows.words(row), picture.columns.words(column)
        self.profile.dress(theme)
        self.profile.keep_only(())
        self.profile.line(f"along {across}", np.arange(picture.columns.size), picture.values[row], theme.series[0])
        self.profile.line(f"along {down}", np.arange(picture.rows.size), picture.values[:, column], theme.series[1])
        self.profile.show_or_say()

    def _clear(self, words: str) -> None:
        self.picture = None
        self.heading.setText(words)
        self.heat.empty = words
        self.heat.show_picture(None, "", self.desk.theme)
        self.numbers.put(None)
        self.profile.dress(self.desk.theme)
        self.profile.keep_only(())
        self.profile.show_or_say()
        self.chart.dress(self.desk.theme)
        self.chart.keep_only(())
        self.chart.show_or_say()
        self.says.setText("")

    @property
    def sentence(self) -> str:
        if self.picture is None:
            return self.heading.text()
        return self.heat.sentence if self.heat.cell else summary(self.picture.values)
