"""Text on its way to the screen: the one place where a string becomes a segment, and so the one where it is made inert.

Segments carry literal text, never markup. What is left to fear, control and format characters, goes through `visible`.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from engine.text import visible


@lru_cache(maxsize=1 << 14)
def ink(text: str, style: Style) -> Segment:
    """A segment whose text a terminal shows and does not obey."""
    return Segment(visible(text), style)


@lru_cache(maxsize=1 << 12)
def clip(text: str, width: int, align: str = "left") -> str:
    """`text`, made visible, in exactly `width` cells; an ellipsis says that some is missing."""
    text = visible(text)
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    gap = " " * (width - size)
    return gap + text if align == "right" else text + gap


@lru_cache(maxsize=1 << 14)
def cells(text: str) -> int:
    """How many cells the visible form of `text` takes."""
    return cell_len(visible(text))


class Row:
    """One line of a panel while it is written, from left to right. What does not fit is dropped."""

    def __init__(self, width: int, base: Style) -> None:
        self.width, self.base, self.used = width, base, 0
        self.segments: list[Segment] = []

    @property
    def room(self) -> int:
        return self.width - self.used

    def add(self, text: str, style: Style | None = None) -> Row:
        """Append; cut with an ellipsis at the end of the row."""
        size = cells(text)
        if size > self.room:
            text, size = clip(text, max(0, self.room)), max(0, self.room)
        if size:
            self.segments.append(ink(text, self.base + style if style else self.base))
            self.used += size
        return self

    def column(self, text: str, width: int, style: Style | None = None, align: str = "left") -> Row:
        """Append in exactly `width` cells."""
        return self.add(clip(text, width, align), style)

    def to(self, place: int) -> Row:
        """Fill with blanks up to a place."""
        return self.add(" " * max(0, min(place, self.width) - self.used))

    def right(self, text: str, style: Style | None = None) -> Row:
        """Append flush right, if there is room for it."""
        size = cells(text)
        return self.to(self.width - size).add(text, style) if size <= self.room else self

    def extend(self, segments: list[Segment], size: int) -> Row:
        """Append segments made elsewhere by `ink`, of a known width."""
        self.segments += segments
        self.used += size
        return self

    def strip(self) -> Strip:
        self.to(self.width)
        return Strip(self.segments, self.used)
