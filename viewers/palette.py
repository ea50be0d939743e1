"""Colours of numbers, decided once for every screen.

Both maps are safe for colour-blind eyes. The sequential one grows lighter all the way, so it survives a monochrome
screen; the diverging one is equally light at both ends, so a screen without colour must add the sign in writing.
"""

from __future__ import annotations

from functools import lru_cache

RGB = tuple[int, int, int]

LEVELS = 33
"""How many steps a map has on screen: odd, so that a diverging map has a middle."""

ABSENT = 255
"""The level of a cell that holds no number: masked, not computed, not kept."""

SEQUENTIAL: tuple[RGB, ...] = (
    (16, 18, 48),
    (38, 54, 112),
    (36, 98, 136),
    (58, 144, 128),
    (134, 186, 96),
    (252, 240, 160),
)
DIVERGING: tuple[RGB, ...] = ((122, 190, 255), (52, 120, 200), (38, 42, 54), (204, 112, 30), (255, 190, 96))

ON_PAPER: tuple[RGB, ...] = (
    (240, 243, 228),
    (196, 224, 178),
    (112, 184, 158),
    (44, 132, 156),
    (38, 78, 140),
    (16, 20, 62),
)
"""The sequential map for white paper. It grows darker all the way, so that small numbers do not flood it with ink."""

DIVERGING_ON_PAPER: tuple[RGB, ...] = ((20, 72, 140), (104, 160, 212), (247, 246, 243), (232, 152, 76), (150, 68, 8))

SERIES: tuple[RGB, ...] = ((112, 178, 242), (242, 160, 84), (92, 204, 164), (204, 156, 226), (236, 212, 104))
SERIES_ON_PAPER: tuple[RGB, ...] = ((31, 95, 168), (200, 92, 20), (22, 126, 98), (124, 70, 150), (140, 110, 10))
"""Colours of lines and bars, in order; told apart by lightness too, and beside them always by name, marker or place."""


def sequential(t: float) -> RGB:
    """The colour of a fraction: 0 dark blue, 1 light yellow."""
    return _between(SEQUENTIAL, t)


def diverging(t: float) -> RGB:
    """The colour of a signed fraction: -1 light blue, 0 dark, 1 light orange."""
    return _between(DIVERGING, (t + 1) / 2)


@lru_cache(maxsize=4)
def levels(kind: str) -> tuple[RGB, ...]:
    """All colours of one map, in order; `kind` is "sequential" or "diverging", alone or with " on paper"."""
    anchors = {
        "sequential": SEQUENTIAL, "diverging": DIVERGING,
        "sequential on paper": ON_PAPER, "diverging on paper": DIVERGING_ON_PAPER,
    }[kind]  # fmt: skip
    return tuple(_between(anchors, i / (LEVELS - 1)) for i in range(LEVELS))


def blend(a: RGB, b: RGB, t: float) -> RGB:
    """A colour `t` of the way from a to b."""
    t = min(max(t, 0.0), 1.0)
    return (round(a[0] + (b[0] - a[0]) * t), round(a[1] + (b[1] - a[1]) * t), round(a[2] + (b[2] - a[2]) * t))


def luminance(colour: RGB) -> float:
    """How light a colour is to the eye, 0 to 1 (WCAG 2 relative luminance)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable_on(colour: RGB) -> RGB:
    """Black or white, whichever reads better on this colour."""
    light = luminance(colour)
    return (0, 0, 0) if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else (255, 255, 255)


def hexed(colour: RGB) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _between(anchors: tuple[RGB, ...], t: float) -> RGB:
    place = min(max(t, 0.0), 1.0) * (len(anchors) - 1)
    i = min(int(place), len(anchors) - 2)
    return blend(anchors[i], anchors[i + 1], place - i)
