"""The logit lens: how the guess of the next token forms along the residual stream."""

from __future__ import annotations

from textual.strip import Strip

from app.widgets.edges import within
from app.widgets.listing import ListingPanel
from app.widgets.panel import Panel, first_row
from engine.analysis.lens import LensReading, LensRow
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.lens import LIMIT, NOTHING, after_words, row_at, row_text
from viewers.numbers import percent_text


class LensPanel(Panel):
    """Offered once it was asked for, until it is closed. One row for each residual value done so far."""

    title = "Lens"
    offered = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._top = 0

    def drawn_from(self, snapshot: Snapshot) -> object:
        return snapshot.lens, snapshot.tokens

    @property
    def reading(self) -> LensReading | None:
        return self.snapshot.lens if self.snapshot else None

    @property
    def cursor(self) -> int:
        """The row of the listing's cursor, or the last one before it."""
        return row_at(self.reading, self.view.address)

    def note(self) -> str:
        return after_words(self.reading, self.snapshot) if self.snapshot else ""

    def sentence(self) -> str:
        return row_text(self.reading.rows[self.cursor]) if self.reading and self.reading.rows else ""

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        dim = self.style_of("dim")
        if snapshot.lens is None or not snapshot.lens.rows:
            return self.wrapped(NOTHING, width, height, dim)
        limit = self.wrapped(LIMIT, width, 2 if height < 12 else 3, dim) if height >= 5 else []
        room, cursor = max(1, height - len(limit)), self.cursor
        self._top = first_row(cursor, len(snapshot.lens.rows), room, self._top)
        shown = enumerate(snapshot.lens.rows[self._top :][:room], self._top)
        return [*(self._row(row, i == cursor, width) for i, row in shown), *limit]

    def move(self, down: int, right: int) -> None:
        if self.reading and self.reading.rows:
            at = within(self.cursor + down, len(self.reading.rows))
            self.post_message(ListingPanel.Moved(self.reading.rows[at].address))
            self.went(self.cursor, at, len(self.reading.rows), "value")

    def edge(self, end: bool) -> None:
        self.move(1 << 20 if end else -(1 << 20), 0)

    def clicked(self, x: int, y: int) -> None:
        self.move(self._top + y - self.cursor, 0)

    def _row(self, row: LensRow, is_cursor: bool, width: int) -> Strip:
        line = self.row(width)
        if is_cursor:
            line.base += self.style_of("mark")
        line.add("▶ " if is_cursor else "  ").column(row.address.removeprefix("blocks."), 13)
        for i, token in enumerate(row.tokens):
            words = f'"{visible(token.text)}"'
            if line.room < len(words) + 8:
                break
            line.add(words, self.style_of("strong" if i == 0 else "dim"))
            line.add(f" {percent_text(token.probability).strip()}  ", self.style_of("accent" if i == 0 else "dim"))
        return line.strip()
