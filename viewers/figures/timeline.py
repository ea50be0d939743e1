"""Where the time of a pass goes: every operation in the row of its layer, coloured by what bounds it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.machine_peaks import Bound, Peaks, bound_of, known_peaks
from engine.memory import place_of
from engine.trace import Trace, TraceRow
from viewers.figures.charts import legend_above, note, plain
from viewers.figures.frame import Drawing, Look, Pick, drawn, footer_of, sheet
from viewers.figures.memory import short
from viewers.figures.style import SMALL, Theme, tick_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, BAR = 0.24, 0.19  # inches, of one place and of one operation
NAMES: dict[Bound, str] = {
    "compute": "bound by arithmetic",
    "memory": "bound by memory traffic",
    "overhead": "neither: overhead of the call",
}
MOST_OPS = 12
FEW_FLOPS = 100_000  # lines below tell nothing about rates
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


@Drawing
def inference_timeline(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Time of each operation, and what bounds it on this machine."""
    return timeline_against(trace, look, known_peaks())


def timeline_figure(trace: Trace, look: Look, peaks: Peaks) -> Figure:
    """The same, against rates that are given."""
    return drawn(look, lambda: timeline_against(trace, look, peaks))


def timeline_against(trace: Trace, look: Look, peaks: Peaks) -> Figure:
    timed = [row for row in trace.rows if row.elapsed_s is not None]
    for row in timed:
        peaks = peaks.raised(row.cost, row.elapsed_s or 0) if row.cost.flops > FEW_FLOPS else peaks
    places = list(dict.fromkeys(place_of(row.address) for row in timed))
    ops = _by_op(timed, peaks)
    unit, symbol = unit_for(sum(row.elapsed_s or 0 for row in timed))
    high, low = max(ROW * len(places), 1.0), BAR * max(len(ops), 3)
    said = (f"peaks of this machine: {tick_text(float(f'{peaks.flops_per_s / 1e9:.3g}'))} GFLOP/s, "
            f"{tick_text(float(f'{peaks.bytes_per_s / 1e9:.3g}'))} GB/s")  # fmt: skip
    total = f"{tick_text(float(f'{sum(row.elapsed_s or 0 for row in timed) / unit:.3g}'))} {symbol}"
    figure = sheet(look, f"Where the time of a pass goes: {total}" if timed else "Where the time of a pass goes",
                   f"one pass, line by line; {said}", footer_of(trace), (8.6, high + low + 1.5))  # fmt: skip
    if not timed:
        note(figure.subplots(), "no line was timed", look.theme.muted)
        return figure
    course, table = figure.subplots(2, 1, height_ratios=(high, low))
    _course(course, timed, places, peaks, unit, look.theme)
    course.set_xlabel(f"time since the pass began, {symbol}")
    _table(table, ops, unit, look.theme)
    table.set_xlabel(f"sum over the pass, {symbol}")
    return figure


def colours_of(theme: Theme) -> dict[Bound, str]:
    return {"compute": theme.series[0], "memory": theme.series[1], "overhead": theme.muted}


def unit_for(seconds: float) -> tuple[float, str]:
    """The unit, in seconds and by its sign, in which a time is a number of at least 1."""
    return next(((size, sign) for size, sign in UNITS if seconds >= size), UNITS[-1])


def _course(axes: Axes, rows: list[TraceRow], places: list[str], peaks: Peaks, unit: float, theme: Theme) -> None:
    """A block per operation; lighter lines between them only where there is room."""
    plain(axes, "x")
    spans: dict[Bound, dict[str, list[tuple[float, float]]]] = {bound: defaultdict(list) for bound in NAMES}
    start = 0.0
    for row in rows:
        lasts = (row.elapsed_s or 0) / unit
        spans[bound_of(row.cost, peaks, row.elapsed_s)][place_of(row.address)].append((start, lasts))
        start += lasts
    for bound, by_place in spans.items():
        for i, place in enumerate(places):
            if by_place[place]:
                axes.broken_barh(by_place[place], (i - 0.36, 0.72), facecolor=colours_of(theme)[bound],
                                 edgecolor=theme.paper, linewidth=0.3)  # fmt: skip
        if by_place:
            axes.bar(0, 0, color=colours_of(theme)[bound], label=NAMES[bound])
    axes.set_yticks(range(len(places)), [short(place) for place in places])
    axes.set(ylim=(len(places) - 0.4, -0.6), xlim=(0, start or 1))
    legend_above(axes)


def _by_op(rows: list[TraceRow], peaks: Peaks) -> list[tuple[str, dict[Bound, float], int]]:
    """(operation, seconds by bound, how often), the longest first; what is beyond `MOST_OPS` is summed up as one."""
    sums: dict[str, dict[Bound, float]] = defaultdict(lambda: dict.fromkeys(NAMES, 0.0))
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row.op][bound_of(row.cost, peaks, row.elapsed_s)] += row.elapsed_s or 0
        counts[row.op] += 1
    order = sorted(sums, key=lambda op: -sum(sums[op].values()))
    listed = [(op, sums[op], counts[op]) for op in order[:MOST_OPS]]
    if rest := order[MOST_OPS:]:
        together = {bound: sum(sums[op][bound] for op in rest) for bound in NAMES}
        listed.append((f"{len(rest)} others", together, sum(counts[op] for op in rest)))
    return listed


def _table(axes: Axes, ops: list[tuple[str, dict[Bound, float], int]], unit: float, theme: Theme) -> None:
    plain(axes, "x")
    left = np.zeros(len(ops))
    for bound in NAMES:
        lasts = np.array([sums[bound] / unit for _, sums, _ in ops])
        axes.barh(range(len(ops)), lasts, left=left, height=0.68, color=colours_of(theme)[bound],
                  edgecolor=theme.paper, linewidth=0.3)  # fmt: skip
        left += lasts
    axes.set_yticks(range(len(ops)), [f"{op} × {count}" for op, _, count in ops], size=SMALL)
    axes.set(ylim=(len(ops) - 0.4, -0.6), xlim=(0, float(left.max()) * 1.02 or 1))
    axes.set_title("by operation", pad=4)
