"""The program that is stepped: every line with what it costs and what it took, folded by block and part."""

from __future__ import annotations

from textual.message import Message
from textual.strip import Strip

from app.widgets.edges import within
from app.widgets.ink import Row, cells
from app.widgets.panel import Panel, first_row
from engine.snapshot import ListingRow, Snapshot, Stepping
from engine.text import counted
from viewers.listing_tree import Entry, at, entries, groups_of, label_of
from viewers.numbers import count_text, seconds_text, shape_text
from viewers.view import View

DONE, NEXT, UNDONE = "✓", "▸", "·"


class ListingPanel(Panel):
    """`✓` is done, `▸` is next, `·` not yet; `●` is a breakpoint; `▶` is the cursor, whose value is shown."""

    title = "Program"

    class Moved(Message):
        """The listing's cursor is on this line or group."""

        def __init__(self, address: str) -> None:
            super().__init__()
            self.address = address

    class RunTo(Message):
        """The pass shall go forward or back to this line."""

        def __init__(self, address: str) -> None:
            super().__init__()
            self.address = address

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.opened: frozenset[str] = frozenset()
        self._top = 0
        self._shape = 0  # the widest shape

    @property
    def stepping(self) -> Stepping | None:
        return self.snapshot.stepping if self.snapshot else None

    @property
    def found(self) -> list[Entry]:
        return entries(self.stepping.rows, self.opened) if self.stepping else []

    @property
    def cursor(self) -> int:
        return at(self.found, self.view.address) if self.view.address else 0

    def changed(self, snapshot: Snapshot | None, view: View) -> None:
        if self.stepping is None:
            return
        if self.stepping.depth == "line" and (snapshot is None or snapshot.stepping is None or self._moved(snapshot)):
            self.reveal(self._latest())

    def drawn_from(self, snapshot: Snapshot) -> object:
        s = snapshot.stepping
        return s and (s.rows, s.what, s.depth, s.cursor, is_stale(snapshot))

    def reveal(self, address: str) -> None:
        """Unfold what hides a line."""
        self.opened |= frozenset(groups_of(address))
        self.refresh()

    def _moved(self, before: Snapshot) -> bool:
        assert self.stepping is not None and before.stepping is not None
        return before.stepping.cursor != self.stepping.cursor or before.stepping.depth != self.stepping.depth

    def _latest(self) -> str:
        assert self.stepping is not None
        return self.stepping.rows[max(0, self.stepping.cursor - 1)].address if self.stepping.rows else ""

    def note(self) -> str:
        s = self.stepping
        if s is None or self.snapshot is None:
            return ""
        stale = "older text, r renews · " if is_stale(self.snapshot) else ""
        return f"{stale}{s.cursor}/{len(s.rows)} done, by {s.depth}"

    def sentence(self) -> str:
        if not self.stepping or not self.found:
            return ""
        entry = self.found[self.cursor]
        row = self.stepping.rows[entry.first]
        return (
            f"{entry.name}: {counted(entry.last - entry.first, 'line')}"
            if entry.is_group
            else f"{row.address} = {row.call}"
        )

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        stepping, dim = snapshot.stepping, self.style_of("dim")
        if stepping is None:
            words = "Nothing is stepped yet. Press r to step the pass over this text, or i to write a prompt."
            return self.wrapped(words, width, height, dim)
        found, cursor = self.found, self.cursor
        room = max(1, height - 3 if height > 5 else height)
        self._top = first_row(cursor, len(found), room, self._top, ahead=min(3, room // 3))
        self._shape = 1 + max(len(shape_text(row.shape)) for row in stepping.rows)
        shown = enumerate(found[self._top :][:room], self._top)
        rows = [self._entry(stepping, entry, i == cursor, width) for i, entry in shown]
        if height <= 5:
            return rows
        rows += [self.row(width).strip()] * (room - len(rows))
        return [self._head(width), *rows, self._total(stepping, width), self._what(stepping, width)]

    def _what(self, stepping: Stepping, width: int) -> Strip:
        """Which pass this is, and which one the key goes on to."""
        from engine.passes import WORDS, after  # it brings the whole engine, which is there once a pass is

        going_on = f"p: {WORDS[after(stepping.kind)]} · "
        return self.row(width).add(going_on, self.style_of("accent")).add(stepping.what, self.style_of("dim")).strip()

    def _columns(self, width: int) -> tuple[int, int, int]:
        """Widths of name, call and shape; cost and time always have 7 each."""
        left = width - 4 - 14
        shape = min(self._shape, 12 if left < 50 else 16) if left >= 34 else 0
        left -= shape
        name = min(28, max(17, left // 2)) if left >= 26 else left
        return name, max(0, left - name), shape

    def _head(self, width: int) -> Strip:
        name, call, shape = self._columns(width)
        row = self.row(width)
        row.base += self.style_of("dim")
        row.add("    ").column("address", name).column("operation", call).column("shape", shape)
        return row.column("FLOPs", 7, align="right").column("time", 7, align="right").strip()

    def _entry(self, stepping: Stepping, entry: Entry, is_cursor: bool, width: int) -> Strip:
        row = self.row(width)
        if is_cursor:
            row.base += self.style_of("cursor" if self.has_focus else "mark")
        lines = stepping.rows[entry.first : entry.last]
        stop = any(line.breakpoint for line in lines)
        row.add("▶" if is_cursor else " ").add("●" if stop else " ", self.style_of("warn"))
        state = DONE if entry.last <= stepping.cursor else NEXT if stepping.cursor in entry else UNDONE
        style = self.style_of({DONE: "good", NEXT: "accent", UNDONE: "dim"}[state])
        row.add(state + " ", style)
        if state == UNDONE and not is_cursor:
            row.base += self.style_of("dim")
        return self._cells(row, entry, lines, stepping.cursor, width)

    def _cells(self, row: Row, entry: Entry, lines: tuple[ListingRow, ...], cursor: int, width: int) -> Strip:
        name, call, shape = self._columns(width)
        indent = "  " * entry.depth
        if entry.is_group:
            mark = "▾ " if entry.name in self.opened else "▸ "
            row.column(f"{indent}{mark}{label_of(entry.name)}", name - 1, self.style_of("strong")).add(" ")
            done = min(max(cursor - entry.first, 0), len(lines))
            words = f"{done} of {counted(len(lines), 'line')}" if call >= 16 else f"{done}/{len(lines)}"
            row.column(words, call).column("", shape)
        else:
            row.column(f"{indent}{label_of(entry.name)}", name - 1).add(" ")
            row.column(lines[0].call if call >= cells(lines[0].call) or call >= 20 else lines[0].op, call - 1).add(" ")
            row.column(shape_text(lines[0].shape), shape)
        times = [line.elapsed_s for line in lines if line.elapsed_s is not None]
        cost = "view" if not entry.is_group and lines[0].is_view else count_text(sum(line.cost.flops for line in lines))
        row.column(cost, 7, align="right")
        return row.column(seconds_text(sum(times) if times else None), 7, align="right").strip()

    def _total(self, stepping: Stepping, width: int) -> Strip:
        times = [row.elapsed_s for row in stepping.rows if row.elapsed_s is not None]
        flops = count_text(sum(row.cost.flops for row in stepping.rows))
        spent = f"{seconds_text(sum(times))} in this stepped run" if times else "times come with stepping"
        words = f"{len(stepping.rows)} lines · {flops} FLOP · {spent}"
        return self.row(width).add(words, self.style_of("dim")).strip()

    def move(self, down: int, right: int) -> None:
        found = self.found
        if not found:
            return
        entry = found[self.cursor]
        if down:
            there = within(self.cursor + down, len(found))
            self.post_message(self.Moved(found[there].name))
            self.went(self.cursor, there, len(found))
        elif right > 0:
            if entry.is_group and entry.name not in self.opened:
                self.opened |= {entry.name}
                self.refresh()
            else:
                self.move(1, 0)
        elif entry.is_group and entry.name in self.opened:
            self.opened -= {entry.name}
            self.refresh()
        else:
            parents = [g for g in groups_of(entry.name) if g != entry.name]
            self.post_message(self.Moved(parents[-1] if parents else found[0].name))

    def edge(self, end: bool) -> None:
        if found := self.found:
            self.post_message(self.Moved(found[-1 if end else 0].name))

    def clicked(self, x: int, y: int) -> None:
        index = self._top + y - (1 if self.size.height > 6 else 0)
        if 0 <= index < len(self.found):
            self.post_message(self.Moved(self.found[index].name))

    def action_enter(self) -> None:
        if self.stepping and self.found:
            entry = self.found[self.cursor]
            self.post_message(self.RunTo(self.stepping.rows[entry.last - 1].address))


def is_stale(snapshot: Snapshot) -> bool:
    """Whether the text has changed since the stepped pass was begun. A cached pass is over the last token only."""
    stepping = snapshot.stepping
    if stepping is None:
        return False
    ids = tuple(token.id for token in snapshot.tokens)
    positions = stepping.values.get("position_ids")
    length = len(stepping.ids) if positions is None else int(positions.max(initial=-1)) + 1
    return length != len(ids) or ids[len(ids) - len(stepping.ids) :] != stepping.ids
