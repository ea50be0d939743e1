"""Values that are kept in sight while a pass is stepped, each in a few numbers."""

from __future__ import annotations

from textual.strip import Strip

from app.widgets.edges import within
from app.widgets.listing import ListingPanel
from app.widgets.panel import Panel, first_row
from engine.snapshot import Snapshot
from viewers.numbers import shape_text
from viewers.picture import number_text
from viewers.summary import summary_of

COLUMNS = ("least", "largest", "mean", "norm")


class WatchPanel(Panel):
    """Offered while something is watched. The cursor is the listing's."""

    title = "Watch"
    offered = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._top = 0

    def drawn_from(self, snapshot: Snapshot) -> object:
        return snapshot.stepping and (snapshot.stepping.cursor, snapshot.stepping.rows, snapshot.stepping.edits)

    @property
    def cursor(self) -> int:
        watched = self.view.watched
        return watched.index(self.view.address) if self.view.address in watched else 0

    def note(self) -> str:
        return "m drops one"

    def sentence(self) -> str:
        if not self.view.watched or self.snapshot is None or self.snapshot.stepping is None:
            return ""
        address = self.view.watched[self.cursor]
        value = self.snapshot.stepping.values.get(address)
        if value is None:
            return f"{address}: not computed yet"
        found = summary_of(value)
        numbers = (found.low, found.high, found.mean, found.norm)
        return f"{address}: " + ", ".join(f"{n} {number_text(v)}" for n, v in zip(COLUMNS, numbers, strict=True))

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        watched, dim = self.view.watched, self.style_of("dim")
        if not watched:
            return self.wrapped(
                "Nothing is watched. m watches the line under the listing's cursor.", width, height, dim
            )
        name = max(12, width - 4 * 10)
        head = self.row(width).column("", name, dim)
        for words in COLUMNS:
            head.column(words, 10, dim, "right")
        self._top = first_row(self.cursor, len(watched), max(1, height - 1), self._top)
        shown = enumerate(watched[self._top :][: max(1, height - 1)], self._top)
        return [head.strip(), *(self._row(snapshot, address, i == self.cursor, name, width) for i, address in shown)]

    def _row(self, snapshot: Snapshot, address: str, is_cursor: bool, name: int, width: int) -> Strip:
        row, stepping = self.row(width), snapshot.stepping
        if is_cursor:
            row.base += self.style_of("mark")
        value = stepping.values.get(address) if stepping else None
        label = address if len(address) < name - 1 else "…" + address[-(name - 3) :]
        row.column(("▶" if is_cursor else " ") + label, name)
        if value is None:
            return row.add("  not computed yet", self.style_of("dim")).strip()
        found = summary_of(value)
        for number in (found.low, found.high, found.mean, found.norm):
            row.column(number_text(number), 10, align="right")
        absent = f" {found.absent} not finite" if found.absent else f" {shape_text(value.shape)}"
        return row.add(absent[: row.room], self.style_of("dim")).strip()

    def move(self, down: int, right: int) -> None:
        if self.view.watched:
            at = within(self.cursor + down, len(self.view.watched))
            self.post_message(ListingPanel.Moved(self.view.watched[at]))
            self.went(self.cursor, at, len(self.view.watched), "value that is watched")

    def clicked(self, x: int, y: int) -> None:
        self.move(self._top + y - 1 - self.cursor, 0)
