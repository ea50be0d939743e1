"""What the memory panel says, without Qt: places as bars, the activations along the pass, the slots of the cache."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from engine.memory import LayerMemory, MemoryReport, Slots, place_of
from engine.snapshot import ListingRow, Stepping
from viewers.cache_slots import OLD, WRITE, mark_of, position_in, ranges_text
from viewers.numbers import bytes_text
from viewers.qt.bar_row import BarRow

LEGEND = ("weights", "cache used", "cache free", "activations, at their peak")
NO_CACHE = "There is no cache: without one the whole text is run again for each token (1 or the settings turn it on)."
NO_PASS = "No pass yet: with a text there is one, and its activations are drawn here."


def memory_rows(report: MemoryReport) -> list[BarRow]:
    """One row for each place."""
    return [_row(layer) for layer in report.layers]


def _row(layer: LayerMemory) -> BarRow:
    used, allocated = layer.cache_used_bytes, layer.cache_allocated_bytes
    parts = (layer.weights_bytes, used, allocated - used, layer.activation_needed_bytes)
    details = (
        f"{layer.name}: weights {bytes_text(layer.weights_bytes)}; cache {bytes_text(allocated)}, "
        f"{bytes_text(used)} of it used; activations at most "
        f"{bytes_text(layer.activation_needed_bytes)}, held for stepping back {bytes_text(layer.activation_held_bytes)}"
    )
    return BarRow(layer.name, parts, bytes_text(sum(parts)), details)


def memory_words(report: MemoryReport) -> str:
    """The sums, beside plain float32."""
    weights, cache = report.total("weights_bytes"), report.total("cache_allocated_bytes")
    peak = bytes_text(report.peak_needed_bytes)
    said = f"weights {bytes_text(weights)}, cache {bytes_text(cache)}, activations {peak} at the peak of the next token"
    if report.plain is not None and weights + cache:
        plain = report.plain.weights_bytes + report.plain.cache_allocated_bytes
        said += f"; weights and cache are {(weights + cache) / plain:.0%} of plain float32 ({bytes_text(plain)})"
    if report.line:
        said += f"; at {report.line} {bytes_text(report.now_bytes)} are needed"
    return said


# along the pass


def lines_of(report: MemoryReport, stepping: Stepping | None) -> tuple[ListingRow, ...]:
    """The lines that `report.along` is of; empty if there is no such pass."""
    return stepping.rows if stepping is not None and len(stepping.rows) == len(report.along) else ()


def unit_of(most: float) -> tuple[int, str]:
    """Bytes of the unit that an axis up to `most` is written in, and its name."""
    power = next((i for i in range(3) if most < 1000 * 1024**i), 3)
    return 1024**power, ("B", "KiB", "MiB", "GiB")[power]


def along_words(report: MemoryReport, rows: Sequence[ListingRow], line: int) -> str:
    """`blocks.0.attn.scores: 1.2 MiB needed while it is done, the peak of the pass`."""
    needed, name = report.along[line], rows[line].address if rows else f"line {line + 1}"
    peak = ", the peak of the pass" if needed == report.pass_peak_bytes else ""
    kind = "a view: it makes nothing new; " if rows and rows[line].is_view else ""
    return f"{name}: {kind}{bytes_text(needed)} needed while it is done{peak}"


def place_spans(rows: Sequence[ListingRow]) -> list[tuple[int, int, str]]:
    """The places of the pass in order: the first line of each, the line after its last, and its name."""
    spans = []
    for place, lines in groupby(range(len(rows)), key=lambda i: place_of(rows[i].address)):
        numbers = list(lines)
        spans.append((numbers[0], numbers[-1] + 1, place))
    return spans


# the cache's slots


def slots_words(slots: Slots) -> str:
    """`layers 0-1: 256 slots, 47 used, 480 KiB; more when full`."""
    layers = f"layer{'s' if len(slots.layers) > 1 else ''} {ranges_text(slots.layers)}"
    size = bytes_text(slots.slot_bytes * slots.count * len(slots.layers))
    kind = "more when full" if slots.window is None else f"a ring for a window of {slots.window}"
    return f"{layers}: {slots.count} slots, {slots.used} used, {size}; {kind}"


def slot_words(slots: Slots, slot: int) -> str:
    """`slot 12: position 12, which the next token sees`."""
    position, mark = position_in(slots, slot), mark_of(slots, slot)
    if mark == WRITE:
        before = f", over position {position}" if position >= 0 else ""
        return f"slot {slot}: written next{before}"
    if position < 0:
        return f"slot {slot}: empty"
    sees = f"sees no more (window {slots.window})" if mark == OLD else "sees"
    return f"slot {slot}: position {position}, which the next token {sees}"
