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
from engine.program import Line, Op, Program, Shape

Array = np.ndarray
KINDS = ("zero", "scale", "add", "set", "mean", "ablate_head", "patch")
Selection = tuple[int | slice | None, ...]


@dataclass(frozen=True, eq=False)
class Edit:
    """Change the value at `address`.

    kind        zero | scale (by `values`) | add | set | mean (over all tokens) | ablate_head | patch (from a trace)
    selection   one index, slice or None (all) per leading axis; for ablate_head, the head's number
    values      a number or an array that broadcasts to the selection; unused by zero, mean and ablate_head
    source      where an array came from, as `--edit` takes it: a trace file; empty if it was not said
    """

    address: str
    kind: str
    selection: Selection = ()
    values: Array | float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"edit {self.kind!r}: expected one of {', '.join(KINDS)}")
        if self.kind in ("scale", "add", "set", "patch") and self.values is None:
            raise InputError(f"edit {self.kind} of {self.address}: needs a value")

    def __str__(self) -> str:
        """As a person writes it."""
        from engine.edit_text import edit_text

        return edit_text(self)

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
        result[at] = np.broadcast_to(x.mean(-2, keepdims=True), x.shape)[at]  # over tokens: (..., T, width)
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


def require_fit(edit: Edit, shape: Shape) -> None:
    """Raise InputError unless a value of this shape has the selected places, and they take the edit's values."""
    what, said = f"edit {edit.kind} of {edit.address}", "x".join(map(str, shape))
    is_head = len(edit.selection) == 1 and isinstance(edit.selection[0], int) and len(shape) == 4
    if edit.kind == "ablate_head" and not is_head:
        raise InputError(f"{what}: needs one head's number and a value (1, heads, tokens, ...), this one is {said}")
    picked = (None, *edit.selection) if edit.kind == "ablate_head" else edit.selection
    if len(picked) > len(shape):
        raise InputError(f"{what}: {len(picked)} axes are selected, but the value is {said}")
    for axis, (chosen, size) in enumerate(zip(picked, shape, strict=False)):
        if isinstance(chosen, slice) and (not range(size)[chosen] or (chosen.stop or size) > size):
            raise InputError(
                f"{what}: axis {axis}: {chosen.start} to {(chosen.stop or size) - 1} is not within its {size} places"
            )
        if isinstance(chosen, int) and not -size <= chosen < size:
            raise InputError(f"{what}: axis {axis}: {chosen} is not one of its {size} places, from 0")
    if edit.kind == "mean" and len(shape) < 2:
        raise InputError(f"{what}: a value of one axis has no tokens to take the mean over")
    part = np.broadcast_to(np.float32(0), shape)[edit.index()].shape
    try:
        np.broadcast_to(np.asarray(0.0 if edit.values is None else edit.values), part)
    except ValueError:
        raise InputError(f"{what}: the values are {np.asarray(edit.values).shape}, the place is {part}") from None


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """The saved form of an edit: JSON values only."""
    selection = [[s.start, s.stop, s.step] if isinstance(s, slice) else s for s in edit.selection]
    values = edit.values if edit.values is None else np.asarray(edit.values).tolist()
    raw = {"address": edit.address, "kind": edit.kind, "selection": selection, "values": values}
    return raw | {"source": edit.source} if edit.source else raw


def edit_from_json(raw: object) -> Edit:
    """An edit from its saved form; slices are [start, stop] or [start, stop, step]. Else raises InputError."""
    given = raw if isinstance(raw, Mapping) else {}
    address, kind, selection = given.get("address"), given.get("kind"), given.get("selection", [])
    if not isinstance(address, str) or not isinstance(kind, str):
        raise InputError(f"edit: expected an object with an address and a kind, got {type(raw).__name__}")
    if not isinstance(selection, list):
        raise InputError(f"edit of {address}: selection: expected a list")
    places = tuple(_selected(s, address) for s in selection)
    return Edit(address, kind, places, _values(given.get("values"), address), str(given.get("source", "")))


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
