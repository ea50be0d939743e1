"""The flat listing as a tree: blocks, their parts (attention, MLP), their lines; and what is folded.

A training pass has two more sections, `backward` and `update`, with blocks and parts of their own: a group there is
named after its section, as `backward.blocks.0.attn`. In the update every weight is a group: `update.final.norm.weight`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from engine.listing import UPDATE, block_of, section_of, subject_of
from engine.snapshot import ListingRow


@dataclass(frozen=True)
class Entry:
    """A row of the folded listing: lines `first` to `last` - 1 of the program, under a group's name or an address."""

    name: str
    first: int
    last: int
    depth: int
    is_group: bool

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and self.first <= line < self.last


@lru_cache(8192)
def groups_of(address: str) -> tuple[str, ...]:
    """`blocks.0` and `blocks.0.attn` of `blocks.0.attn.q.rows`; nothing for a line outside the blocks.

    Of a group's name: the groups that it stands in, or itself with them.
    """
    section, subject = section_of(address), subject_of(address)
    parts, lead = subject.split("."), [section] if section else []
    groups = [*lead]
    if parts[0] == "blocks" and len(parts) > 2:
        groups += [".".join(lead + parts[:depth]) for depth in (2, 3) if len(parts) > depth]
    if section == UPDATE and len(parts) > 1:
        groups.append(".".join(lead + parts))
    return tuple(groups)


def label_of(name: str) -> str:
    """A line's address, or a group's name, without the groups it stands in: `q.rows` of `blocks.0.attn.q.rows`.

    Of a gradient, `d.q`; of the update, where the group is the weight, only what is computed of it: `m`.
    """
    around = [group for group in groups_of(name) if group != name]
    section, kind = section_of(name), name.partition(".")[0]
    if not around:
        return name
    if kind in ("blocks", section):
        return name.removeprefix(around[-1] + ".")
    if section == UPDATE:
        return kind
    short = name.removeprefix(kind + ".").removeprefix(around[-1].removeprefix(section + ".") + ".")
    block = block_of(subject_of(name))
    return f"{kind}.{short.replace(f'@{block}.', '@') if block else short}"


def stands_in(address: str, name: str) -> bool:
    """Whether a line is the one of this name, or in the group of this name."""
    return address == name or name in groups_of(address)


def entries(rows: Sequence[ListingRow], opened: frozenset[str]) -> list[Entry]:
    """What the listing shows when only the `opened` groups are unfolded."""
    return _level(rows, 0, len(rows), 0, opened)


def _level(rows: Sequence[ListingRow], first: int, last: int, depth: int, opened: frozenset[str]) -> list[Entry]:
    def group_at(i: int) -> str:
        groups = groups_of(rows[i].address)
        return groups[depth] if depth < len(groups) else ""

    found: list[Entry] = []
    for name, run in groupby(range(first, last), key=group_at):
        lines = list(run)
        if not name:
            found += [Entry(rows[i].address, i, i + 1, depth, False) for i in lines]
            continue
        found.append(Entry(name, lines[0], lines[-1] + 1, depth, True))
        if name in opened:
            found += _level(rows, lines[0], lines[-1] + 1, depth + 1, opened)
    return found


def at(found: Sequence[Entry], name: str) -> int:
    """Where a line or group stands; if it is folded away, where the innermost group stands that hides it."""
    index = {entry.name: i for i, entry in enumerate(found)}
    return next((index[n] for n in (name, *reversed(groups_of(name))) if n in index), 0)


def same_in_block(name: str, by: int) -> str:
    """The same line or group `by` blocks further: `blocks.1.attn.q` of `blocks.0.attn.q`; itself outside the blocks."""
    return re.sub(r"(?<![a-z_])blocks\.(\d+)", lambda found: f"blocks.{int(found[1]) + by}", name)
