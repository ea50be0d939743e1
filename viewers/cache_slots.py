"""The cache drawn: which slot holds which position, where the next token is written, and who shares keys and values."""

from __future__ import annotations

from engine.memory import Slots
from viewers.numbers import bytes_text

SEEN, OLD, FREE, WRITE = "█", "▒", "·", "▼"


def slots_rows(slots: Slots, width: int) -> list[str]:
    """What the slots are, a strip of them, and the positions that lie in them."""
    layers = ranges_text(slots.layers)
    size = bytes_text(slots.slot_bytes * slots.count * len(slots.layers))
    kind = "slots, more when they are full" if slots.window is None else f"slots in a ring, window {slots.window}"
    head = f"cache of layer{'s' if len(slots.layers) > 1 else ''} {layers}: {slots.count} {kind}, {size}"
    marks = [mark_of(slots, i) for i in range(slots.count)]
    each = -(-slots.count // max(1, width))  # slots in one cell
    cells = [marks[i : i + each] for i in range(0, slots.count, each)]
    strip = "".join(next(m for m in (WRITE, SEEN, OLD, FREE) if m in cell) for cell in cells)
    legend = f"{SEEN} the next token sees it  {OLD} no more  {FREE} empty  {WRITE} written next"
    return [head, strip, positions_text(slots, each, width), legend + (f"  ({each} slots a cell)" if each > 1 else "")]


def mark_of(slots: Slots, slot: int) -> str:
    """One slot, as the next token finds it."""
    if slot == slots.write:
        return WRITE
    position = position_in(slots, slot)
    if position < 0:
        return FREE
    return OLD if slots.window is not None and position <= next_position(slots) - slots.window else SEEN


def position_in(slots: Slots, slot: int) -> int:
    """The position that lies in a slot; -1 if it is empty."""
    if slots.positions:
        return slots.positions[slot]
    return slot if slot < slots.used else -1


def next_position(slots: Slots) -> int:
    """The position of the next token."""
    return max(slots.positions) + 1 if slots.positions else slots.used


def positions_text(slots: Slots, each: int, width: int) -> str:
    """Under the strip: the position at the beginning of each run of slots that follow one another."""
    text = ""
    for slot in range(slots.count):
        position = position_in(slots, slot)
        starts = position >= 0 and (slot == 0 or position_in(slots, slot - 1) != position - 1)
        place = slot // each
        if starts and len(text) <= place and place + len(str(position)) + 1 <= width:
            text += " " * (place - len(text)) + f"{position}…"
    return text


def heads_text(heads: int, kv_heads: int, width: int) -> list[str]:
    """Which query heads read which key/value head."""
    share = heads // max(1, kv_heads)
    if share <= 1:
        return [f"heads: each of the {heads} query heads has keys and values of its own"]
    lines = [f"heads: {share} queries share each key/value head: a cache {share} times smaller", ""]
    for kv in range(kv_heads):
        group = f"kv{kv} ◀ " + " ".join(f"q{kv * share + i}" for i in range(share))
        gap = "   " if lines[-1] else ""
        if len(lines[-1]) + len(gap) + len(group) > width and lines[-1]:
            lines.append(group)
        else:
            lines[-1] += gap + group
    return lines


def ranges_text(numbers: tuple[int, ...]) -> str:
    """`0-3, 5`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
