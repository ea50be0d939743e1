"""Where the time of the stepped pass went: the pass as a ribbon, blocks and lines, and what bounds each.

Times are measured while stepping. With the machine's own peaks, a line is bound by arithmetic, by memory traffic, or by
neither: then the overhead of the call holds it up. Each has its texture, so it is read without colour too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from textual.message import Message
from textual.strip import Strip

from app.widgets.edges import folded_words, within
from app.widgets.ink import cells
from app.widgets.panel import Panel, first_row
from engine.analysis.machine_peaks import Peaks
from engine.memory import place_of
from engine.snapshot import ListingRow, Snapshot
from engine.switch import Switch
from engine.text import counted
from viewers.numbers import count_text, seconds_text
from viewers.timing import BOUNDS, TimeRow, bound_at, peaks_text, sentence_of, time_rows

MARKS = dict(zip(BOUNDS, "█▓░▪", strict=True))
STYLES = {"compute": "accent", "memory": "good", "overhead": "warn", "": "dim"}
PLACE, TIME, FLOPS = 22, 8, 8


class TimePanel(Panel):
    """A list that is moved through; Enter, → and ← unfold and fold a block."""

    title = "Time"

    class PeaksWanted(Message):
        """The machine's peaks shall be measured."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = 0
        self._top = 0
        self.opened: frozenset[str] = frozenset()

    def drawn_from(self, snapshot: Snapshot) -> object:
        rows = snapshot.stepping.rows if snapshot.stepping else ()
        return (rows, snapshot.peaks, snapshot.switch, snapshot.tokens_per_s)

    @property
    def timed(self) -> list[ListingRow]:
        """The lines that were done, and so measured."""
        rows = self.snapshot.stepping.rows if self.snapshot and self.snapshot.stepping else ()
        return [row for row in rows if row.elapsed_s is not None]

    @property
    def found(self) -> list[TimeRow]:
        return time_rows(self.timed, self.snapshot.peaks if self.snapshot else None, self.opened)

    def note(self) -> str:
        timed = self.timed
        return (
            f"{counted(len(timed), 'line')} in {seconds_text(sum(row.elapsed_s or 0 for row in timed))}"
            if timed
            else ""
        )

    def sentence(self) -> str:
        found = self.found
        peaks = self.snapshot.peaks if self.snapshot else None
        return sentence_of(found[min(self.cursor, len(found) - 1)], peaks) if found else ""

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        found, timed = self.found, self.timed
        if not found:
            words = "Nothing was measured yet: c runs the pass to its end, n steps it."
            return self.wrapped(words, width, height, self.style_of("dim"))
        above = self._ribbon(timed, snapshot.peaks, width) if height >= 8 else []
        below = self._below(snapshot, width, height)
        room = max(1, height - len(above) - len(below))
        self.cursor = min(self.cursor, len(found) - 1)
        self._top = first_row(self.cursor, len(found), room, self._top)
        self._offset = len(above)
        longest = max(row.elapsed_s for row in found if row.is_place)
        shown = found[self._top : self._top + room]
        rows = [self._drawn(row, i == self.cursor, longest, width) for i, row in enumerate(shown, self._top)]
        rows += [self.row(width).strip()] * (room - len(rows))
        return [*above, *rows, *below]

    def _ribbon(self, timed: Sequence[ListingRow], peaks: Peaks | None, width: int) -> list[Strip]:
        """The whole pass from left to right, and under it where each block begins."""
        ends = list(accumulate(row.elapsed_s or 0 for row in timed))
        row, names, line = self.row(width), self.row(width), 0
        place = ""
        for x in range(width):
            while line < len(timed) - 1 and ends[line] <= (x + 0.5) / width * ends[-1]:
                line += 1
            bound = bound_at(timed[line], peaks)
            row.add(MARKS[bound], self.style_of(STYLES[bound]))
            here = place_of(timed[line].address)
            if here != place and names.used <= x:
                names.to(x).add(f"╵{here.replace('blocks.', '')} "[: width - x], self.style_of("dim"))
                place = here
        return [row.strip(), names.strip()]

    def _drawn(self, here: TimeRow, is_cursor: bool, longest: float, width: int) -> Strip:
        row = self.row(width)
        if is_cursor and self.has_focus:
            row.base += self.style_of("mark")
        fold = ("▾ " if here.name in self.opened else "▸ ") if here.is_place else "    "
        row.add("▶" if is_cursor else " ")
        row.column(
            fold + here.label, min(PLACE, max(8, width - 24)), self.style_of("strong") if here.is_place else None
        )
        row.column(seconds_text(here.elapsed_s), TIME, align="right")
        if width >= 44:
            row.column(count_text(here.cost.flops), FLOPS, self.style_of("dim"), align="right")
        row.add("  "[: row.room])
        room = row.room
        for bound, seconds in here.seconds.items():
            row.add((MARKS[bound] * round(seconds / longest * room))[: row.room], self.style_of(STYLES[bound]))
        return row.strip()

    def _below(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """Legend, what the cache saves, and the sentence."""
        rows = []
        if snapshot.peaks is None:
            words = "Enter measures what this machine can do (half a second): then each line says what bounds it."
            rows += self.wrapped(words, width, 2 if height >= 10 else 1, self.style_of("accent"))
        else:
            rows += self._legend(snapshot.peaks, width)
        if height >= 10:
            rows += self.wrapped(cache_words(snapshot), width, 2, self.style_of("dim"))
        return [*rows, self.row(width).add(self.sentence(), self.style_of("strong")).strip()]

    def _legend(self, peaks: Peaks, width: int) -> list[Strip]:
        """What the marks mean and the peaks they are measured by; in a line each where one is too short for both."""
        row, totals = self.row(width), dict.fromkeys(("compute", "memory", "overhead"), 0.0)
        for line in self.timed:
            totals[bound_at(line, peaks)] += line.elapsed_s or 0
        for bound, seconds in totals.items():
            row.add(MARKS[bound] + " ", self.style_of(STYLES[bound]))
            row.add(f"{bound} {seconds_text(seconds)}  ", self.style_of("dim"))
        said = f"peaks: {peaks_text(peaks)}"
        if cells(said) <= row.room:
            return [row.add(said, self.style_of("dim")).strip()]
        return [row.strip(), self.row(width).add(said, self.style_of("dim")).strip()]

    def move(self, down: int, right: int) -> None:
        found = self.found
        if not found:
            return
        if right:
            self._fold(found[min(self.cursor, len(found) - 1)], right > 0)
        else:
            before, self.cursor = self.cursor, within(self.cursor + down, len(found))
            self.went(before, self.cursor, len(found))
        self.refresh()

    def _fold(self, here: TimeRow, is_open: bool) -> None:
        """Show or hide the lines of a place, and stand on it."""
        place = here.name if here.is_place else place_of(here.name)
        stays = here.is_place and is_open == (place in self.opened)
        self.post_message(self.Remark(folded_words(is_open) if stays else ""))
        self.opened = self.opened | {place} if is_open else self.opened - {place}
        self.cursor = next(i for i, row in enumerate(self.found) if row.name == place)

    def edge(self, end: bool) -> None:
        self.move(len(self.found) if end else -len(self.found), 0)

    def action_enter(self) -> None:
        if self.snapshot is not None and self.snapshot.peaks is None and self.found:
            self.post_message(self.PeaksWanted())
        elif found := self.found:
            here = found[min(self.cursor, len(found) - 1)]
            self.move(0, -1 if here.name in self.opened or not here.is_place else 1)

    def clicked(self, x: int, y: int) -> None:
        index = self._top + y - self._offset
        if self._offset <= y and index < len(self.found):
            is_again, self.cursor = index == self.cursor, index
            if is_again or x < 3:
                self.action_enter()
            self.refresh()

    _offset = 0  # lines above the list


def cache_words(snapshot: Snapshot) -> str:
    """What the key-value cache saves, as the last change of settings measured it; else how to measure it."""
    switch = snapshot.switch
    if switch is None or switch.before.kv_cache == switch.after.kv_cache:
        return "KV cache: press 1 to switch it; then FLOPs and tokens/s with and without stand here."
    with_cache, without = (switch.bytes_after, switch.bytes_before) if switch.after.kv_cache else (
        switch.bytes_before, switch.bytes_after)  # fmt: skip
    ratio = without.flops / max(1, with_cache.flops)
    said = f"next token: {count_text(with_cache.flops)} FLOP with the KV cache, {count_text(without.flops)} without"
    return f"{said}, {ratio:.1f} times as many; {speed_words(switch, snapshot.tokens_per_s)}"


def speed_words(switch: Switch, now: float | None) -> str:
    """The measured speeds with and without the cache."""
    speeds = (now, switch.tokens_per_s) if switch.after.kv_cache else (switch.tokens_per_s, now)
    cached, plain = ("not measured" if speed is None else f"{speed:.0f} tokens/s" for speed in speeds)
    return f"{cached} with, {plain} without" + ("" if None not in speeds else " (space generates)")
