"""What an architecture file writes with: each call emits one line and returns its address.

    x = b("resid_mid", add, x, update)        inside `b.at("blocks.0")`: the address blocks.0.resid_mid
    w = b.param("attn.q.weight")              a weight of the place the builder is at

Every line remembers the file and line that wrote it, so that an error or a learner can find it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.ops.linear import linear
from engine.program import Line, Op, Program

PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class Builder:
    """Collects the lines of one program."""

    def __init__(self, *inputs: str) -> None:
        self.inputs = inputs
        self._params: dict[str, None] = {}
        self._lines: list[Line] = []
        self._place = ""

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Within the block, addresses and parameters get the prefix `place.`; places nest."""
        before, self._place = self._place, f"{self._place}{place}."
        try:
            yield
        finally:
            self._place = before

    def __call__(self, name: str, op: Op, *ins: str, **attrs: Any) -> str:
        """Emit `name = op(*ins, **attrs)` and return its full address."""
        out = self._place + name
        self._lines.append(Line(out, op, ins, attrs, _caller()))
        return out

    def param(self, name: str) -> str:
        """Note that the program reads this weight; return its full address."""
        self._params[self._place + name] = None
        return self._place + name

    def linear(self, name: str, x: str, *, bias: bool, transposed: bool, weights: str | None = None) -> str:
        """A matrix product with `<weights or name>.weight` (and `.bias`)."""
        parts = ("weight", "bias") if bias else ("weight",)
        return self(name, linear, x, *(self.param(f"{weights or name}.{p}") for p in parts), transposed=transposed)

    def program(self, *outputs: str) -> Program:
        """The finished, checked program."""
        return Program(self.inputs, tuple(self._params), tuple(self._lines), outputs).check()


def _caller() -> str:
    """Package-relative file:line of the architecture file that is emitting."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    try:
        path = Path(frame.f_code.co_filename).resolve().relative_to(PACKAGE_PARENT).as_posix()
    except ValueError:
        path = Path(frame.f_code.co_filename).name
    return f"{path}:{frame.f_lineno}"
