"""Edits as data: what a user changes inside a run, as lines of that run's own program.

An edited address keeps its name, so every reader sees the new value; what was there before stays readable as
`<address>@before`. Nothing global changes, and the same edits give the same run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.ops.shapes import per_element, same
from engine.program import Line, Op, Program

Array = np.ndarray
KINDS = ("zero", "scale", "add", "set", "mean", "ablate_head", "patch")
Selection = tuple[int | slice | None, ...]


@dataclass(frozen=True, eq=False)
class Edit:
    """Change the value at `address`.

    kind        zero | scale (by `values`) | add | set | mean (over tokens) | ablate_head | patch (an array from a trace)
    selection   one index, slice or None (all) per leading axis; for ablate_head, the head's number
    values      a number or an array that broadcasts to the selection; unused by zero, mean and ablate_head
    """

    address: str
    kind: str
    selection: Selection = ()
    values: Array | float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"edit {self.kind!r}: expected one of {', '.join(KINDS)}")
        if self.kind in ("scale", "add", "set", "patch") and self.values is None:
            raise InputError(f"edit {self.kind} of {self.address}: needs a value")

    def index(self) -> tuple[Any, ...]:
        """The selection as a NumPy index."""
        if self.kind == "ablate_head":
            return (slice(None), *self.selection)  # (B, H, T, ·): the head axis comes second
        return tuple(slice(None) if s is None else s for s in self.selection)


def edit_forward(x: Array, *, edit: Edit, out: Array | None = None) -> Array:
    """A copy of x with the edit applied."""
    result = x.copy(order="K") if out is None else out
    if out is not None and out is not x:
        out[...] = x
    at = edit.index()
    part = result[at]
    if edit.kind in ("zero", "ablate_head"):
        result[at] = 0
    elif edit.kind == "scale":
        result[at] = part * np.asarray(edit.values, x.dtype)
    elif edit.kind == "add":
        result[at] = part + np.asarray(edit.values, x.dtype)
    elif edit.kind == "mean":
        result[at] = part.mean(-2, keepdims=True)  # over tokens: (..., T, width) -> (..., 1, width)
    else:
        result[at] = edit.values
    return result


edit_op = Op(
    "edit", "y = x, changed by hand", "A value that you changed; everything after it is computed from the change.",
    edit_forward, same, per_element(1),
)  # fmt: skip


def apply_edits(program: Program, edits: Sequence[Edit]) -> Program:
    """The program with one more line for each edit, in the order given."""
    for edit in edits:
        at = program.index(edit.address)
        line = program.lines[at]
        before = f"{line.out}@before{sum(o.out.startswith(line.out + '@before') for o in program.lines) or ''}"
        changed = Line(line.out, edit_op, (before,), {"edit": edit}, line.where)
        program = program.with_lines(
            [*program.lines[:at], replace(line, out=before), changed, *program.lines[at + 1 :]]
        )
    return program


def edit_from_json(raw: Mapping[str, Any]) -> Edit:
    """An edit from its saved form; slices are [start, stop]."""
    selection = tuple(slice(*s) if isinstance(s, list) else s for s in raw.get("selection", ()))
    return Edit(raw["address"], raw["kind"], selection, raw.get("values"))
