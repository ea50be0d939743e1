"""The forward pass is data: a `Program` is a flat, printable list of named lines.

    blocks.0.attn.pattern = softmax(blocks.0.attn.masked)

Nobody writes lines by hand. The functions in `models/` emit them; the same list is then stepped (`run`), compiled
(`compile`), priced (`cost`), rewritten (`rewrites/`), printed and compared (`listing`). All records are frozen.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from engine.errors import ProgramError

Shape = tuple[int, ...]
Weights = Mapping[str, np.ndarray]

ADDRESS = re.compile(r"[A-Za-z0-9_.@]+")  # safe in file names, shells and pages


class Cost(NamedTuple):
    """What one line costs: floating point operations, and bytes of memory it must at least read and write."""

    flops: int
    bytes_read: int
    bytes_written: int

    def __add__(self, other: object) -> Cost:
        return Cost(*(a + b for a, b in zip(self, other, strict=True))) if isinstance(other, Cost) else NotImplemented


@dataclass(frozen=True, eq=False)
class Op:
    """What an operation means. Two lines have the same operation exactly if they hold the same `Op` object.

    forward      (*ins, out=None, **attrs) -> array; given `out` it writes there and returns it
    shape        (*in_shapes, **attrs) -> shape of the result
    cost         (in_shapes, out_shape, attrs) -> Cost
    alias        None; "view" (shares the memory of input 0); "inplace=i" (may overwrite input i as its last reader)
    layout       axes of the result in memory order, where that is not C order; lets the next line be a view
    """

    name: str
    equation: str
    explanation: str
    forward: Callable[..., np.ndarray]
    shape: Callable[..., Shape]
    cost: Callable[[tuple[Shape, ...], Shape, Mapping[str, Any]], Cost]
    paper: str = ""
    alias: str | None = None
    layout: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        return f"Op({self.name})"

    @property
    def is_view(self) -> bool:
        return self.alias == "view"

    @property
    def overwrites(self) -> int | None:
        """The input whose memory the result may take, or None."""
        return int(self.alias.removeprefix("inplace=")) if self.alias and self.alias.startswith("inplace=") else None


@dataclass(frozen=True)
class Line:
    """`out = op(*ins, **attrs)`. `out` is a stable address; `where`, the builder, does not count in `==`."""

    out: str
    op: Op
    ins: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    where: str = field(default="", compare=False)

    def __str__(self) -> str:
        attrs = [f"{k}={v}" for k, v in self.attrs.items() if v is not None]
        return f"{self.out} = {self.op.name}({', '.join([*self.ins, *attrs])})"


@dataclass(frozen=True)
class Program:
    """Inputs (tokens, positions, caches), the parameters it reads, its lines in order, and what it returns."""

    inputs: tuple[str, ...]
    params: tuple[str, ...]
    lines: tuple[Line, ...]
    outputs: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, address: str) -> bool:
        return any(line.out == address for line in self.lines)

    def __str__(self) -> str:
        from engine.listing import listing

        return listing(self)

    def index(self, address: str) -> int:
        """Position of the line that makes `address`. Raises ProgramError, naming near misses."""
        from engine.listing import near

        for i, line in enumerate(self.lines):
            if line.out == address:
                return i
        raise ProgramError(f"address {address!r} is not in this program; {near(self, address)}")

    def readers(self) -> dict[str, list[int]]:
        """For each name, the positions of the lines that read it, in order."""
        readers: dict[str, list[int]] = defaultdict(list)
        for i, line in enumerate(self.lines):
            for name in line.ins:
                readers[name].append(i)
        return dict(readers)

    def check(self) -> Program:
        """Raise ProgramError unless every name is well formed and bound exactly once, before it is read."""
        bound: set[str] = set()

        def bind(name: str) -> None:
            if not ADDRESS.fullmatch(name):
                raise ProgramError(f"{name!r} is not an address: letters, digits and _ . @ only")
            if name in bound:
                raise ProgramError(f"{name!r} is bound twice")
            bound.add(name)

        for name in (*self.inputs, *self.params):
            bind(name)
        for line in self.lines:
            if unbound := [name for name in line.ins if name not in bound]:
                raise ProgramError(f"{line.out}: reads {unbound[0]!r} before it is bound")
            bind(line.out)
        if missing := [name for name in self.outputs if name not in bound]:
            raise ProgramError(f"output {missing[0]!r} is never bound")
        return self

    def with_lines(self, lines: Iterable[Line], **changes: Any) -> Program:
        """This program with other lines; weights that nothing reads any more are dropped, new ones are added."""
        lines = tuple(lines)
        read, made = {name for line in lines for name in line.ins}, {line.out for line in lines}
        inputs = changes.pop("inputs", self.inputs)
        kept = [p for p in self.params if p in read]
        new = [n for line in lines for n in line.ins if n not in made and n not in inputs and n not in kept]
        return replace(self, lines=lines, inputs=inputs, params=(*kept, *dict.fromkeys(new)), **changes).check()
