"""How surprising each token was, beside how surprised the model expected to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter

from engine.trace import Trace
from viewers.figures.charts import legend_above, note, plain
from viewers.figures.frame import Drawing, Look, Pick, footer_of, sheet
from viewers.figures.style import SMALL
from viewers.figures.ticks import token_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
CHANCES = ((1.0, "100%"), (0.5, "50%"), (0.1, "10%"), (0.01, "1%"), (1e-3, "0.1%"), (1e-4, "1e−4"), (1e-6, "1e−6"),
           (1e-9, "1e−9"), (1e-13, "1e−13"))  # fmt: skip
MOST_BARS = 200


@Drawing
def logprobs(trace: Trace, look: Look, pick: Pick) -> Figure:
    """Log-probability of each token, and the entropy before it."""
    surprise = -trace.token_logprobs
    expected = np.concatenate([[np.nan], trace.token_entropies[:-1]])  # what was foreseen stands at the token before
    there = np.isfinite(surprise)
    wide = min(max(0.17 * len(surprise), 5.2), 11.0)
    mean = f"; mean {float(surprise[there].mean()):.3f} nats" if there.any() else ""
    figure = sheet(look, "How surprising each token was",
                   f"−log p of the token; mark: entropy of the model's distribution just before it{mean}",
                   footer_of(trace), (wide + 1.2, 3.2))  # fmt: skip
    axes = figure.subplots()
    if not there.any():
        note(axes, "there is nothing to foresee before the second token", look.theme.muted)
        return figure
    plain(axes)
    draw = _bars if len(surprise) <= MOST_BARS else _lines
    draw(axes, surprise, expected, trace.about.prompt_length, look)
    axes.set(xlim=(-0.6, len(surprise) - 0.4), ylim=(0, max(float(np.nanmax([surprise, expected])) * 1.05, 0.1)))
    axes.set_ylabel("surprise, nats")
    token_axis(axes, "x", trace.about.texts, wide)
    _chances(axes)
    legend_above(axes)
    return figure


def _bars(axes: Axes, surprise: Array, expected: Array, prompt: int, look: Look) -> None:
    at, series = np.arange(len(surprise)), look.theme.series
    for part, colour, name in ((at < prompt, series[0], "given"), (at >= prompt, series[1], "generated")):
        if part.any():
            axes.bar(at[part], np.nan_to_num(surprise[part]), width=0.72, color=colour, label=name)
    axes.plot(at, expected, linestyle="", marker="_", markersize=7, markeredgewidth=1.4, color=look.theme.ink,
              label="entropy before it")  # fmt: skip


def _lines(axes: Axes, surprise: Array, expected: Array, prompt: int, look: Look) -> None:
    at, series = np.arange(len(surprise)), look.theme.series
    for part, colour, name in ((at < prompt, series[0], "given"), (at >= prompt, series[1], "generated")):
        if part.any():
            axes.vlines(at[part], 0, np.nan_to_num(surprise[part]), colors=colour, linewidth=0.7, label=name)
    axes.plot(at, expected, color=look.theme.muted, linewidth=0.6, zorder=1, label="entropy before it")


def _chances(axes: Axes) -> None:
    """At the right, the probabilities that the surprises stand for."""
    right = axes.secondary_yaxis("right")
    reach = axes.get_ylim()[1]
    shown: list[tuple[float, str]] = []
    for chance, text in CHANCES:
        nats = -float(np.log(chance)) + 0.0
        if nats <= reach and (not shown or nats - shown[-1][0] >= reach / 12):
            shown.append((nats, text))
    right.yaxis.set_major_locator(FixedLocator([nats for nats, _ in shown]))
    texts = dict(shown)
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: texts.get(value, "")))
    right.tick_params(length=0, labelsize=SMALL)
    right.spines["right"].set_visible(False)
    right.set_ylabel("probability")
