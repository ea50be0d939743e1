"""`compile_program`: one program as one straight-line Python function over preallocated buffers.

The function is bound to a number of tokens: all buffers lie in one arena, every view that does not grow with the text
is taken beforehand, and what remains is a list of NumPy calls. Which calls an operation becomes stands in `kernels`;
an operation without a kernel is called as it is, writing into its buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from engine.arena import Plan, plan
from engine.cost import infer_shapes
from engine.emitter import Emitter, Ref
from engine.errors import Cancelled, ProgramError
from engine.kernels import KERNELS
from engine.listing import block_of
from engine.ops.cache import APPENDS, caches_of
from engine.program import Line, Program, Shape, Weights

UNLIKELY = 7_368_787  # a prime: lengths of growing axes are marked by its multiples while shapes are inferred


class Compiled:
    """A compiled program. It owns its buffers, so each thread needs its own.

    Calling it with the program's inputs returns outputs and kept values by address, in arrays of their own. Caches are
    bound by identity and written in place; a value with a home in `homes` is computed there. `poison` fills every
    buffer with NaN after its last reader, so that a test sees a value that is used after its time. With more than one
    token, `stop` is asked before each block; if it says yes, the call raises Cancelled.
    """

    def __init__(self, program: Program, weights: Weights, keep: Iterable[str] = (), poison: bool = False,
                 homes: Mapping[str, np.ndarray] | None = None) -> None:  # fmt: skip
        self.program, self.weights, self.poison = program, weights, poison
        self.homes = dict(homes or {})
        self.results = tuple(dict.fromkeys((*program.outputs, *keep)))
        for address in self.results:
            program.index(address)
        self._caches = tuple(name for line in program.lines for name in caches_of(line))
        self._arguments = tuple(name for name in program.inputs if name not in self._caches)
        self._growing = tuple(dict.fromkeys(line.ins[3] for line in program.lines if line.op in APPENDS))
        self._arena = np.empty(0, np.float32)
        self._scratch: dict[int, np.ndarray] = {}
        self._bound: dict[Any, Callable[..., tuple[np.ndarray, ...]]] = {}
        self._bound_caches: tuple[int, ...] = ()
        self.stop: Callable[[], bool] | None = None

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        caches = tuple(id(inputs[name]) for name in self._caches)
        if caches != self._bound_caches:
            self._bound.clear()
            self._bound_caches = caches
        shape = inputs["tokens"].shape
        bound = self._bound.get(shape)
        if bound is None:
            bound = self._bound[shape] = self.bind(inputs)
        with np.errstate(all="ignore"):
            values = bound(*(inputs[name] for name in self._arguments))
        return dict(zip(self.results, values, strict=True))

    def poll(self) -> None:
        """Raise Cancelled if the caller wants to stop."""
        if self.stop is not None and self.stop():
            raise Cancelled("stopped in the middle of a pass; the text is as it was")

    @property
    def arena_bytes(self) -> int:
        """Memory of all intermediate results."""
        return self._arena.nbytes

    def bind(self, inputs: Mapping[str, np.ndarray]) -> Callable[..., tuple[np.ndarray, ...]]:
        """The function for this number of tokens and these caches."""
        capacity = {line.ins[3]: inputs[line.ins[0]].shape[2] for line in self.program.lines if line.op in APPENDS}
        known = {name: np.shape(self.weights[name]) for name in self.program.params}
        known |= {name: np.shape(inputs[name]) for name in self.program.inputs}
        largest = infer_shapes(self.program, known | {name: (slots,) for name, slots in capacity.items()})
        marks = {name: UNLIKELY * (i + 1) for i, name in enumerate(self._growing)}
        marked = infer_shapes(self.program, known | {name: (mark,) for name, mark in marks.items()})
        planned = plan(self.program, largest, self.homes)
        if self._arena.size < planned.size:
            self._arena = np.zeros(planned.size, np.float32)
            self._bound.clear()
        return _Binding(self, inputs, planned, largest, marked).function()


class _Binding:
    """The making of one bound function."""

    def __init__(self, owner: Compiled, inputs: Mapping[str, np.ndarray], planned: Plan,
                 largest: Mapping[str, Shape], marked: Mapping[str, Shape]) -> None:  # fmt: skip
        self.owner, self.planned, self.largest, self.marked = owner, planned, largest, marked
        self.emitter = Emitter(owner._scratch)
        self.refs: dict[str, Ref] = {}
        self.kept: dict[str, str] = {}
        for name in owner.program.params:
            self.refs[name] = Ref(largest[name], owner.weights[name])
        for i, name in enumerate(owner._arguments):
            self.refs[name] = Ref(self._sizes(name), name=f"a{i}")
        for name in owner._caches:
            self.refs[name] = Ref(largest[name], inputs[name])

    def function(self) -> Callable[..., tuple[np.ndarray, ...]]:
        owner, e = self.owner, self.emitter
        for i, name in enumerate(owner._growing):
            e.line(f"S{i} = len({self.refs[name].name})")
        last = {s.name: s.last for s in self.planned.storages.values()}
        block = ""
        for i, line in enumerate(owner.program.lines):
            if block_of(line.out) != block and self.largest["tokens"] != (1, 1):
                block = block_of(line.out)
                e.call(owner.poll)
            self._emit(line)
            if line.out in owner.results:
                self.kept[line.out] = self._result(line.out)
            if owner.poison:
                self._poison([name for name, when in last.items() if when == i])
        result = ", ".join(self.kept[name] for name in owner.results)
        return e.build("forward", [f"a{i}" for i in range(len(owner._arguments))], f"({result},)")

    def _result(self, address: str) -> str:
        """The name of a value to return: a copy, unless it lies at home."""
        whole = self.emitter.whole(self.refs[address])
        if address in self.owner.homes:
            return whole
        name = self.emitter.fresh()
        self.emitter.line(f"{name} = {whole}.copy()")
        return name

    def _emit(self, line: Line) -> None:
        ins = [self.refs[name] for name in line.ins]
        is_fixed = not any(ref.grows or ref.array is None for ref in ins)
        if line.op.is_view and is_fixed and line.op not in APPENDS:
            view = line.op.forward(*(ref.array for ref in ins), **line.attrs)
            assert np.may_share_memory(view, ins[0].fixed), f"{line.out} was copied, not viewed"
            self.refs[line.out] = Ref(self.largest[line.out], view)
            return
        if line.op.is_view and line.op not in APPENDS:
            taken = self.emitter.once(
                f"{self.emitter.constant(line.op.forward)}({', '.join(map(self.emitter.whole, ins))})"
            )
            self.refs[line.out] = Ref(self._sizes(line.out), name=taken)
            return
        out = self.refs[line.out] = self._place(line)
        kernel = KERNELS.get(line.op)
        if kernel is None or not kernel(self.emitter, line, ins, out):
            self._call(line, ins, out)

    def _call(self, line: Line, ins: list[Ref], out: Ref) -> None:
        """The operation itself, writing into the buffer."""
        e = self.emitter
        attrs = {key: e.constant(value) for key, value in line.attrs.items()}
        e.call(line.op.forward, *map(e.whole, ins), out=e.whole(out), **attrs)

    def _place(self, line: Line) -> Ref:
        """Where the line's result lies: its own piece of the arena, or the memory of the input it takes over."""
        sizes = self._sizes(line.out)
        if line.op in APPENDS:
            return Ref(sizes, cache=self.refs[line.ins[0]].array)
        if line.out in self.owner.homes:
            return Ref(sizes, self.owner.homes[line.out])
        taken = self.planned.takes.get(line.out)
        if taken in self.owner.homes:
            return Ref(sizes, self.owner.homes[taken])
        if taken is not None:
            return Ref(sizes, self.refs[taken].array)
        storage = self.planned.storages[line.out]
        flat = self.owner._arena[storage.offset : storage.offset + storage.size]
        if any(isinstance(size, str) for size in sizes):
            if line.op.layout:
                raise ProgramError(f"{line.out}: a growing value with a layout of its own cannot be compiled")
            return Ref(sizes, flat)
        return Ref(sizes, _laid_out(flat, self.largest[line.out], line.op.layout))

    def _sizes(self, name: str) -> tuple[int | str, ...]:
        """The shape, with the names of growing sizes in place of their marks."""
        return tuple(f"S{n // UNLIKELY - 1}" if n and n % UNLIKELY == 0 else n for n in self.marked[name])

    def _poison(self, names: list[str]) -> None:
        for name in names:
            storage = self.planned.storages[name]
            piece = self.owner._arena[storage.offset : storage.offset + storage.size]
            self.emitter.line(f"{self.emitter.constant(piece)}.fill({self.emitter.constant(np.nan)})")


def _laid_out(flat: np.ndarray, shape: Shape, layout: tuple[int, ...] | None) -> np.ndarray:
    """`shape` over the beginning of a flat buffer, with the axes in the order `layout` in memory."""
    order = layout or tuple(range(len(shape)))
    count = int(np.prod(shape, dtype=np.int64))
    return flat[:count].reshape([shape[axis] for axis in order]).transpose(np.argsort(order))


def compile_program(program: Program, weights: Weights, keep: Iterable[str] = (), poison: bool = False,
                    homes: Mapping[str, np.ndarray] | None = None) -> Compiled:  # fmt: skip
    """Compile a program; `keep` names the values that are returned beside its outputs."""
    return Compiled(program, weights, keep, poison, homes)
