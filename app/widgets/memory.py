"""Where the bytes are: per layer and component, beside the formula and plain float32; below, how the cache is filled.

The places unfold into their components. Each part of a bar has its own texture, so it is read without colour too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual.strip import Strip

from app.widgets.edges import folded_words, within
from app.widgets.ink import Row
from app.widgets.panel import Panel, first_row
from engine.memory import LayerMemory, MemoryReport, summed
from engine.snapshot import Snapshot
from viewers.cache_slots import heads_text, slots_rows
from viewers.numbers import bytes_text

PARTS = (
    ("weights_bytes", "█", "weights"), ("cache_used_bytes", "▓", "cache used"), ("cache_free", "▒", "cache free"),
    ("activation_needed_bytes", "░", "needed"), ("activation_held_bytes", "·", "held"),
)  # fmt: skip
PLACE, COLUMN = 12, 8
WIDE = 76  # from here on the cache says how much of it is used


class MemoryRow(NamedTuple):
    """One row of the list. kind is "place", "part", "sum" (numbers without a bar), or "text"."""

    kind: str
    name: str
    memory: LayerMemory | None = None


class MemoryPanel(Panel):
    """A list that is moved through; Enter, → and ← unfold and fold a place."""

    title = "Memory"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = 0
        self._top = 0
        self.opened = frozenset({"blocks.0"})

    @property
    def found(self) -> list[MemoryRow]:
        return memory_rows(self.snapshot, self.opened, max(20, self.size.width - 3)) if self.snapshot else []

    def drawn_from(self, snapshot: Snapshot) -> object:
        return snapshot.memory

    def note(self) -> str:
        assert self.snapshot is not None
        memory = self.snapshot.memory
        total = summed("", memory.layers)
        ratio = f" · {ratio_text(total, memory.plain)}" if memory.plain else ""
        return f"peak of a token {bytes_text(memory.peak_needed_bytes)}{ratio}"

    def sentence(self) -> str:
        found = self.found
        if not found:
            return ""
        row = found[min(self.cursor, len(found) - 1)]
        if row.memory is None or self.snapshot is None:
            return row.name.strip()
        return sentence_of(row, self.snapshot.memory)

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        if not snapshot.memory.layers:
            return self.wrapped("Nothing is in memory yet.", width, height, self.style_of("dim"))
        found, below = self.found, 1 if height >= 5 else 0
        room = max(1, height - 1 - below)
        self.cursor = min(self.cursor, len(found) - 1)
        self._top = first_row(self.cursor, len(found), room, self._top)
        rows = [self._head(width)]
        largest = max(1, *map(total_of, snapshot.memory.layers))
        for i, row in enumerate(found[self._top :][:room], self._top):
            rows.append(self._drawn(row, i == self.cursor, largest, width))
        rows += [self.row(width).strip()] * (room + 1 - len(rows))
        return rows + [self.row(width).add(self.sentence(), self.style_of("strong")).strip()] * below

    def _head(self, width: int) -> Strip:
        row = self.row(width)
        row.base += self.style_of("dim")
        row.column("   place", PLACE)
        for words, size in columns_at(width):
            row.column(words, size, align="right")
        return row.add("  each part of the bar has its texture" if row.room > 40 else "  bytes").strip()

    def _drawn(self, here: MemoryRow, is_cursor: bool, largest: int, width: int) -> Strip:
        row = self.row(width)
        if is_cursor and self.has_focus:
            row.base += self.style_of("mark")
        row.add("▶" if is_cursor else " ")
        if here.memory is None:
            return row.add(here.name, self.style_of("dim")).strip()
        fold = ("▾ " if here.name in self.opened else "▸ ") if has_parts(here.name) else "  "
        name = {"place": fold, "part": "  "}.get(here.kind, "  ") + here.name
        row.column(name, PLACE - 1, self.style_of("strong") if here.kind == "sum" else None)
        for text, size in zip(numbers_of(here.memory, width), (size for _, size in columns_at(width)), strict=True):
            row.column(text, size, self.style_of("dim") if here.kind == "part" else None, align="right")
        if here.kind == "place" and row.room > 3:
            row.add("  ")
            self._bar(row, here.memory, row.room, largest)
        return row.strip()

    def _bar(self, row: Row, place: LayerMemory, room: int, largest: int) -> None:
        for name, texture, _ in PARTS:
            style = {"weights_bytes": "accent", "cache_used_bytes": "good", "cache_free": "good"}.get(name, "warn")
            row.add(texture * round(part_of(place, name) / largest * room), self.style_of(style))

    def move(self, down: int, right: int) -> None:
        found = self.found
        if not found:
            return
        if right:
            here = found[min(self.cursor, len(found) - 1)]
            self._fold(here.memory.name if here.memory and here.kind in ("place", "part") else "", right > 0)
        else:
            before, self.cursor = self.cursor, within(self.cursor + down, len(found))
            self.went(before, self.cursor, len(found))
        self.refresh()

    def _fold(self, place: str, is_open: bool) -> None:
        """Show or hide the parts of a place, and stand on it."""
        if not has_parts(place):
            self.post_message(self.Remark("This line has no parts; those of a block can be unfolded."))
            return
        stays = self.found[self.cursor].kind == "place" and is_open == (place in self.opened)
        self.post_message(self.Remark(folded_words(is_open) if stays else ""))
        self.opened = self.opened | {place} if is_open else self.opened - {place}
        self.cursor = next(i for i, row in enumerate(self.found) if row.name == place)

    def action_enter(self) -> None:
        found = self.found
        if found:
            here = found[self.cursor]
            name = here.name if here.kind == "place" else ""
            self._fold(name, name not in self.opened)
            self.refresh()

    def edge(self, end: bool) -> None:
        self.move(len(self.found) if end else -len(self.found), 0)

    def clicked(self, x: int, y: int) -> None:
        index = self._top + y - 1
        if y < 1 or index >= len(self.found):
            return
        is_again, self.cursor = index == self.cursor, index
        if is_again or x < 2:
            self.action_enter()
        self.refresh()


def memory_rows(snapshot: Snapshot, opened: frozenset[str], width: int) -> list[MemoryRow]:
    """Everything the panel can show, from top to bottom."""
    memory = snapshot.memory
    rows: list[MemoryRow] = []
    for place in memory.layers:
        rows.append(MemoryRow("place", place.name, place))
        if place.name in opened:
            parts = (part for part in memory.parts if part.name == place.name)
            rows += [MemoryRow("part", part.part, part) for part in parts]
    rows.append(MemoryRow("sum", "together", summed("together", memory.layers)))
    if memory.expected:
        rows.append(MemoryRow("sum", "formula", summed("formula", memory.expected)))
    if memory.plain:
        rows.append(MemoryRow("sum", "float32", memory.plain))
    words = [*base_text(memory), *pass_text(memory)]
    words += ["", *heads_text(snapshot.heads, snapshot.kv_heads, width)] if snapshot.heads else []
    for slots in memory.slots:
        words += ["", *slots_rows(slots, width)]
    return rows + [MemoryRow("text", text) for text in words]


def base_text(memory: MemoryReport) -> list[str]:
    """How the weights lie."""
    mapped, owned = bytes_text(memory.mapped_bytes), bytes_text(memory.owned_bytes)
    lines = [f"weights: {mapped} mapped from the file, {owned} our own"]
    if memory.base_mapped_bytes or memory.base_kept_bytes:
        base, kept = bytes_text(memory.base_mapped_bytes), bytes_text(memory.base_kept_bytes)
        lines.append(f"base, kept to go back: {base} pages of the file, {kept} as float32")
    return lines


def pass_text(memory: MemoryReport) -> list[str]:
    """Which pass the activations are of, and where it stands."""
    if not memory.what:
        return []
    where = f"at {memory.line}: needed {bytes_text(memory.now_bytes)}, " if memory.line else ""
    held = bytes_text(memory.total("activation_held_bytes"))
    return [f"activations: {memory.what}", f"  {where}peak {bytes_text(memory.pass_peak_bytes)}, held {held}"]


def sentence_of(row: MemoryRow, memory: MemoryReport) -> str:
    """The row under the cursor in words, with what the formula says of it."""
    here = row.memory
    assert here is not None
    if row.kind == "sum":
        said = {"together": "all that exists now", "formula": "what configuration and settings alone foretell",
                "float32": "the plain program and its cache in float32, for this text"}[row.name]  # fmt: skip
        return f"{row.name}: {said}, {bytes_text(standing(here))}"
    same = (part for part in memory.expected if part.name == here.name and here.part in ("", part.part))
    formula = summed(here.name, same)
    used, allocated = bytes_text(here.cache_used_bytes), bytes_text(here.cache_allocated_bytes)
    name = f"{here.name} {here.part}".strip()
    check = f"; formula {'agrees' if agrees(here, formula) else differences(here, formula)}" if memory.expected else ""
    return f"{name}: {bytes_text(standing(here))}; cache {used} used of {allocated}{check}"


COMPARED: tuple[tuple[str, Callable[[LayerMemory], int]], ...] = (
    ("weights", lambda m: m.weights_bytes),
    ("cache", lambda m: m.cache_allocated_bytes),
    ("used", lambda m: m.cache_used_bytes),
    ("peak", lambda m: m.activation_needed_bytes),
)


def agrees(here: LayerMemory, formula: LayerMemory) -> bool:
    """Whether measurement and formula are the same to the byte."""
    return all(of(here) == of(formula) for _, of in COMPARED)


def differences(here: LayerMemory, formula: LayerMemory) -> str:
    """`says weights 1.2 KiB`: what the formula has otherwise."""
    return "says " + ", ".join(f"{n} {bytes_text(of(formula))}" for n, of in COMPARED if of(here) != of(formula))


def ratio_text(total: LayerMemory, plain: LayerMemory) -> str:
    """Weights and cache against plain float32."""
    now = total.weights_bytes + total.cache_allocated_bytes
    before = plain.weights_bytes + plain.cache_allocated_bytes
    return f"{now / before:.2f}× float32" if before else ""


def part_of(place: LayerMemory, name: str) -> int:
    """One component in bytes; `cache_free` is what is allocated and not used."""
    if name == "cache_free":
        return place.cache_allocated_bytes - place.cache_used_bytes
    return int(getattr(place, name))


def total_of(place: LayerMemory) -> int:
    """All that a place takes: its bar's length."""
    return sum(part_of(place, name) for name, _, _ in PARTS)


