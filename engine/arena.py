"""Where intermediate results lie: one block of memory, planned from each storage's first writing and last reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.memory import last_uses, root_of
from engine.ops.linear_gradients import accumulate
from engine.ops.shapes import elements
from engine.program import Line, Program, Shape

ALIGNMENT = 16  # floats: 64 bytes, a cache line


@dataclass(frozen=True)
class Storage:
    """One piece of the arena, in floats, and the lines between which it is in use."""

    name: str
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Storages by name, which line takes over which input's memory, and the size of the whole arena in floats."""

    storages: Mapping[str, Storage]
    takes: Mapping[str, str]
    size: int


def plan(program: Program, shapes: Mapping[str, Shape], homes: Collection[str] = ()) -> Plan:
    """Give every value that is no view a place; values whose lives do not overlap may share one.

    Values in `homes` have a place of their own outside the arena. Where such a value is a sum made in place, its first
    part is computed there too.
    """
    roots, last = root_of(program), last_uses(program)
    outer = {*program.inputs, *program.params}
    takes: dict[str, str] = {}
    lives: dict[str, list[int]] = {}
    holder: dict[str, str] = {}  # whose storage a value lies in, after takeovers
    for i, line in enumerate(program.lines):
        if line.op.is_view:
            continue
        if line.out in homes:
            holder[line.out] = line.out
            first = line.ins[0] if line.op is accumulate else None
            if first in lives and lives[first][1] == i:
                del lives[first]
                takes[first] = line.out
            continue
        taken = _taken_input(line, i, shapes)
        home = holder.get(roots[taken]) if taken and roots[taken] not in outer else None
        if taken and home in lives and lives[home][1] == i:
            takes[line.out] = taken
            holder[line.out] = home
            lives[home][1] = last[line.out]
        else:
            holder[line.out] = line.out
            lives[line.out] = [i, last[line.out]]
    return _place(lives, shapes, takes)


def _taken_input(line: Line, i: int, shapes: Mapping[str, Shape]) -> str | None:
    """The input this line may overwrite, if it has the result's shape."""
    index = line.op.overwrites
    return line.ins[index] if index is not None and shapes[line.ins[index]] == shapes[line.out] else None


def _place(lives: Mapping[str, list[int]], shapes: Mapping[str, Shape], takes: Mapping[str, str]) -> Plan:
    """First fit, in the order of the program, below everything that is alive at the same time."""
    placed: list[Storage] = []
    for name, (first, last) in lives.items():
        size = -(-max(1, elements(shapes[name])) // ALIGNMENT) * ALIGNMENT
        offset = 0
        for other in sorted((s for s in placed if s.last >= first), key=lambda s: s.offset):
            if offset + size <= other.offset:
                break
            offset = max(offset, other.offset + other.size)
        placed.append(Storage(name, offset, size, first, last))
    return Plan({s.name: s for s in placed}, takes, max((s.offset + s.size for s in placed), default=0))
