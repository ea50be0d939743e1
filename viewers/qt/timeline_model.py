"""What the timeline shows, without Qt: places and lines as bars by what bounds them, and lines under the roofs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.analysis.machine_peaks import Peaks
from engine.snapshot import ListingRow, Stepping
from viewers.actions import key_of
from viewers.numbers import count_text, seconds_text
from viewers.qt.bar_row import BarRow
from viewers.timing import BOUNDS, TimeRow, bound_at, peaks_text, sentence_of, time_rows

KNOWN = tuple(filter(None, BOUNDS))  # what bounds a line, where the peaks are known
PLAIN = ("time of this stepped run",)


def empty() -> str:
    """What stands there before a line was stepped, with the keys that step it as they are now."""
    return f"No time was measured yet: {key_of('run')} runs the pass, {key_of('step')} steps it."


def timed(stepping: Stepping | None) -> list[ListingRow]:
    """The lines that were done, and so measured."""
    return [row for row in stepping.rows if row.elapsed_s is not None] if stepping else []


def bar_rows(found: Sequence[TimeRow], peaks: Peaks | None, opened: frozenset[str]) -> list[BarRow]:
    """One bar for each place and each line of those that are open; its parts are seconds by what bounds them."""
    return [_bar(row, peaks, opened) for row in found]


def _bar(row: TimeRow, peaks: Peaks | None, opened: frozenset[str]) -> BarRow:
    fold = ("▾ " if row.name in opened else "▸ ") if row.is_place else "      "
    parts = tuple(row.seconds.get(bound, 0.0) for bound in (KNOWN if peaks else ("",)))
    number = f"{seconds_text(row.elapsed_s)}   {count_text(row.cost.flops)} FLOP"
    return BarRow(fold + row.label, parts, number, sentence_of(row, peaks))


def legend(lines: Sequence[ListingRow], peaks: Peaks | None) -> tuple[str, ...]:
    """What bounds the lines, each with the sum of its seconds."""
    if peaks is None:
        return PLAIN
    spent = {bound: sum(row.elapsed_s or 0 for row in lines if bound_at(row, peaks) == bound) for bound in KNOWN}
    return tuple(f"{bound} {seconds_text(seconds)}" for bound, seconds in spent.items())


def summary(stepping: Stepping | None, peaks: Peaks | None) -> str:
    """How many lines took how long, and what the machine could do."""
    lines = timed(stepping)
    if stepping is None or not lines:
        return empty()
    spent = seconds_text(sum(row.elapsed_s or 0 for row in lines))
    said = f"{len(lines)} of {len(stepping.rows)} lines took {spent}, stepped one at a time ({stepping.what})"
    return f"{said}; this machine's peaks: {peaks_text(peaks)}" if peaks else said


class Point(NamedTuple):
    """A line under the roofs: FLOP per byte moved, and FLOP per second that it reached."""

    intensity: float
    flops_per_s: float
    bound: str
    sentence: str


def roof_points(lines: Sequence[ListingRow], peaks: Peaks) -> list[Point]:
    """Every line that computes something and moves something; the others have no place there."""
    points = []
    for row in lines:
        moved = row.cost.bytes_read + row.cost.bytes_written
        if row.cost.flops and moved and row.elapsed_s:
            bound = bound_at(row, peaks)
            words = sentence_of(TimeRow(row.address, False, row.cost, {bound: row.elapsed_s}), peaks)
            points.append(Point(row.cost.flops / moved, row.cost.flops / row.elapsed_s, bound, words))
    return points


def roofs(points: Sequence[Point], peaks: Peaks) -> tuple[np.ndarray, np.ndarray]:
    """The most that a line of so many FLOP per byte can reach, (n,) each: memory's slope, then arithmetic's ceiling."""
    ridge = peaks.flops_per_s / peaks.bytes_per_s
    low = min([ridge / 10, *(point.intensity for point in points)]) / 1.5
    high = max([ridge * 10, *(point.intensity for point in points)]) * 1.5
    across = np.array([low, ridge, high])
    return across, np.minimum(peaks.flops_per_s, across * peaks.bytes_per_s)


def rows_of(stepping: Stepping | None, peaks: Peaks | None, opened: frozenset[str]) -> list[TimeRow]:
    """What the list shows, from top to bottom."""
    return time_rows(timed(stepping), peaks, opened)
