"""Edits as data: what a user changes inside a run, as lines of that run's own program.

An edited address keeps its name, so every reader sees the new value; what was there before stays readable as
`<address>@before`. Nothing global changes, and the same edits give the same run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
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

    kind        zero | scale (by `values`) | add | set | mean (over tokens) | ablate_head | patch (from a trace)
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


@cache
def _edit_laid_out(layout: tuple[int, ...] | None) -> Op:
    """The operation for a value of some layout, which it keeps, so that the next line can still be a view."""
    return replace(edit_op, layout=layout) if layout else edit_op


def apply_edits(program: Program, edits: Sequence[Edit]) -> Program:
    """The program with one more line for each edit, in the order given."""
    for edit in edits:
        at = program.index(edit.address)
        line = program.lines[at]
        before = f"{line.out}@before{sum(o.out.startswith(line.out + '@before') for o in program.lines) or ''}"
        changed = Line(line.out, _edit_laid_out(line.op.layout), (before,), {"edit": edit}, line.where)
        program = program.with_lines(
            [*program.lines[:at], replace(line, out=before), changed, *program.lines[at + 1 :]]
        )
    return program


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """The saved form of an edit: JSON values only."""
    selection = [[s.start, s.stop, s.step] if isinstance(s, slice) else s for s in edit.selection]
    values = edit.values if edit.values is None else np.asarray(edit.values).tolist()
    return {"address": edit.address, "kind": edit.kind, "selection": selection, "values": values}


def edit_from_json(raw: object) -> Edit:
    """An edit from its saved form; slices are [start, stop] or [start, stop, step]. Else raises InputError."""
    given = raw if isinstance(raw, Mapping) else {}
    address, kind, selection = given.get("address"), given.get("kind"), given.get("selection", [])
    if not isinstance(address, str) or not isinstance(kind, str):
        raise InputError(f"edit: expected an object with an address and a kind, got {type(raw).__name__}")
    if not isinstance(selection, list):
        raise InputError(f"edit of {address}: selection: expected a list")
    return Edit(address, kind, tuple(_selected(s, address) for s in selection), _values(given.get("values"), address))


def _selected(raw: object, address: str) -> int | slice | None:
    """One index, slice or None (all) from its saved form."""
    if raw is None or type(raw) is int:
        return raw
    if isinstance(raw, list) and 1 < len(raw) < 4 and all(n is None or type(n) is int for n in raw):
        return slice(*raw)
    raise InputError(f"edit of {address}: selection: expected an index, [start, stop] or null for each axis")


def _values(raw: object, address: str) -> Array | float | None:
    """A number or an array of numbers from its saved form."""
    if raw is None:
        return None
    try:
        array = np.asarray(raw)
    except ValueError:
        array = np.asarray("ragged")
    if array.dtype.kind not in "iuf":
        raise InputError(f"edit of {address}: values: expected a number or an array of numbers")
    return float(array) if array.ndim == 0 else array
