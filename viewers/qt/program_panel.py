"""The program that is stepped, as a tree: every line with its operation, shape, cost and measured time."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout

from engine.snapshot import ListingRow, Stepping
from engine.text import visible
from viewers.actions import key_of
from viewers.listing_tree import groups_of, label_of
from viewers.numbers import bytes_text, count_text, seconds_text, shape_text
from viewers.qt.panel import Desk, Is, Panel, dim_label, in_scroll
from viewers.qt.theme import Theme, qcolor

COLUMNS = ("", "line", "operation", "shape", "FLOPs", "time")
STRETCHED = 2  # the operation
DONE, NEXT, UNDONE, STOP = "✓", "▸", "·", "●"
EMPTY = f"Nothing is stepped yet: {key_of('restep')} steps the pass over this text."
ADDRESS = Qt.ItemDataRole.UserRole


class ProgramPanel(Panel):
    """`✓` is done, `▸` is next, `·` not yet; `●` is a breakpoint. Selecting a line shows its value."""

    name, title = "program", "Program"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.heading, self.about = dim_label(EMPTY), dim_label()
        tree = self.tree = QTreeWidget()
        tree.setColumnCount(len(COLUMNS))
        tree.setHeaderLabels(list(COLUMNS))
        tree.setUniformRowHeights(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setTreePosition(1)
        tree.setIndentation(12)
        tree.setAccessibleName("Lines of the program")
        header = tree.header()
        header.setMinimumSectionSize(20)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(STRETCHED, QHeaderView.ResizeMode.Stretch)  # the least missed where room is short
        said = in_scroll(self.about)  # its lines may be many, the room little
        said.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        said.setMaximumHeight(6 * self.fontMetrics().lineSpacing())
        self.about.setMargin(0)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.heading)
        box.addWidget(tree, 3)
        box.addWidget(said, 2)
        self._lines: tuple[str, ...] = ()
        self._items: list[QTreeWidgetItem] = []
        self._groups: dict[str, QTreeWidgetItem] = {}
        self._shown: tuple[ListingRow, ...] = ()
        self._cursor = -1
        self._marks: list[str] = []
        self._theme: Theme | None = None
        tree.currentItemChanged.connect(self._selected)
        tree.itemDoubleClicked.connect(self._run_to)
        tree.itemExpanded.connect(self._widen)
        tree.verticalScrollBar().valueChanged.connect(self._widen)

    @property
    def stepping(self) -> Stepping | None:
        return self.desk.snapshot.stepping if self.desk.snapshot else None

    def drawn_from(self) -> object:
        s = self.stepping
        return s and (Is(s.rows), s.cursor, s.what, s.depth, len(s.edits), self.desk.view.address)

    def draw_now(self) -> None:
        s = self.stepping
        if s is None:
            self.heading.setText(EMPTY)
            return
        edits = f" · {len(s.edits)} changed by hand" if s.edits else ""
        self.heading.setText(f"{s.cursor} of {len(s.rows)} done, by {s.depth} · {visible(s.what)}{edits}")
        addresses = tuple(row.address for row in s.rows)
        if addresses != self._lines:
            self._build(s, addresses)
        if self._theme is not self.desk.theme:
            self._theme, self._marks = self.desk.theme, [""] * len(addresses)
        self._update(s)
        self._select(s)
        self._widen()

    def _build(self, s: Stepping, addresses: tuple[str, ...]) -> None:
        tree = self.tree
        tree.blockSignals(True)
        tree.clear()
        for column in range(len(COLUMNS)):
            tree.setColumnWidth(column, 0)
        self._lines, self._items, self._groups, self._shown, self._cursor = addresses, [], {}, (), -1
        self._marks = [""] * len(addresses)
        for address in addresses:
            parent: QTreeWidgetItem | None = None
            for group in (g for g in groups_of(address) if g != address):
                if group not in self._groups:
                    made = self._groups[group] = QTreeWidgetItem(["", label_of(group)])
                    made.setData(0, ADDRESS, group)
                    parent.addChild(made) if parent is not None else tree.addTopLevelItem(made)
                parent = self._groups[group]
            item = QTreeWidgetItem(["", label_of(address)])
            item.setData(0, ADDRESS, address)
            parent.addChild(item) if parent is not None else tree.addTopLevelItem(item)
            self._items.append(item)
        tree.blockSignals(False)

    def _update(self, s: Stepping) -> None:
        """Write what has changed."""
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        before = self._shown or (None,) * len(s.rows)
        for i, (item, row, old) in enumerate(zip(self._items, s.rows, before, strict=True)):
            mark = (STOP if row.breakpoint else "") + (DONE if i < s.cursor else NEXT if i == s.cursor else UNDONE)
            if mark != self._marks[i]:
                self._marks[i] = mark
                item.setText(0, mark)
                theme = self.desk.theme
                colour = theme.good if i < s.cursor else theme.accent if i == s.cursor else theme.dim
                item.setForeground(0, qcolor(theme.warn if row.breakpoint else colour))
                item.setForeground(1, qcolor(theme.text if i <= s.cursor else theme.dim))
            if row is not old:
                cost = "view" if row.is_view else count_text(row.cost.flops)
                for column, text in enumerate((row.op, shape_text(row.shape), cost, seconds_text(row.elapsed_s)), 2):
                    item.setText(column, text)
                    if column >= 3:
                        item.setTextAlignment(column, right)
        self._shown = s.rows

    def _widen(self, *_: object) -> None:
        """Let every column be as wide as what is in sight needs. Qt's own mode for that measures at each cell that is
        written, which took seconds for a pass of some hundred lines."""
        tree, header = self.tree, self.tree.header()
        for column in range(len(COLUMNS)):
            if column != STRETCHED:
                needed = max(tree.sizeHintForColumn(column), header.sectionSizeHint(column))
                if needed > tree.columnWidth(column):
                    tree.setColumnWidth(column, needed)

    def _select(self, s: Stepping) -> None:
        """Bring the line that is looked at into sight; a step unfolds what hides it."""
        address = self.desk.view.address
        item = self._groups.get(address or "")
        if item is None and address in self._lines:
            item = self._items[self._lines.index(address)]
        if item is not None and item is not self.tree.currentItem():
            self.tree.blockSignals(True)
            self.tree.setCurrentItem(item)
            self.tree.blockSignals(False)
            self.tree.scrollToItem(item, QAbstractItemView.ScrollHint.EnsureVisible)
        self._cursor = s.cursor
        self.about.setText(self.sentence)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        QTimer.singleShot(0, self._keep_in_sight)  # once the tree has its new size

    def _keep_in_sight(self) -> None:
        if (item := self.tree.currentItem()) is not None:
            self.tree.scrollToItem(item)

    def _selected(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.desk.look(address=item.data(0, ADDRESS))

    def _run_to(self, item: QTreeWidgetItem) -> None:
        """Forward to a line, or back to it if it is done."""
        s, address = self.stepping, item.data(0, ADDRESS)
        if s is not None and address in self._lines:
            is_done = self._lines.index(address) < s.cursor
            self.desk.send("rewind" if is_done else "run_until", address=address)

    def row(self) -> ListingRow | None:
        """The line under the cursor, or the first of its group."""
        s, address = self.stepping, self.desk.view.address
        if s is None or address is None:
            return None
        return next((row for row in s.rows if row.address == address or address in groups_of(row.address)), None)

    @property
    def sentence(self) -> str:
        row, address = self.row(), self.desk.view.address
        if row is None or self.stepping is None:
            return EMPTY
        if row.address != address:
            inside = [r for r in self.stepping.rows if address in groups_of(r.address)]
            return f"{address}: {len(inside)} lines, {count_text(sum(r.cost.flops for r in inside))} FLOP"
        cost = row.cost
        moved = f"reads {bytes_text(cost.bytes_read)}, writes {bytes_text(cost.bytes_written)}"
        work = f"{count_text(cost.flops)} FLOP, {moved} · {row.where}"
        parts = [f"{row.address} = {row.call}", row.equation, row.explanation, work]
        return "\n".join(part for part in [*parts, row.paper] if part)
