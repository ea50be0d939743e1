"""Where the time of a stepped pass went: sums of places and their lines, and what bounds each, in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from engine.analysis.machine_peaks import Peaks, bound_of
from engine.memory import place_of
from engine.program import Cost
from engine.snapshot import ListingRow
from viewers.numbers import bytes_text, count_text, seconds_text

BOUNDS = ("compute", "memory", "overhead", "")  # what holds a line up; "" where the peaks are not known


class TimeRow(NamedTuple):
    """A block, or one of its lines. `seconds` by what bounds them; one entry "" where the peaks are not known."""

    name: str
    is_place: bool
    cost: Cost
    seconds: dict[str, float]

    @property
    def label(self) -> str:
        """`attn.pattern` in its block."""
        return self.name if self.is_place else self.name.removeprefix(place_of(self.name) + ".")

    @property
    def elapsed_s(self) -> float:
        return sum(self.seconds.values())


def bound_at(row: ListingRow, peaks: Peaks | None) -> str:
    """What bounds a measured line; "" where the peaks are not known."""
    return bound_of(row.cost, peaks, row.elapsed_s) if peaks else ""


def time_rows(timed: Sequence[ListingRow], peaks: Peaks | None, opened: frozenset[str]) -> list[TimeRow]:
    """Every place of the pass with its sums, and the lines of those that are open."""
    rows: list[TimeRow] = []
    for place, group in groupby(timed, lambda row: place_of(row.address)):
        lines = [TimeRow(row.address, False, row.cost, {bound_at(row, peaks): row.elapsed_s or 0}) for row in group]
        seconds = {bound: sum(line.seconds.get(bound, 0) for line in lines) for bound in BOUNDS}
        cost = sum((line.cost for line in lines), Cost(0, 0, 0))
        rows.append(TimeRow(place, True, cost, {bound: spent for bound, spent in seconds.items() if spent}))
        rows += lines if place in opened else []
    return rows


def sentence_of(row: TimeRow, peaks: Peaks | None) -> str:
    """`blocks.0.attn.q: 120 µs, 1.2M FLOP at 10.0G/s, 3.1 KiB at 1.2 MiB/s; memory-bound, at least 40 µs here`."""
    spent, moved = row.elapsed_s, row.cost.bytes_read + row.cost.bytes_written
    rates = f" at {count_text(row.cost.flops / spent)}/s, {bytes_text(moved)} at {bytes_text(moved / spent)}/s"
    said = f"{row.name}: {seconds_text(spent)}, {count_text(row.cost.flops)} FLOP{rates if spent else ''}"
    if peaks is None or row.is_place:
        return said
    bound = next(iter(row.seconds))
    why = "held up by overhead" if bound == "overhead" else f"{bound}-bound"
    return f"{said}; {why}, at least {seconds_text(peaks.least_s(row.cost))} here"


def peaks_text(peaks: Peaks) -> str:
    """`38.1 GFLOP/s, 9.3 GiB/s`."""
    count = count_text(peaks.flops_per_s)
    number = count.rstrip("kMGT")
    return f"{number} {count.removeprefix(number)}FLOP/s, {bytes_text(peaks.bytes_per_s)}/s"
