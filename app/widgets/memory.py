"""Where the bytes are, per layer: a stacked bar, the numbers beside it, and the totals."""

from __future__ import annotations

from dataclasses import fields

from textual.strip import Strip

from app.widgets.ink import Row
from app.widgets.numbers import bytes_text
from app.widgets.panel import Panel, first_row
from engine.memory import LayerMemory
from engine.snapshot import Snapshot

PARTS = (
    ("weights_bytes", "█", "weights"), ("cache_used_bytes", "▓", "cache used"), ("cache_free", "▒", "cache free"),
    ("activation_needed_bytes", "░", "needed"), ("activation_held_bytes", "·", "held"),
)  # fmt: skip
PLACE = 10
WIDE = 76  # from here on the cache says how much of it is used


class MemoryPanel(Panel):
    """Each part of a bar has its own texture, so it is read without colour too."""

    title = "Memory"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = 0
        self._top = 0

    @property
    def places(self) -> tuple[LayerMemory, ...]:
        return self.snapshot.memory.layers if self.snapshot else ()

    def drawn_from(self, snapshot: Snapshot) -> object:
        return snapshot.memory

    def note(self) -> str:
        assert self.snapshot is not None
        return f"peak activations {bytes_text(self.snapshot.memory.peak_needed_bytes)}"

    def sentence(self) -> str:
        if not self.places:
            return ""
        place = self.places[min(self.cursor, len(self.places) - 1)]
        used, allocated = bytes_text(place.cache_used_bytes), bytes_text(place.cache_allocated_bytes)
        return f"{place.name}: {bytes_text(total_of(place))}; cache {used} used of {allocated}"

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        memory, dim = snapshot.memory, self.style_of("dim")
        if not memory.layers:
            return self.wrapped("Nothing is in memory yet.", width, height, dim)
        room = max(1, height - (4 if height >= 6 else 2))
        self.cursor = min(self.cursor, len(memory.layers) - 1)
        self._top = first_row(self.cursor, len(memory.layers), room, self._top)
        rows = [self._head(width)]
        for i, place in enumerate(memory.layers[self._top :][:room], self._top):
            rows.append(self._place_row(place, i == self.cursor, width))
        sums = LayerMemory("together", *(memory.total(field.name) for field in fields(LayerMemory)[1:]))
        rows.append(self._numbers(self.row(width), sums, width).strip())
        if height >= 6:
            mapped, owned = bytes_text(memory.mapped_bytes), bytes_text(memory.owned_bytes)
            rows.append(self.row(width).add(self.sentence(), self.style_of("strong")).strip())
            rows.append(self.row(width).add(f"weights: {mapped} mapped from the file, {owned} our own", dim).strip())
        return rows

    def _head(self, width: int) -> Strip:
        row = self.row(width)
        row.base += self.style_of("dim")
        row.column("  place", PLACE)
        for words, size in columns_at(width):
            row.column(words, size, align="right")
        return row.add("  each part of the bar has its texture" if row.room > 40 else "  bytes").strip()

    def _numbers(self, row: Row, place: LayerMemory, width: int, mark: str = " ") -> Row:
        row.column(f"{mark} {place.name}", PLACE, self.style_of("strong") if place.name == "together" else None)
        cache = bytes_text(place.cache_allocated_bytes)
        if width >= WIDE:
            cache = f"{bytes_text(place.cache_used_bytes)} of {cache}"
        numbers = [bytes_text(place.weights_bytes), cache, bytes_text(place.activation_needed_bytes)]
        numbers.append(bytes_text(place.activation_held_bytes))
        for (_, size), number in zip(columns_at(width), numbers, strict=False):
            row.column(number if len(columns_at(width)) > 1 else bytes_text(total_of(place)), size, align="right")
        return row

    def _place_row(self, place: LayerMemory, is_cursor: bool, width: int) -> Strip:
        row = self.row(width)
        if is_cursor and self.has_focus:
            row.base += self.style_of("mark")
        self._numbers(row, place, width, "▶" if is_cursor else " ").add("  ")
        room, largest = row.room, max(1, *map(total_of, self.places))
        for name, texture, _ in PARTS:
            style = {"weights_bytes": "accent", "cache_used_bytes": "good", "cache_free": "good"}.get(name, "warn")
            row.add(texture * round(part_of(place, name) / largest * room), self.style_of(style))
        return row.strip()

    def move(self, down: int, right: int) -> None:
        self.cursor = min(max(self.cursor + down + right, 0), max(0, len(self.places) - 1))
        self.refresh()

    def edge(self, end: bool) -> None:
        self.move(len(self.places) if end else -len(self.places), 0)

    def clicked(self, x: int, y: int) -> None:
        if 0 <= self._top + y - 1 < len(self.places):
            self.cursor = self._top + y - 1
            self.refresh()


def part_of(place: LayerMemory, name: str) -> int:
    """One component in bytes; `cache_free` is what is allocated and not used."""
    if name == "cache_free":
        return place.cache_allocated_bytes - place.cache_used_bytes
    return int(getattr(place, name))


def total_of(place: LayerMemory) -> int:
    """All that a place takes: its bar's length."""
    return sum(part_of(place, name) for name, _, _ in PARTS)


def columns_at(width: int) -> list[tuple[str, int]]:
    """Heading and width of the columns of numbers; in little room only their sum."""
    if width < 54:
        return [("together", 10)]
    return [("█weights", 9), ("▓▒cache", 20 if width >= WIDE else 9), ("░needed", 9), ("·held", 9)]
