"""The flat listing as a tree: blocks, their parts (attention, MLP), their lines; and what is folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

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


def groups_of(address: str) -> tuple[str, ...]:
    """`blocks.0` and `blocks.0.attn` of `blocks.0.attn.q.rows`; nothing for a line outside the blocks."""
    parts = address.removeprefix("d.").split(".")
    if parts[0] != "blocks" or len(parts) < 3:
        return ()
    block = ".".join(parts[:2])
    return (block, f"{block}.{parts[2]}") if len(parts) > 3 else (block,)


def label_of(address: str) -> str:
    """An address without the groups it stands in: `q.rows` of `blocks.0.attn.q.rows`."""
    groups = groups_of(address)
    return address.removeprefix(groups[-1] + ".") if groups else address


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
    parts = name.split(".")
    if parts[0] != "blocks" or len(parts) < 2 or not parts[1].isdigit():
        return name
    return ".".join(["blocks", str(int(parts[1]) + by), *parts[2:]])