def standing(place: LayerMemory) -> int:
    """What exists side by side: weights, cache, and activations that are held."""
    return place.weights_bytes + place.cache_allocated_bytes + place.activation_held_bytes


def numbers_of(place: LayerMemory, width: int) -> list[str]:
    """The columns of one row."""
    if len(columns_at(width)) == 1:
        return [bytes_text(standing(place))]
    cache = brief(place.cache_allocated_bytes)
    if width >= WIDE:
        cache = f"{brief(place.cache_used_bytes)} of {cache}"
    others = (place.activation_needed_bytes, place.activation_now_bytes, place.activation_held_bytes)
    return [brief(place.weights_bytes), cache, *map(brief, others)]


def brief(count: int) -> str:
    """Bytes in at most seven cells."""
    number, unit = bytes_text(count).split()
    return f"{number} {unit}" if len(number) < 4 else f"{float(number):.0f} {unit}"


def has_parts(place: str) -> bool:
    """Whether a place is more than one part: a block is."""
    return place.startswith("blocks.")


def columns_at(width: int) -> list[tuple[str, int]]:
    """Heading and width of the columns of numbers; in little room only their sum."""
    if width < PLACE + 5 * COLUMN + 1:
        return [("together", 10)]
    cache = 19 if width >= WIDE else COLUMN
    return [("█weights", COLUMN + 1), ("▓▒cache", cache), ("░peak", COLUMN), ("now", COLUMN), ("·held", COLUMN)]
