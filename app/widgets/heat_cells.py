"""A matrix of levels as terminal cells: how large each is drawn, and the segments it is drawn with.

A character is twice as high as wide, so its upper and lower half are two square dots (`▀`, with two colours). A
picture is drawn in units of such half lines.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from rich.segment import Segment
from rich.style import Style

from viewers.palette import ABSENT, LEVELS, hexed, levels, readable_on

Array = np.ndarray
CURSOR = 254
CURSOR_COLOUR = (240, 60, 120)


class Fit(NamedTuple):
    """How a matrix is drawn: one cell is `wide` characters by `high` half lines; `digits` writes the numbers in."""

    wide: int
    high: int
    digits: bool = False


def fit(rows: int, columns: int, width: int, height: int, *, square: bool, number: int, whole: bool = False) -> Fit:
    """The largest cells that let a matrix fit into `width` characters and `height` lines.

    number   characters one number needs; numbers are written where all of them fit
    whole    never draw two rows in one line (for signs in a screen without colour)
    """
    if columns * number <= width and rows <= height:
        return Fit(min(width // columns, number + 2), 4 if rows * 2 <= height and rows <= 6 else 2, True)
    wide, high = max(1, width // max(1, columns)), max(1, 2 * height // max(1, rows))
    if square:
        side = min(wide, high)
        wide = high = 4 if side >= 4 else 2 if side >= 2 else 1
    else:
        wide, high = min(wide, 8), 4 if high >= 4 else 2 if high >= 2 else 1
    return Fit(wide, max(high, 2) if whole else high)


@lru_cache(maxsize=1 << 15)
def half(kind: str, top: int, bottom: int, width: int, ground: str) -> Segment:
    """`width` characters whose upper half has one level and whose lower half another."""
    upper, lower = _colour(kind, top, ground), _colour(kind, bottom, ground)
    if upper == lower:
        return Segment(" " * width, Style(bgcolor=upper))
    return Segment("▀" * width, Style(color=upper, bgcolor=lower))


@lru_cache(maxsize=1 << 15)
def full(kind: str, level: int, text: str, ground: str, mark: bool = False) -> Segment:
    """A cell of one level with a number, a sign or blanks in it; `mark` shows that the cursor is here."""
    if level == ABSENT:
        return Segment(text, Style(bgcolor=ground, reverse=mark))
    colour = CURSOR_COLOUR if mark else levels(kind)[min(level, LEVELS - 1)]
    return Segment(text, Style(color=hexed(readable_on(colour)), bgcolor=hexed(colour), bold=mark))


def lines(
    kind: str,
    cells: Array,
    at: Fit,
    height: int,
    ground: str,
    *,
    text: Callable[[int, int], str] = lambda row, column: "",
    cursor: tuple[int, int] = (-1, -1),
) -> list[list[Segment]]:
    """The picture, one list of segments per line, at most `height` of them.

    cells   (R, C) levels          text   what stands in a cell of full height (its first line)
    cursor  (-1, -1) for none
    """
    count = cells.shape[0]
    total = min(height, -(-count * at.high // 2))
    if at.high == 1:
        marked = cells.copy()
        if 0 <= cursor[0] < count:
            marked[cursor] = CURSOR
        blank = np.full(cells.shape[1], ABSENT, np.uint8)
        return [
            _halves(kind, marked[2 * y], marked[2 * y + 1] if 2 * y + 1 < count else blank, at.wide, ground)
            for y in range(total)
        ]
    found = []
    for y in range(total):
        row, first = divmod(2 * y, at.high)
        columns = range(cells.shape[1])
        words = [text(row, c) if first == 0 else "" for c in columns]
        found.append(
            [full(kind, int(cells[row, c]), words[c].center(at.wide), ground, (row, c) == cursor) for c in columns]
        )
    return found


def _halves(kind: str, top: Array, bottom: Array, wide: int, ground: str) -> list[Segment]:
    segments, start = [], 0
    pairs = list(zip(top.tolist(), bottom.tolist(), strict=True))
    for c in range(1, len(pairs) + 1):
        if c == len(pairs) or pairs[c] != pairs[start]:
            segments.append(half(kind, *pairs[start], (c - start) * wide, ground))
            start = c
    return segments


def _colour(kind: str, level: int, ground: str) -> str:
    if level == ABSENT:
        return ground
    return hexed(CURSOR_COLOUR) if level == CURSOR else hexed(levels(kind)[level])


def legend(kind: str, width: int, no_colour: bool) -> list[Segment]:
    """The colour map itself, `width` characters from its low to its high end."""
    steps = [round(i * (LEVELS - 1) / max(1, width - 1)) for i in range(width)]
    signs = [("-" if s < LEVELS // 2 else "+") if no_colour and kind == "diverging" else " " for s in steps]
    return [full(kind, s, sign, "#000000") for s, sign in zip(steps, signs, strict=True)]
