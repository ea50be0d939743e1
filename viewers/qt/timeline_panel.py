"""What each operation of the stepped pass took, measured; added up by block and part, or by kind of operation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from PySide6.QtWidgets import QScrollArea, QVBoxLayout

from engine.snapshot import ListingRow
from viewers.listing_tree import groups_of
from viewers.numbers import count_text, seconds_text
from viewers.qt.bars import BarRow, Bars
from viewers.qt.panel import Desk, Is, Panel, dim_label

EMPTY = "No time was measured yet: c runs the pass, n steps it."


def timeline_rows(rows: Sequence[ListingRow]) -> list[BarRow]:
    """One row for each part of a block and each line outside of them, in the order they ran; times in seconds."""
    spent: dict[str, float] = defaultdict(float)
    flops: dict[str, int] = defaultdict(int)
    lines: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.elapsed_s is not None:
            name = (groups_of(row.address) or (row.address,))[-1]
            spent[name] += row.elapsed_s
            flops[name] += row.cost.flops
            lines[name] += 1
    return [
        BarRow(name, (seconds,), seconds_text(seconds),
               f"{name}: {lines[name]} lines, {count_text(flops[name])} FLOP in {seconds_text(seconds)}")
        for name, seconds in spent.items()
    ]  # fmt: skip


class TimelinePanel(Panel):
    name, title = "timeline", "Timeline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.bars, self.says = Bars(), dim_label(EMPTY)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.bars)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.says)
        box.addWidget(scroll, 1)

    def drawn_from(self) -> object:
        s = self.desk.snapshot and self.desk.snapshot.stepping
        return s and (Is(s.rows), s.cursor)

    def draw_now(self) -> None:
        s = self.desk.snapshot and self.desk.snapshot.stepping
        rows = timeline_rows(s.rows) if s else []
        self.bars.show_rows(rows, ("time of this stepped run",) if rows else (), self.desk.theme)
        self.says.setText(self.sentence)

    @property
    def sentence(self) -> str:
        s = self.desk.snapshot and self.desk.snapshot.stepping
        times = [row.elapsed_s for row in s.rows if row.elapsed_s is not None] if s else []
        if not times or not s:
            return EMPTY
        return f"{len(times)} of {len(s.rows)} lines took {seconds_text(sum(times))}, stepped one at a time ({s.what})"
