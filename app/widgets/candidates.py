"""What the model thought could stand at the cursor: its best guesses, and what sampling leaves of them."""

from __future__ import annotations

from textual.message import Message
from textual.strip import Strip

from app.widgets.edges import within
from app.widgets.panel import Panel, first_row
from engine.snapshot import Candidate, Snapshot
from engine.text import counted, visible
from viewers.numbers import bar, percent_text
from viewers.view import View


class CandidatesPanel(Panel):
    """One row per candidate. Enter puts it into the text; what stood there stays as a branch."""

    title = "Candidates"

    class Picked(Message):
        """This token shall stand at `position`."""

        def __init__(self, position: int, token: int) -> None:
            super().__init__()
            self.position, self.token = position, token

    class Moved(Message):
        """The token cursor goes to `place`."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = 0
        self._top = 0

    def changed(self, snapshot: Snapshot | None, view: View) -> None:
        assert self.snapshot is not None
        if snapshot is None or view.place(snapshot) != self.view.place(self.snapshot):
            self.cursor = self._top = 0
        self.cursor = min(self.cursor, max(0, len(self.found) - 1))

    @property
    def found(self) -> tuple[Candidate, ...]:
        return self.snapshot.candidates(self.view.place(self.snapshot)) if self.snapshot else ()

    def note(self) -> str:
        assert self.snapshot is not None
        place = self.view.place(self.snapshot)
        return f"for the next token, {place}" if place == len(self.snapshot.tokens) else f"for token {place}"

    def sentence(self) -> str:
        if not self.found:
            return ""
        c = self.found[self.cursor]
        after = f"{percent_text(c.chance).strip()} after sampling" if c.chance else "removed by sampling"
        return f'choice {c.rank} "{visible(c.text, spaces=True)}" (id {c.id}): p {c.probability:.4f}, {after}'

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        dim = self.style_of("dim")
        place = self.view.place(snapshot)
        if not self.found:
            why = "The first token is given: nothing foresaw it. Move right in the text." if place == 0 else ""
            why = why or "No guesses are kept for this place. Move in the text, or press i to run a prompt."
            return self.wrapped(why, width, height, dim)
        there = snapshot.tokens[place].id if place < len(snapshot.tokens) else None
        token_width, bar_width = self._widths(width)
        head = self.row(width).column("   #", 5).column(" token", token_width + 1)
        head.column(" probability", bar_width).column("p", 7, align="right")
        rows = [head.column("logprob", 8, align="right").column("drawn", 7, align="right").strip()]
        rows = [Strip([s.__class__(s.text, self.base + dim) for s in rows[0]], width)]
        room = max(1, height - 2)
        self._top = first_row(self.cursor, len(self.found), room, self._top)
        for i in range(self._top, min(self._top + room, len(self.found))):
            rows.append(self._candidate(self.found[i], i == self.cursor, there, width))
        if height > len(rows):
            rows.append(self._last(snapshot, width))
        return rows

    def _candidate(self, c: Candidate, is_cursor: bool, there: int | None, width: int) -> Strip:
        row = self.row(width)
        token_width, bar_width = self._widths(width)
        if is_cursor and self.has_focus:
            row.base += self.style_of("cursor")
        row.add("▶" if is_cursor else " ").column(str(c.rank), 3, align="right")
        row.add(" ✓" if c.id == there else "  ", self.style_of("good"))
        row.column(visible(c.text, spaces=True), token_width, self.style_of("strong"))
        row.column(" " + bar(c.probability, bar_width - 2) if bar_width > 3 else "", bar_width, self.style_of("accent"))
        row.column(percent_text(c.probability), 7, align="right").column(f"{c.logprob:.2f}", 8, align="right")
        return row.column(percent_text(c.chance) if c.chance else "cut", 7, align="right").strip()

    @staticmethod
    def _widths(width: int) -> tuple[int, int]:
        """Of the token and of the bar."""
        token = min(18, max(6, width // 4))
        return token, max(0, width - (6 + token + 7 + 8 + 7))

    def _last(self, snapshot: Snapshot, width: int) -> Strip:
        shown = sum(c.probability for c in self.found)
        others = snapshot.vocab - len(self.found)
        rest = f"these {len(self.found)} hold {percent_text(shown).strip()}; {counted(others, 'other')} the rest"
        return self.row(width).add(rest if snapshot.vocab > len(self.found) else "", self.style_of("dim")).strip()

    def move(self, down: int, right: int) -> None:
        if self.snapshot is None:
            return
        if right:
            place = self.view.place(self.snapshot) + right
            self.post_message(self.Moved(min(max(place, 0), len(self.snapshot.tokens))))
        if down and self.found:
            before, self.cursor = self.cursor, within(self.cursor + down, len(self.found))
            self.went(before, self.cursor, len(self.found), "choice that is kept")
        self.refresh()

    def edge(self, end: bool) -> None:
        self.move(len(self.found) if end else -len(self.found), 0)

    def clicked(self, x: int, y: int) -> None:
        if 0 <= self._top + y - 1 < len(self.found):
            self.cursor = self._top + y - 1
            self.refresh()

    def action_enter(self) -> None:
        if self.snapshot is not None and self.found:
            self.post_message(self.Picked(self.view.place(self.snapshot), self.found[self.cursor].id))
