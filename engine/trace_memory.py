"""Where the bytes of a recorded pass were: its weights, what it needed line by line, and what the trace holds of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from engine.listing import block_of, subject_of
from engine.memory import LayerMemory, MemoryReport, by_place, part_of, place_of
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.trace import Array, Trace, TraceRow

Part = tuple[str, str]
NAME = re.compile(r"[\w.@]+")


class RecordedMemory:
    """What never changes of a trace's memory, worked out once; `report` adds where a walk through it stands."""

    def __init__(self, trace: Trace) -> None:
        self.rows = trace.rows
        self._reads = [reads_of(row, trace.rows[:i]) for i, row in enumerate(trace.rows)]
        self._roots = roots_of(trace.rows, self._reads)
        self._last = {root: i for i, root in enumerate(self._roots.values())} | last_reads(self._reads, self._roots)
        self._along = tuple(row.needed_bytes for row in trace.rows)
        self._weights: dict[Part, int] = {}
        self._peaks: dict[Part, int] = {}
        for row in trace.rows:
            key = part_key(row.address)
            self._weights[key] = self._weights.get(key, 0) + row.weight_bytes
            self._peaks[key] = max(self._peaks.get(key, 0), row.needed_bytes)

    def report(self, what: str, cursor: int, values: Mapping[str, Array]) -> MemoryReport:
        """The memory after `cursor` lines, of which the trace has these values."""
        now, held = self.needed_at(cursor - 1), self.recorded(values)
        keys = dict.fromkeys((*self._weights, *held))
        parts = tuple(
            LayerMemory(place, self._weights.get(key, 0), 0, 0, self._peaks.get(key, 0), held.get(key, 0),
                        now.get(key, 0), part)
            for key in keys for place, part in [key]
        )  # fmt: skip
        line = self.rows[cursor - 1] if 0 < cursor <= len(self.rows) else None
        return MemoryReport(
            layers=by_place(parts),
            mapped_bytes=0,
            owned_bytes=sum(self._weights.values()),
            peak_needed_bytes=max(self._along, default=0),
            parts=parts,
            what=what,
            line=line.address if line else "",
            now_bytes=line.needed_bytes if line else 0,
            pass_peak_bytes=max(self._along, default=0),
            along=self._along,
        )

    def recorded(self, values: Mapping[str, Array]) -> dict[Part, int]:
        """Bytes of recorded values by part; a value and its views count once, however the trace's file is mapped."""
        held, seen = dict[Part, int](), set[str]()
        for address, array in values.items():
            root = self._roots.get(address, address)
            if root not in seen:
                _add(held, root, array.nbytes)
                seen.add(root)
        return held

    def needed_at(self, index: int) -> dict[Part, int]:
        """What a run without stepping held while a line was done, by part; together they are its `needed_bytes`."""
        if not 0 <= index < len(self.rows) or not self.rows[index].needed_bytes:
            return {}
        needed: dict[Part, int] = {}
        for i, row in enumerate(self.rows[:index]):
            if self._roots[row.address] == row.address and self._last[row.address] >= index:
                _add(needed, row.address, FLOAT_BYTES * elements(self.rows[i].shape))
        here = self.rows[index]  # one that took the memory of what it read adds nothing
        _add(needed, here.address, max(0, here.needed_bytes - sum(needed.values())))
        return needed


def part_key(address: str) -> Part:
    """The place and the part of it that an address belongs to."""
    return place_of(address), part_of(address)


def reads_of(row: TraceRow, before: Sequence[TraceRow]) -> list[str]:
    """The lines that a line reads, from its call, where addresses of its own block lack the block's name."""
    block, known = block_of(subject_of(row.address)), {line.address for line in before}
    words = NAME.findall(row.call.partition("(")[2])
    names = (name for word in words for name in (f"{block}.{word}", word))
    return [name for name in names if name in known]


def roots_of(rows: Iterable[TraceRow], reads: Iterable[list[str]]) -> dict[str, str]:
    """For each line, the one in whose memory its value lies: itself, or for a view what it was taken from."""
    roots: dict[str, str] = {}
    for row, names in zip(rows, reads, strict=True):
        roots[row.address] = roots[names[0]] if row.is_view and names else row.address
    return roots


def last_reads(reads: Sequence[list[str]], roots: Mapping[str, str]) -> dict[str, int]:
    """For each memory, the line that reads it last, through any name; that of the last line stays."""
    last = {roots[name]: i for i, names in enumerate(reads) for name in names}
    ends = list(roots.values())[-1:]
    return last | dict.fromkeys(ends, len(reads))


def _add(sizes: dict[Part, int], address: str, size: int) -> None:
    key = part_key(address)
    sizes[key] = sizes.get(key, 0) + size
