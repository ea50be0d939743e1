"""`Stepper`: one forward pass, walked forward and back at three depths, with breakpoints.

A step at depth "line" does one operation; at depth "part" the attention or the MLP of a block; at depth "block" all
of a block. Going in and out changes the depth, as a debugger does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.cost import infer_shapes, price
from engine.edits import Edit
from engine.effect import EditView
from engine.listing import block_of, call_text, section_of, subject_of
from engine.memory import place_of
from engine.ops.cache import caches_of
from engine.program import Program, Shape, Weights
from engine.run import Run
from engine.snapshot import ListingRow, Stepping

DEPTHS = ("block", "part", "line")


class Stepper:
    """A run that is being stepped, and what a screen shows of it."""

    def __init__(self, what: str, program: Program, weights: Weights, inputs: Mapping[str, np.ndarray],
                 edits: Sequence[Edit] = (), breakpoints: set[str] | None = None,
                 depth: str = "line", kind: str = "plain") -> None:  # fmt: skip
        self.what, self.depth, self.kind = what, depth, kind
        self.edits: tuple[EditView, ...] = ()  # all that were asked for, for a list
        self.run = Run(program, weights, inputs, edits)
        self.run.breakpoints = breakpoints if breakpoints is not None else set()
        program = self.run.program
        self._caches = {name for line in program.lines for name in caches_of(line)}  # written while it is stepped
        shapes = infer_shapes(
            program, {n: weights[n].shape for n in program.params} | {n: np.shape(inputs[n]) for n in program.inputs}
        )
        costs = price(program, shapes)
        self._rows = [
            ListingRow(line.out, line.op.name, call_text(line), line.op.equation, line.op.explanation, line.op.paper,
                       line.where, shapes[line.out], costs[line.out], None, False, line.op.is_view, line.ins,
                       tuple((k, v) for k, v in line.attrs.items() if v is None or isinstance(v, int | float)))
            for line in program.lines
        ]  # fmt: skip

    @property
    def is_plain(self) -> bool:
        """Whether it is the plain program over all tokens."""
        return self.kind == "plain"

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every value of the pass, done or not."""
        return {row.address: row.shape for row in self._rows}

    def step(self) -> None:
        """Forward by one unit of the present depth. Raises ProgramError at the end."""
        line = self.run.step()
        if self.depth != "line":
            self._finish(self.group(line.out))

    def back(self) -> None:
        """Back by one unit of the present depth. Raises ProgramError at the beginning."""
        group = self.group(self.run.back().out)
        lines = self.run.program.lines
        while self.depth != "line" and self.run.cursor and self.group(lines[self.run.cursor - 1].out) == group:
            self.run.back()

    def into(self) -> None:
        """One level deeper, and the first step there."""
        self.depth = DEPTHS[min(DEPTHS.index(self.depth) + 1, 2)]
        if not self.run.done:
            self.step()

    def out(self) -> None:
        """Finish the unit that the cursor is in (or up to a breakpoint), then one level up."""
        outer = DEPTHS[max(DEPTHS.index(self.depth) - 1, 0)]
        inside = self.group(self.run.program.lines[self.run.cursor - 1].out, outer) if self.run.cursor else None
        self.depth = outer
        self._finish(inside)

    def run_until(self, address: str | None, stop: Callable[[], bool]) -> None:
        """To the end, the next breakpoint, or until `address` is computed."""
        self.run.run(address, stop)

    def redo(self, address: str, stop: Callable[[], bool]) -> None:
        """Again to where a pass was before it was changed, through every breakpoint."""
        breakpoints, self.run.breakpoints = self.run.breakpoints, set()
        try:
            self.run.run(address, stop)
        finally:
            self.run.breakpoints = breakpoints

    def rewind(self, address: str | None) -> None:
        """Back to the beginning, or until the line of `address` is next."""
        self.run.rewind(address or self.run.program.lines[0].out)

    def _finish(self, group: str | None) -> None:
        """On to the end of a unit or the next breakpoint."""
        while (line := self.run.next_line) and self.group(line.out) == group and line.out not in self.run.breakpoints:
            self.run.step()

    def group(self, address: str, depth: str | None = None) -> str:
        """The unit an address belongs to at some depth."""
        return unit_of(address, depth or self.depth)

    def view(self) -> Stepping:
        """What a screen shows: frozen, with read-only values."""
        elapsed, done = self.run.elapsed_s, self.run.cursor
        rows = tuple(
            ListingRow(**{**vars(row), "elapsed_s": elapsed.get(row.address) if i < done else None,
                          "breakpoint": row.address in self.run.breakpoints})
            for i, row in enumerate(self._rows)
        )  # fmt: skip
        values = {name: _frozen(a) for name, a in self.run.values.items() if name not in self._caches}
        ids = tuple(self.run.values["tokens"][0].tolist())
        return Stepping(self.what, self.depth, rows, done, values, self.kind, ids, self.edits)


def unit_of(address: str, depth: str) -> str:
    """The block, the part of a block or the line that an address belongs to, by the depth."""
    if depth == "line":
        return address
    section, subject = section_of(address), subject_of(address)
    block = block_of(subject)
    if depth == "block" or not block:
        return f"{section} {place_of(subject)}".strip()
    return f"{section} {block}.{subject.removeprefix(block + '.').split('.')[0]}".strip()


def _frozen(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
