"""A program as text, and the difference of two programs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.program import Line, Program, Shape

ChangeKind = Literal["gone", "new", "changed", "same"]
BACKWARD, UPDATE = "backward", "update"
SECTIONS = {
    "d": BACKWARD, "again": BACKWARD, BACKWARD: BACKWARD,
    "g": UPDATE, "m": UPDATE, "v": UPDATE, "change": UPDATE, "new": UPDATE, UPDATE: UPDATE,
}  # fmt: skip
"""The first word of an address, and the section of a training pass that it stands for."""


def listing(program: Program, shapes: Mapping[str, Shape] | None = None) -> str:
    """One line per operation, in columns: address, shape (if given), operation, equation."""
    rows = [(line.out, _shape(shapes, line.out), f"= {call_text(line)}", line.op.equation) for line in program.lines]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    head = f"({', '.join(program.inputs)}) -> {', '.join(program.outputs)}"
    head += f"    {len(program)} lines, {len(program.params)} weights"
    body = (
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False) if w) + f"   {row[3]}" for row in rows
    )
    return "\n".join([head, *body])


def near(program: Program, address: str) -> str:
    """What to try instead of an address that a program does not have."""
    close = difflib.get_close_matches(address, [line.out for line in program.lines], n=3, cutoff=0.6)
    return f"did you mean {', '.join(close)}?" if close else "`minigpt step` lists them"


def local(name: str, line: Line) -> str:
    """`name` as seen from `line`: addresses of the same block lose their block prefix, also where it comes after `d.`
    or `@`."""
    block = block_of(subject_of(line.out))
    return re.sub(rf"(^|[.@]){re.escape(block)}\.", r"\1", name) if block else name


def section_of(address: str) -> str:
    """Where in a training pass an address stands: "backward", "update", or "" in the forward pass."""
    return SECTIONS.get(address.partition(".")[0], "")


def subject_of(address: str) -> str:
    """What a gradient, a recomputed value or a part of the update is about: `logits` of `d.logits@loss`."""
    prefix, _, rest = address.partition(".")
    return (rest if prefix in SECTIONS else address).split("@")[0]


def block_of(address: str) -> str:
    """`blocks.3` of `blocks.3.attn.q`; empty outside the blocks."""
    parts = address.split(".")
    return ".".join(parts[:2]) if parts[0] == "blocks" and len(parts) > 2 else ""


@dataclass(frozen=True)
class Change:
    """One row of a difference; `old` is None for a new line, `new` for one that is gone."""

    kind: ChangeKind
    old: Line | None
    new: Line | None

    @property
    def line(self) -> Line:
        line = self.new or self.old
        assert line is not None
        return line

    def __str__(self) -> str:
        sign = {"gone": "-", "new": "+", "changed": "~", "same": " "}[self.kind]
        return f"{sign} {self.line}" if self.kind != "changed" else f"~ {self.new}    (was {self.old})"


def diff(old: Program, new: Program) -> tuple[Change, ...]:
    """Which lines went, came, changed or stayed, in the order of both listings. Lines are matched by address."""
    before, after = ([line.out for line in p.lines] for p in (old, new))
    changes: list[Change] = []
    for tag, i0, i1, j0, j1 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            changes += map(_matched, old.lines[i0:i1], new.lines[j0:j1])
        else:
            changes += [Change("gone", line, None) for line in old.lines[i0:i1]]
            changes += [Change("new", None, line) for line in new.lines[j0:j1]]
    return tuple(changes)


def _matched(old: Line, new: Line) -> Change:
    return Change("same" if old == new else "changed", old, new)


def _shape(shapes: Mapping[str, Shape] | None, address: str) -> str:
    return "×".join(map(str, shapes[address])) if shapes and address in shapes else ""


def call_text(line: Line) -> str:
    """`softmax(attn.masked)`: the operation and what it reads, as seen from its own block."""
    attrs = [f"{k}={v}" for k, v in line.attrs.items() if v is not None]
    return f"{line.op.name}({', '.join([*(local(n, line) for n in line.ins), *attrs])})"
