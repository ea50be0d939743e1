"""Which panel of the Train screen stands where, for any size of terminal."""

from __future__ import annotations

from app.screens.arrangement import Arrangement, Place

TRAIN_PANELS = ("run", "curves", "layers", "sample", "pinned")
"""Every panel, in the order in which Tab visits them."""


def arrange_training(width: int, height: int, figure_lines: int, maximised: bool = False) -> Arrangement:
    """80x24 shows one panel with tabs; 120x36 four places; 200x60 all panels.

    figure_lines  how many lines the figures need at this width
    """
    figures = min(figure_lines, 3) if height >= 16 else 1 if height >= 8 else 0
    crumb, status, keys = int(height >= 14), int(height >= 10), int(height >= 4)
    top = figures + crumb
    room = max(1, height - top - status - keys)
    if maximised or width < 100 or room < 24:
        places = [Place(TRAIN_PANELS, 0, top, width, room)]
    elif width < 170 or room < 40:
        places = _four(width, top, room)
    else:
        places = _five(width, top, room)
    return Arrangement(figures, crumb, status, keys, tuple(places))


def _four(width: int, top: int, room: int) -> list[Place]:
    left, upper, high = (width - 1) * 55 // 100, room * 50 // 100, room * 62 // 100
    right, x = width - left - 1, left + 1
    return [
        Place(("curves",), 0, top, left, upper),
        Place(("run", "layers"), 0, top + upper, left, room - upper),
        Place(("pinned",), x, top, right, high),
        Place(("sample",), x, top + high, right, room - high),
    ]


def _five(width: int, top: int, room: int) -> list[Place]:
    left = (width - 2) * 30 // 100
    middle = (width - 2) * 36 // 100
    right = width - 2 - left - middle
    run, half = 18, room * 55 // 100
    x, z = left + 1, left + middle + 2
    return [
        Place(("run",), 0, top, left, run),
        Place(("layers",), 0, top + run, left, room - run),
        Place(("curves",), x, top, middle, half),
        Place(("sample",), x, top + half, middle, room - half),
        Place(("pinned",), z, top, right, room),
    ]
