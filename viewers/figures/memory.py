"""Where the bytes are: what a pass holds at each operation, with its peak, and what each layer needs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.readings import PlaceMemory, memory_by_line, memory_by_place
from engine.memory import place_of
from engine.trace import Trace
from viewers.figures.charts import bytes_axis, bytes_text, legend_above, plain
from viewers.figures.frame import Drawing, Look, Pick, footer_of, sheet
from viewers.figures.style import TICK, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
FLOAT_BYTES = 4
LETTER = 0.0085  # of the width, of one letter
ROW = 0.24  # inches, of one layer


@Drawing
def memory_log(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Memory: what each operation holds, and what each layer needs."""
    held = memory_by_line(trace.rows)
    places = memory_by_place(trace.rows)
    peak = trace.rows[int(held.argmax())]
    high = min(max(ROW * len(places), 1.2), 6.0)
    figure = sheet(look, "Memory of one pass", f"activations peak at {bytes_text(held.max())} in {peak.address}",
                   footer_of(trace), (8.6, 2.4 + high + 1.0))  # fmt: skip
    course, stack = figure.subplots(2, 1, height_ratios=(2.4, high))
    _course(course, held, [place_of(row.address) for row in trace.rows], look.theme)
    _stack(stack, places, cache_bytes(trace), trace.settings.kv_cache, look.theme)
    return figure


def cache_bytes(trace: Trace) -> tuple[int, ...]:
    """Per layer, float32 keys and values of this text's tokens: of those that the layer's window still sees."""
    about = trace.about
    seen = (min(window or len(trace.tokens), len(trace.tokens)) for window in about.windows)
    return tuple(2 * FLOAT_BYTES * about.kv_heads * about.head_size * tokens for tokens in seen)


def _course(axes: Axes, held: Array, places: list[str], theme: Theme) -> None:
    """Bytes over the lines of the pass; a tick where a block begins."""
    plain(axes)
    lines = np.arange(len(held))
    axes.fill_between(lines, held, step="mid", color=theme.series[0], alpha=0.35, linewidth=0)
    axes.step(lines, held, where="mid", color=theme.series[0], linewidth=1.0)
    top, peak = int(held.max()), int(held.argmax())
    axes.plot([peak], [top], marker="v", color=theme.series[1], markersize=5, zorder=3)
    side, gap = ("left", 6) if peak < len(held) / 2 else ("right", -6)
    axes.annotate(f"peak {bytes_text(top)}", (peak, top), (gap, 3), textcoords="offset points", ha=side, va="bottom",
                  size=TICK, color=theme.series[1])  # fmt: skip
    _name_spans(axes, places, theme)
    bytes_axis(axes.yaxis, top)
    axes.set(xlim=(-0.5, len(held) - 0.5), ylim=(0, top * 1.16 or 1))
    axes.set_title("activations held while each operation runs, without stepping", pad=4)


def _name_spans(axes: Axes, places: list[str], theme: Theme) -> None:
    """A faint line where a place begins, and its name in its middle, where there is room."""
    starts = [i for i in range(len(places)) if i == 0 or places[i] != places[i - 1]]
    spans = [(a, b, short(places[a])) for a, b in pairwise([*starts, len(places)])]
    axes.vlines(
        [a - 0.5 for a in starts[1:]], 0, 1, transform=axes.get_xaxis_transform(), colors=theme.faint, linewidth=0.6
    )
    shown: list[tuple[float, str]] = []
    for a, b, name in spans:
        middle, needs = (a + b - 1) / 2, len(places) * LETTER * (len(name) + 1)
        if b - a >= needs * 0.9 or (name.startswith("layer") and (not shown or middle - shown[-1][0] >= needs)):
            shown.append((middle, name))
    axes.set_xticks([at for at, _ in shown], [name for _, name in shown])
    axes.grid(visible=False, axis="x")


def _stack(axes: Axes, places: tuple[PlaceMemory, ...], cache: tuple[int, ...], has_cache: bool, theme: Theme) -> None:
    """A bar per place: weights, then the cache, then the activations at their peak there."""
    plain(axes, "x")
    rows = np.arange(len(places))
    by_name = {f"blocks.{i}": size for i, size in enumerate(cache)} if has_cache else {}
    parts = [
        ("weights", [place.weight_bytes for place in places], theme.series[0], ""),
        ("cache of these tokens", [by_name.get(place.name, 0) for place in places], theme.series[2], "////"),
        ("activations, at their peak there", [place.needed_bytes for place in places], theme.series[1], ""),
    ]
    left = np.zeros(len(places))
    for name, sizes, colour, hatch in parts:
        if any(sizes):
            axes.barh(rows, sizes, left=left, height=0.68, color=colour, label=name, hatch=hatch,
                      edgecolor=theme.paper, linewidth=0.4)  # fmt: skip
        left = left + np.array(sizes)
    axes.set_yticks(rows, [short(place.name) for place in places])
    bytes_axis(axes.xaxis, float(left.max()))
    axes.set(ylim=(len(places) - 0.4, -0.6), xlim=(0, float(left.max()) * 1.02 or 1))
    axes.set_title("per layer", pad=4)
    legend_above(axes)


def short(place: str) -> str:
    """`layer 3` of `blocks.3`."""
    return place.replace("blocks.", "layer ")
