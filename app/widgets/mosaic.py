"""Many small square pictures side by side: how large they can be, the levels of all of them as one, and which is where.

Everything is in dots, half the height of a character: a picture is `side` dots high and wide, one dot from the next.
The dots around the chosen one are its frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from app.widgets.heat_cells import CURSOR
from viewers.palette import ABSENT

Array = np.ndarray
LEAST = 4  # dots; rather than smaller pictures, fewer are shown


class Tiles(NamedTuple):
    """A grid of pictures. `titled`: a line of titles stands above each row of them."""

    down: int
    across: int
    side: int
    titled: bool = False

    @property
    def pitch(self) -> int:
        """Dots from one picture to the next."""
        return self.side + 1

    @property
    def lines(self) -> int:
        """Lines of one row of pictures with its title, or of all rows where they have none."""
        dots = self.pitch * (1 if self.titled else self.down) + 1
        return self.titled + -(-dots // 2)

    def at(self, x: int, y: int) -> tuple[int, int] | None:
        """Which picture a character belongs to; None outside."""
        row = y // self.lines if self.titled else (2 * y) // self.pitch
        column = x // self.pitch
        return (row, column) if 0 <= row < self.down and 0 <= column < self.across else None


def wall_tiles(layers: int, heads: int, width: int, lines: int) -> Tiles:
    """Layers down, heads across, as large as they go; as many of them as can be seen."""
    dots = 2 * lines
    side = max(LEAST, min((width - 1) // heads, (dots - 1) // layers) - 1)
    return Tiles(fitting(layers, dots, side), fitting(heads, width, side), side)


def layer_tiles(heads: int, width: int, lines: int) -> Tiles:
    """The heads of one layer in as many rows as make them largest."""

    def tiles(across: int) -> Tiles:
        down = -(-heads // across)
        side = min((width - 1) // across - 1, 2 * (lines // down - 1) - 2)
        return Tiles(down, across, side, True)

    best = max(map(tiles, range(1, heads + 1)), key=lambda found: found.side)
    if best.side >= LEAST:
        return best
    down = max(1, lines // Tiles(1, 1, LEAST, True).lines)
    return Tiles(down, fitting(heads, width, LEAST), LEAST, True)


def fitting(count: int, dots: int, side: int) -> int:
    """How many of `count` pictures stand side by side."""
    return max(1, min(count, (dots - 1) // (side + 1)))


def first_shown(chosen: int, count: int, shown: int) -> int:
    """The first of `shown` that are seen of `count`, so that the chosen one is in their middle or as near as can be."""
    return max(0, min(chosen - shown // 2, count - shown))


def reduced(values: Array, side: int) -> tuple[Array, int]:
    """(N, T, T) as (N, s, s), s <= side, up to how many rows and columns a dot stands for: it shows their largest."""
    size = values.shape[-1]
    if size <= side:
        return values, 1
    starts = np.arange(side) * size // side  # not all alike, so that the picture fills its place
    return np.fmax.reduceat(np.fmax.reduceat(values, starts, axis=2), starts, axis=1), -(-size // side)


def canvas(pictures: Array, level: Callable[[Array], Array], tiles: Tiles, chosen: tuple[int, int] | None) -> Array:
    """Levels of a whole grid, uint8, from the reduced numbers (R, C, s, s) of its pictures."""
    down, across, size, _ = pictures.shape
    zoom = max(1, tiles.side // size)
    drawn = np.repeat(np.repeat(level(pictures), zoom, axis=2), zoom, axis=3)
    out = np.full((down * tiles.pitch + 1, across * tiles.pitch + 1), ABSENT, np.uint8)
    for row in range(down):
        for column in range(across):
            y, x = row * tiles.pitch, column * tiles.pitch
            if (row, column) == chosen:
                out[y : y + tiles.pitch + 1, x : x + tiles.pitch + 1] = CURSOR
                out[y + 1 : y + tiles.pitch, x + 1 : x + tiles.pitch] = ABSENT
            out[y + 1 :, x + 1 :][: size * zoom, : size * zoom] = drawn[row, column]
    return out
