"""`Run`: execute a program line by line, forward and back.

Values are bound once, so going back is forgetting: no copy is kept, and stepping again repeats the same operations on
the same arrays. A run that is only executed (`hold=False`) drops a value after its last reader.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from engine.edits import Edit, apply_edits
from engine.errors import Cancelled, ProgramError
from engine.program import Line, Program, Shape, Weights


class Run:
    """One execution of a program.

    values        what is bound now, by address: inputs, weights that were read, results
    cursor        number of lines done; `program.lines[cursor]` is next
    breakpoints   addresses before which `run` stops
    elapsed_s     seconds each line took when it was last done

    `edits` are scoped to this run: they become lines of its own copy of the program.
    """

    def __init__(
        self,
        program: Program,
        weights: Weights,
        inputs: Mapping[str, np.ndarray],
        edits: Sequence[Edit] = (),
        hold: bool = True,
        keep: Iterable[str] = (),
    ) -> None:
        missing = [name for name in program.inputs if name not in inputs]
        if missing:
            raise ProgramError(f"inputs {', '.join(missing)} were not given")
        self.program = apply_edits(program, edits)
        self.weights = weights
        self.hold = hold
        self.cursor = 0
        self.breakpoints: set[str] = set()
        self.values: dict[str, np.ndarray] = {name: inputs[name] for name in program.inputs}
        self.elapsed_s: dict[str, float] = {}
        self.input_shapes: dict[str, Shape] = {name: np.shape(inputs[name]) for name in program.inputs}
        self._last_reader = {name: reads[-1] for name, reads in self.program.readers().items()}
        self._kept = {*keep, *program.outputs}

    @property
    def next_line(self) -> Line | None:
        """The line that `step` would do, or None at the end."""
        return self.program.lines[self.cursor] if self.cursor < len(self.program) else None

    @property
    def done(self) -> bool:
        return self.cursor == len(self.program)

    def __getitem__(self, address: str) -> np.ndarray:
        """The value at an address (or a weight). Raises ProgramError if it is not bound now."""
        if address in self.values:
            return self.values[address]
        if address in self.program.params:
            return self.weights[address]
        if self.program.index(address) < self.cursor:
            raise ProgramError(f"{address} was dropped after its last reader: run with hold=True, or keep it")
        raise ProgramError(f"{address} is not computed yet: {self.cursor} of {len(self.program)} lines are done")

    def step(self) -> Line:
        """Do the next line and return it. Raises ProgramError at the end."""
        line = self.next_line
        if line is None:
            raise ProgramError("the run is at its end")
        ins = [self[name] for name in line.ins]
        started = time.perf_counter()
        try:
            with np.errstate(all="ignore"):  # infinities and NaN are values to look at here, not accidents
                self.values[line.out] = line.op.forward(*ins, **line.attrs)
        except Exception as error:
            shapes = ", ".join(f"{n} {np.shape(a)}" for n, a in zip(line.ins, ins, strict=True))
            error.add_note(f"in line {self.cursor}: {line}\nwith {shapes}\nwritten by {line.where}")
            raise
        self.elapsed_s[line.out] = time.perf_counter() - started
        self.cursor += 1
        if not self.hold:
            self._drop(line)
        return line

    def back(self) -> Line:
        """Undo the last line by forgetting its value. Raises ProgramError at the start or if values were dropped."""
        if self.cursor == 0:
            raise ProgramError("the run is at its beginning")
        if not self.hold:
            raise ProgramError("this run drops values as it goes, so it cannot go back")
        self.cursor -= 1
        line = self.program.lines[self.cursor]
        del self.values[line.out]
        return line

    def run(self, until: str | None = None, stop: Callable[[], bool] | None = None) -> Run:
        """Step to the end, or until `until` is bound, or to the next breakpoint. `stop` is polled before each line."""
        last = len(self.program) if until is None else self.program.index(until) + 1
        first = self.cursor
        while self.cursor < last:
            if stop is not None and stop():
                raise Cancelled("stopped before the pass was done; nothing was lost")
            if self.cursor > first and self.program.lines[self.cursor].out in self.breakpoints:
                break
            self.step()
        return self

    def rewind(self, address: str) -> Run:
        """Go back until the line that makes `address` is next."""
        first = self.program.index(address)
        while self.cursor > first:
            self.back()
        return self

    def _drop(self, done: Line) -> None:
        for name in {*done.ins, done.out}:
            if name not in self._kept and self._last_reader.get(name, -1) < self.cursor:
                self.values.pop(name, None)


def execute(
    program: Program, weights: Weights, inputs: Mapping[str, np.ndarray], keep: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """Run to the end, dropping what is not needed; return the outputs and the `keep` addresses."""
    keep = tuple(keep)
    for address in keep:
        program.index(address)
    run = Run(program, weights, inputs, hold=False, keep=keep).run()
    return {name: run.values[name] for name in (*program.outputs, *keep)}
