"""Which panel of the Compare screen stands where, for any size of terminal."""

from __future__ import annotations

from app.screens.arrangement import Arrangement, Place

COMPARE_PANELS = ("texts", "tokens", "drift", "curve", "values", "lanes")
"""Every panel, in the order in which Tab visits them."""


def arrange_comparing(width: int, height: int, figure_lines: int, maximised: bool = False) -> Arrangement:
    """80x24 shows the text and one more panel with tabs; 120x36 four places; 200x60 all panels.

    figure_lines  how many lines the figures need at this width
    """
    figures = min(figure_lines, 3) if height >= 16 else 1 if height >= 8 else 0
    crumb, status, keys = int(height >= 14), int(height >= 10), int(height >= 4)
    top = figures + crumb
    room = max(1, height - top - status - keys)
    if maximised or room < 13:
        places = [Place(COMPARE_PANELS, 0, top, width, room)]
    elif width < 100 or room < 24:
        places = [Place(("texts",), 0, top, width, 6), Place(COMPARE_PANELS[1:], 0, top + 6, width, room - 6)]
    elif width < 170 or room < 40:
        places = _four(width, top, room)
    else:
        places = _six(width, top, room)
    return Arrangement(figures, crumb, status, keys, tuple(places))


def _four(width: int, top: int, room: int) -> list[Place]:
    """The values below, over the whole width: they are three pictures."""
    left, low = (width - 1) * 54 // 100, room * 46 // 100
    high, right, x = room - low, width - left - 1, left + 1
    text = max(6, high * 42 // 100)
    return [
        Place(("drift",), 0, top, left, high),
        Place(("texts", "tokens"), x, top, right, text),
        Place(("curve", "lanes"), x, top + text, right, high - text),
        Place(("values",), 0, top + high, width, low),
    ]


def _six(width: int, top: int, room: int) -> list[Place]:
    left = (width - 2) * 34 // 100
    middle = (width - 2) * 36 // 100
    right = width - 2 - left - middle
    low = room * 46 // 100
    high = room - low
    text, curve = high * 40 // 100, high * 50 // 100
    x, z = left + 1, left + middle + 2
    return [
        Place(("texts",), 0, top, left, text),
        Place(("tokens",), 0, top + text, left, high - text),
        Place(("drift",), x, top, middle, high),
        Place(("curve",), z, top, right, curve),
        Place(("lanes",), z, top + curve, right, high - curve),
        Place(("values",), 0, top + high, width, low),
    ]
