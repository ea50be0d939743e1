"""Which panel stands where, for any size of terminal; panels that share a place show one of them, with tabs."""

from __future__ import annotations

from typing import NamedTuple

PANELS = (
    "text", "candidates", "edits", "lens", "program", "changes", "watch", "value", "attention", "entropy", "memory",
    "time", "settings",
)  # fmt: skip
"""Every panel, in the order in which Tab visits them."""


class Place(NamedTuple):
    """A rectangle and the panels that share it."""

    panels: tuple[str, ...]
    x: int
    y: int
    width: int
    height: int


class Arrangement(NamedTuple):
    """Heights of the lines around the panels, and the panels' places."""

    config: int
    crumb: int
    status: int
    keys: int
    places: tuple[Place, ...]

    def place_of(self, panel: str) -> Place:
        return next(place for place in self.places if panel in place.panels)


def arrange(width: int, height: int, config_lines: int, maximised: bool = False) -> Arrangement:
    """80x24 has the text and one more panel; 120x36 four; 200x60 all of them at once.

    config_lines  how many lines the configuration needs at this width
    """
    config = min(config_lines, 3) if height >= 16 else 1 if height >= 8 else 0
    crumb, status, keys = int(height >= 14), int(height >= 10), int(height >= 4)
    top = config + crumb
    room = max(1, height - top - status - keys)
    if maximised or room < 11:
        places = [Place(PANELS, 0, top, width, room)]
    elif width < 100 or room < 24:
        places = _two(width, top, room)
    elif width < 170 or room < 40:
        places = _four(width, top, room)
    else:
        places = _seven(width, top, room)
    return Arrangement(config, crumb, status, keys, tuple(places))


def _two(width: int, top: int, room: int) -> list[Place]:
    text = 5 if room < 20 else 7
    return [Place(("text",), 0, top, width, text), Place(PANELS[1:], 0, top + text, width, room - text)]


def _four(width: int, top: int, room: int) -> list[Place]:
    left, text, upper = (width - 1) * 53 // 100, max(7, room * 28 // 100), max(11, room * 38 // 100)
    right, x = width - left - 1, left + 1
    return [
        Place(("text",), 0, top, left, text),
        Place(("program", "changes"), 0, top + text, left, room - text),
        Place(("candidates", "edits", "lens", "watch", "entropy", "memory", "time", "settings"), x, top, right, upper),
        Place(("value", "attention"), x, top + upper, right, room - upper),
    ]


def _seven(width: int, top: int, room: int) -> list[Place]:
    left = (width - 2) * 30 // 100
    middle = (width - 2) * 36 // 100
    right = width - 2 - left - middle
    text, low, entropy, half = room * 26 // 100, 14, room * 30 // 100, room * 48 // 100
    x, z = left + 1, left + middle + 2
    under = (("entropy",), ("settings",)) if room >= 50 else (("entropy", "settings"),)
    first = top + room - low * len(under)
    return [
        Place(("text",), 0, top, left, text),
        Place(("candidates", "edits", "lens", "watch"), 0, top + text, left, first - top - text),
        *(Place(names, 0, first + low * i, left, low) for i, names in enumerate(under)),
        Place(("program", "changes"), x, top, middle, room - entropy),
        Place(("memory", "time"), x, top + room - entropy, middle, entropy),
        Place(("value",), z, top, right, half),
        Place(("attention",), z, top + half, right, room - half),
    ]
