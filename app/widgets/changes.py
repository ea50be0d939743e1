"""What the last change of settings did: which lines went, came and changed, and what that cost or saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.style import Style
from textual.strip import Strip

from app.widgets.edges import within
from app.widgets.panel import Panel, first_row
from engine.listing import block_of
from engine.settings import row_of, shown
from engine.snapshot import Snapshot
from engine.switch import Drift, Switch
from engine.text import counted
from viewers.numbers import bytes_text, count_text

MARKS = {"gone": "−", "new": "+", "changed": "~"}
STYLES = {"gone": "warn", "new": "good", "changed": "accent"}


class DiffRow(NamedTuple):
    """One row: its kind, the address within its block, and what it computes.

    kind   "gone", "new", "changed"; "was" is what a changed line was, "same" stands for so many lines that stay, and
           "block" says whose lines follow
    """

    kind: str
    address: str
    call: str


class ChangesPanel(Panel):
    """Offered after a change of settings until it is closed."""

    title = "Changes"
    offered = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = self._top = 0
        self._first = 0  # where the rows of the difference begin

    @property
    def switch(self) -> Switch | None:
        return self.snapshot.switch if self.snapshot else None

    def drawn_from(self, snapshot: Snapshot) -> object:
        return snapshot.switch and (snapshot.switch.number, snapshot.tokens_per_s)

    def changed(self, snapshot: Snapshot | None, view: object) -> None:
        before = snapshot.switch if snapshot else None
        if self.switch is not None and (before is None or before.number != self.switch.number):
            self.cursor = 0

    def note(self) -> str:
        return "Esc closes" if self.switch else ""

    def sentence(self) -> str:
        return "" if self.switch is None else f"{title_of(self.switch)}: {counts_text(self.switch)} lines"

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        switch, dim = snapshot.switch, self.style_of("dim")
        if switch is None:
            return self.wrapped(
                "No setting was changed yet. Its key, or the Settings panel, changes one.", width, height, dim
            )
        counts = f"{counts_text(switch)} lines"
        head = [self.row(width).add(title_of(switch), self.style_of("strong")).right(f" {counts}").strip()]
        if height >= 6:
            for words in summary(switch, snapshot.tokens_per_s):
                head += self.wrapped(words, width, 2, dim)
        found = list(diff_rows(switch))
        if not found:
            return [*head, self.row(width).add("No line of the program changed.").strip()][:height]
        self._first, room = len(head), max(1, height - len(head))
        self.cursor = min(self.cursor, len(found) - 1)
        self._top = first_row(self.cursor, len(found), room, self._top)
        name = min(max(len(row.address) for row in found) + 1, max(12, (width - 4) * 2 // 5))
        rows = [
            self._diff_row(row, i == self.cursor, name, width)
            for i, row in enumerate(found[self._top :][:room], self._top)
        ]
        return head[:height] + rows

    def _diff_row(self, diff: DiffRow, is_cursor: bool, name: int, width: int) -> Strip:
        row = self.row(width)
        if is_cursor and self.has_focus:
            row.base += self.style_of("mark")
        if diff.kind == "block":
            return row.add(diff.address, self.style_of("strong")).strip()
        if diff.kind == "same":
            return row.add(f"  {diff.call}", self.style_of("dim")).strip()
        if diff.kind == "was":
            return row.add("  ").column("", name).add(f"was {diff.call}", self.style_of("dim")).strip()
        style: Style = self.style_of(STYLES[diff.kind])
        return row.add(f"{MARKS[diff.kind]} ", style).column(diff.address, name, style).add(f"= {diff.call}").strip()

    def move(self, down: int, right: int) -> None:
        count = len(list(diff_rows(self.switch))) if self.switch else 0
        before, self.cursor = self.cursor, within(self.cursor + down + right, count)
        self.went(before, self.cursor, count)
        self.refresh()

    def edge(self, end: bool) -> None:
        self.move(1 << 20 if end else -(1 << 20), 0)

    def clicked(self, x: int, y: int) -> None:
        if y >= self._first:
            self.cursor = self._top
            self.move(y - self._first, 0)


def title_of(switch: Switch) -> str:
    """`KV cache on → off`."""
    changes = (
        f"{row_of(name).title} {shown(getattr(switch.before, name))} → {shown(getattr(switch.after, name))}"
        for name in switch.changed
    )
    return ", ".join(changes) or "the same settings again"


def counts_text(switch: Switch) -> str:
    """`−4 +0 ~5`: lines that went, came and changed."""
    return f"−{switch.count('gone')} +{switch.count('new')} ~{switch.count('changed')}"


def summary(switch: Switch, tokens_per_s: float | None) -> tuple[str, str, str]:
    """What became of the bytes; of work and speed; and of the predictions."""
    before, after = switch.bytes_before, switch.bytes_after
    parts = [(name, getattr(before, name), getattr(after, name)) for name in ("weights", "cache", "activations")]
    moved = [f"{name} {bytes_text(a)} → {bytes_text(b)}" for name, a, b in parts if a != b]
    difference = after.total - before.total
    together = f"{bytes_text(abs(difference))} {'more' if difference > 0 else 'less'} in all"
    bytes_words = f"{together}: {', '.join(moved)}" if moved else "no byte more or less"
    flops = f"{count_text(before.flops)} → {count_text(after.flops)} FLOP a token"
    return bytes_words, f"{flops} · {speed_text(switch.tokens_per_s, tokens_per_s)}", drift_text(switch.drift)


def speed_text(before: float | None, after: float | None) -> str:
    """Tokens per second before and after, as far as they were measured."""
    if before is None and after is None:
        return "speed: comes with generating"
    sides = [f"{speed:,.0f}" if speed is not None else "not measured" for speed in (before, after)]
    return f"{sides[0]} → {sides[1]} tokens/s"


def drift_text(drift: Drift | None) -> str:
    """How far the predictions of the text moved."""
    if drift is None:
        return "no text to compare"
    flips = counted(drift.flips, "other first choice")
    return f"over {counted(drift.tokens, 'token')}: KL {drift.mean_kl:.2g} nats, {flips}"


def stay(same: int) -> str:
    """`… 12 lines stay`."""
    return f"… {counted(same, 'line')} {'stays' if same == 1 else 'stay'}"


def diff_rows(switch: Switch) -> Iterator[DiffRow]:
    """The difference for display: runs of lines that stay are one row, a line that changed has what it was below."""
    same, block = 0, ""
    for line in switch.lines:
        if line.kind == "same":
            same += 1
            continue
        if same:
            yield DiffRow("same", "", stay(same))
        if block_of(line.address) not in ("", block):
            yield DiffRow("block", block_of(line.address), "")
        same, block = 0, block_of(line.address)
        address = line.address.removeprefix(f"{block}.") if block else line.address
        yield DiffRow(line.kind, address, line.new or line.old)
        if line.kind == "changed":
            yield DiffRow("was", address, line.old)
    if same and same < len(switch.lines):
        yield DiffRow("same", "", stay(same))
