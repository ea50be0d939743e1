"""`Trace`: what a run did, as a frozen value: its lines with shapes, costs and times, and values in a byte budget.

A trace outlives its run. It is what two passes are compared by, what an edit patches from, and what is saved.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from engine.cost import infer_shapes, price
from engine.errors import ProgramError
from engine.listing import call_text
from engine.program import Cost, Line, Shape
from engine.run import Run
from engine.settings import Settings

Array = np.ndarray
BUDGET_BYTES = 256 << 20


@dataclass(frozen=True)
class TraceRow:
    """One line of the recorded program. `elapsed_s` is None where the run had not come to it."""

    address: str
    op: str
    call: str
    where: str
    shape: Shape
    cost: Cost
    elapsed_s: float | None


@dataclass(frozen=True, eq=False)
class Trace:
    """What a run did. It shares no memory with the run, and its arrays are read-only.

    fingerprint   names the model                    settings   under which it ran
    tokens        ids of the whole text              rows       all lines of its program, in order
    values        by address: what was computed and fits in the budget
    dropped       addresses that were computed but not recorded, in order
    """

    fingerprint: str
    settings: Settings
    tokens: tuple[int, ...]
    rows: tuple[TraceRow, ...]
    values: Mapping[str, Array] = field(repr=False)
    dropped: tuple[str, ...]

    def __getitem__(self, address: str) -> Array:
        """The value at an address. Raises ProgramError that says why it is not here."""
        if address in self.values:
            return self.values[address]
        known = [row.address for row in self.rows]
        if address in self.dropped:
            raise ProgramError(f"{address} was computed, but is not in the trace: its byte budget was used up")
        if address in known:
            raise ProgramError(f"{address} was not computed when the trace was made")
        close = difflib.get_close_matches(address, known, n=3)
        raise ProgramError(f"address {address!r} is not in this trace; did you mean {', '.join(close) or known[-1]}?")

    def __contains__(self, address: str) -> bool:
        return address in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    @property
    def value_bytes(self) -> int:
        """Memory of the recorded values; a view costs nothing."""
        return sum({id(array): array.nbytes for array in self.values.values() if array.base is None}.values())

    @property
    def elapsed_s(self) -> float:
        """Seconds of all lines that were done."""
        return sum(row.elapsed_s for row in self.rows if row.elapsed_s is not None)


def record(
    run: Run, *, fingerprint: str, settings: Settings, tokens: Sequence[int], budget_bytes: int = BUDGET_BYTES
) -> Trace:
    """The trace of what a run has done so far.

    Where the values need more than `budget_bytes`, the largest are left out, outputs last.
    """
    program = run.program
    done = program.lines[: run.cursor]
    owners = [line for line in done if line.out in run.values and not _is_view_of_another(line, run)]
    kept: dict[str, Array] = {}
    left = budget_bytes
    for line in sorted(owners, key=lambda line: (line.out not in program.outputs, run.values[line.out].nbytes)):
        value = run.values[line.out]
        if value.nbytes <= left:
            left -= value.nbytes
            kept[line.out] = _frozen_copy(value)
    for line in done:
        if line.out not in kept and line.out in run.values and line.ins[0] in kept and _is_view_of_another(line, run):
            kept[line.out] = _frozen_view(line, kept[line.ins[0]])
    values = {line.out: kept[line.out] for line in done if line.out in kept}
    dropped = tuple(line.out for line in done if line.out not in kept)
    return Trace(fingerprint, settings, tuple(tokens), _rows(run), MappingProxyType(values), dropped)


def _is_view_of_another(line: Line, run: Run) -> bool:
    """Whether a value lies in that of another line of the run; a view of a cache does not, for the cache is written."""
    return line.op.is_view and line.ins[0] in run.program and line.ins[0] in run.values


def _rows(run: Run) -> tuple[TraceRow, ...]:
    program = run.program
    known = {name: np.shape(run.weights[name]) for name in program.params}
    shapes = infer_shapes(program, known | run.input_shapes)
    costs = price(program, shapes)
    return tuple(
        TraceRow(line.out, line.op.name, call_text(line), line.where, shapes[line.out], costs[line.out],
                 run.elapsed_s[line.out] if i < run.cursor else None)
        for i, line in enumerate(program.lines)
    )  # fmt: skip


def _frozen_copy(value: Array) -> Array:
    """A copy in the same layout, so that a view of the value is a view of the copy too."""
    copy = value.copy(order="K")
    copy.flags.writeable = False
    return copy


def _frozen_view(line: Line, of: Array) -> Array:
    view = line.op.forward(of, **line.attrs)
    view.flags.writeable = False
    return view
