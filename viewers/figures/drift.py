"""How two passes drift apart: the relative difference at each place along the residual stream, and per token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.text import visible
from viewers.figures.charts import note, plain, powers_axis
from viewers.figures.frame import Look, drawn, sheet, written
from viewers.figures.style import SMALL, TICK
from viewers.figures.ticks import token_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
FLOOR = 1e-9  # what is nearer than this, or equal, stands on the ground


def drift_png_or_svg(
    places: Sequence[str], relative: Sequence[float], threshold: float, look: Look, title: str, footer: str,
    divergences: Sequence[float] = (), texts: Sequence[str] = (),
) -> bytes:  # fmt: skip
    """The file of `drift_figure`."""
    return written(drift_figure(places, relative, threshold, look, title, footer, divergences, texts), look)


def drift_figure(
    places: Sequence[str], relative: Sequence[float], threshold: float, look: Look, title: str, footer: str,
    divergences: Sequence[float] = (), texts: Sequence[str] = (),
) -> Figure:  # fmt: skip
    """Drift along the stream, and below it the divergence of the predictions at each token, if given.

    places, relative   addresses in the order of the pass, and max |a - b| / max |a| at each
    divergences        KL(A || B) after each token, nats, and the tokens' texts
    """
    return drawn(look, lambda: _draw(places, relative, threshold, look, title, footer, divergences, texts))


def _draw(
    places: Sequence[str], relative: Sequence[float], threshold: float, look: Look, title: str, footer: str,
    divergences: Sequence[float], texts: Sequence[str],
) -> Figure:  # fmt: skip
    values = np.asarray(relative, dtype=np.float64)
    over = [i for i, value in enumerate(values) if not value <= threshold]
    said = f"first over {threshold:g}: {visible(places[over[0]])}" if over else f"nothing is over {threshold:g}"
    said += "; what is equal stands at 1e−9" if (values == 0).any() else ""
    figure = sheet(look, title, said, visible(footer), (8.6, 5.2 if len(divergences) else 3.4))
    grid = figure.subplots(2 if len(divergences) else 1, 1, squeeze=False)[:, 0]
    if not len(values):
        note(grid[0], "no place could be compared", look.theme.muted)
    else:
        _along(grid[0], places, values, threshold, over, look)
    if len(divergences):
        _tokens(grid[1], np.asarray(divergences, dtype=np.float64), texts, look)
    return figure


def _along(axes: Axes, places: Sequence[str], values: Array, threshold: float, over: list[int], look: Look) -> None:
    theme = look.theme
    plain(axes)
    axes.set_yscale("log")
    drawn_at = np.maximum(np.where(np.isfinite(values), values, np.nan), FLOOR)
    axes.axhline(threshold, color=theme.muted, linestyle="--", linewidth=0.9)
    axes.text(0.995, threshold, f"threshold {threshold:g}".replace("-", "−"), transform=axes.get_yaxis_transform(),
              size=SMALL, color=theme.muted, ha="right", va="bottom")  # fmt: skip
    axes.plot(drawn_at, color=theme.series[0], marker="o", markersize=3.5)
    if over:
        axes.plot(over[0], drawn_at[over[0]], marker="o", markersize=8, markerfacecolor="none",
                  markeredgecolor=theme.series[1], markeredgewidth=1.4)  # fmt: skip
    powers_axis(axes.yaxis, [*drawn_at, threshold])
    token_axis(axes, "x", [place.replace("blocks.", "") for place in places], 7.0)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_ylabel("largest difference, relative")


def _tokens(axes: Axes, divergences: Array, texts: Sequence[str], look: Look) -> None:
    plain(axes)
    at = np.arange(len(divergences))
    axes.bar(at, np.nan_to_num(divergences), width=0.72 if len(at) <= 200 else 1.0, color=look.theme.series[0])
    axes.set(xlim=(-0.6, len(at) - 0.4), ylim=(0, max(float(np.nanmax(divergences, initial=0)) * 1.05, 1e-6)))
    axes.set_ylabel("KL(A ‖ B) after it, nats", size=TICK)
    token_axis(axes, "x", texts or [""] * len(at), 7.5)
