"""How figures look: two themes, one set of sizes, and the matplotlib settings that make a file the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from viewers import palette
from viewers.palette import RGB, hexed
from viewers.picture import Scale

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

STEPS = 256  # colours of a map
TITLE, LABEL, TICK, SMALL = 11.0, 8.5, 7.5, 6.5  # points
BEYOND_LATIN = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "PingFang SC", "Hiragino Sans", "Microsoft YaHei",
    "Malgun Gothic", "WenQuanYi Micro Hei", "Arial Unicode MS",
)  # fmt: skip
SHARES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)  # where a bar of shares may have a tick
ROUND = (1, 2, 2.5, 5, 10)  # steps between ticks, times a power of ten
CLOSEST_TICKS = 0.07  # of the length of a colour bar


@dataclass(frozen=True)
class Theme:
    """The colours of one kind of page. `absent` is a cell that holds no number."""

    paper: str
    ink: str
    muted: str
    faint: str
    absent: str
    sequential: tuple[RGB, ...]
    diverging: tuple[RGB, ...]
    series: tuple[str, ...]


LIGHT = Theme(
    "#ffffff", "#1b1d22", "#5c616b", "#e2e4e8", "#ffffff",
    palette.ON_PAPER, palette.DIVERGING_ON_PAPER, tuple(map(hexed, palette.SERIES_ON_PAPER)),
)  # fmt: skip
DARK = Theme(
    "#17181c", "#eceef2", "#a0a6b2", "#33363e", "#202227",
    palette.SEQUENTIAL, palette.DIVERGING, tuple(map(hexed, palette.SERIES)),
)  # fmt: skip


def theme_of(dark: bool) -> Theme:
    return DARK if dark else LIGHT


def colours(theme: Theme, kind: str) -> Colormap:
    """A map of `STEPS` colours: "sequential" or "diverging"; cells without a number get the theme's `absent`."""
    from matplotlib.colors import LinearSegmentedColormap

    anchors = theme.sequential if kind == "sequential" else theme.diverging
    made = LinearSegmentedColormap.from_list(kind, [hexed(colour) for colour in anchors], N=STEPS)
    return made.with_extremes(bad=theme.absent)


def norm_of(scale: Scale) -> Normalize:
    """The scale as matplotlib wants it."""
    from matplotlib.colors import Normalize, PowerNorm

    low, high = span_of(scale)
    return Normalize(low, high) if scale.power == 1 else PowerNorm(scale.power, low, high)


def span_of(scale: Scale) -> tuple[float, float]:
    """Both ends of a scale; one without a span gets one."""
    return scale.low, scale.high if scale.high > scale.low else scale.low + 1


def bar_ticks(scale: Scale) -> list[float]:
    """Values to write beside a colour bar: round ones, and the ends of a scale of shares; none too near another."""
    from matplotlib.ticker import MaxNLocator

    low, high = span_of(scale)
    if scale.power == 1:
        return [float(t) for t in MaxNLocator(5, steps=ROUND).tick_values(low, high) if low <= t <= high]
    kept: list[float] = []
    norm = norm_of(scale)
    for value in (scale.high, *(share for share in SHARES[::-1] if share < scale.high)):
        if not kept or float(norm(kept[-1]) - norm(value)) >= CLOSEST_TICKS:
            kept.append(value)
    return kept[::-1]


def tick_text(value: float) -> str:
    """A number beside an axis, as it is to four digits: 0.0015, 1,200, 5e−5; a true minus sign."""
    if value and not 1e-4 <= abs(value) < 1e7:
        text = f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e")
    else:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")


def settings_of(theme: Theme) -> dict[str, Any]:
    """matplotlib's settings while a figure is made and written. No text is ever read as a formula."""
    return {
        "text.parse_math": False,
        "text.usetex": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "minigpt",
        "image.composite_image": False,
        "font.family": ["sans-serif"],
        "font.sans-serif": list(families()),
        "font.size": TICK,
        "axes.titlesize": LABEL,
        "axes.titlelocation": "left",
        "axes.labelsize": LABEL,
        "axes.unicode_minus": True,
        "axes.formatter.use_mathtext": False,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.muted,
        "axes.labelcolor": theme.ink,
        "axes.titlecolor": theme.ink,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "figure.facecolor": theme.paper,
        "savefig.facecolor": "auto",
        "text.color": theme.ink,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.ink,
        "ytick.labelcolor": theme.ink,
        "xtick.labelsize": TICK,
        "ytick.labelsize": TICK,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.pad": 2.5,
        "ytick.major.pad": 2.5,
        "grid.color": theme.faint,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": TICK,
        "lines.linewidth": 1.2,
    }


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """The fonts to draw with: the one that comes with matplotlib, then what this machine has for other scripts."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in BEYOND_LATIN if name in installed))
