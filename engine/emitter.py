"""Writes the source of a compiled function and collects the constants that it names.

Source holds only names of our own making (`v3`), numbers, and calls; arrays, functions and settings are constants in
the function's namespace. No text from a file ever gets into it.

A value is a `Ref`. Its shape is known when the function is bound, except for axes whose length is the number of tokens
seen: there the shape holds a name, `S0`, that the function computes anew each time it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
Size = int | str


@dataclass
class Ref:
    """A value in generated source.

    shape   sizes, or names of growing sizes
    array   the array itself, if no axis grows; else the flat buffer it starts in, or None for a call's argument
    name    its name in the source, if it has one of its own
    cache   for what a cache holds: the whole cache, (1, G, C, d)
    """

    shape: tuple[Size, ...]
    array: Array | None = None
    name: str | None = None
    cache: Array | None = None

    @property
    def grows(self) -> bool:
        return any(isinstance(size, str) for size in self.shape)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of a value that does not grow."""
        assert not self.grows
        return tuple(int(size) for size in self.shape)

    @property
    def fixed(self) -> Array:
        """The array of a value that does not grow."""
        assert self.array is not None and not self.grows
        return self.array


class Emitter:
    """Lines of source in the making, with their namespace."""

    def __init__(self, scratch: dict[int, Array] | None = None) -> None:
        self.source: list[str] = []
        self.namespace: dict[str, Any] = {}
        self._constants: dict[Any, str] = {}
        self._held: list[object] = []  # keeps ids in _constants valid
        self._expressions: dict[str, str] = {}
        self.memo: dict[Any, Any] = {}  # what kernels share within one function
        self._scratch: dict[int, Array] = {} if scratch is None else scratch
        self._count = 0

    def fresh(self) -> str:
        """A name nobody else has."""
        self._count += 1
        return f"v{self._count}"

    def constant(self, value: object) -> str:
        """The name of a constant in the namespace; one object gets one name."""
        key = (type(value), value) if isinstance(value, (int, float, str)) else id(value)
        if key not in self._constants:
            self._held.append(value)
            self._constants[key] = name = self.fresh()
            self.namespace[name] = value
        return self._constants[key]

    def line(self, text: str) -> None:
        """One line of source."""
        self.source.append(text)

    def call(self, function: Callable[..., Any], *args: str, **named: str) -> None:
        """`function(*args, **named)`; arguments are names."""
        words = [*args, *(f"{k}={v}" for k, v in named.items())]
        self.line(f"{self.constant(function)}({', '.join(words)})")

    def buffer(self, size: int) -> Array:
        """A flat buffer for use within one operation; all operations that want one of this size get the same.

        It begins at a cache line, so that no wide load or store touches two.
        """
        if size not in self._scratch:
            space = np.empty(size + 16, np.float32)
            start = -space.ctypes.data % 64 // 4
            self._scratch[size] = space[start : start + size]
        return self._scratch[size]

    def scratch(self, size: int, shape: tuple[int, ...] | None = None) -> str:
        """The name of a buffer, seen with some axes."""
        return self.view(Ref((size,), self.buffer(size)), lambda a: a.reshape(shape or (size,)))

    def once(self, expression: str) -> str:
        """The name of an expression's value, computed once per call of the function."""
        if expression not in self._expressions:
            self._expressions[expression] = name = self.fresh()
            self.line(f"{name} = {expression}")
        return self._expressions[expression]

    @staticmethod
    def width(ref: Ref) -> int:
        """The length of the last axis, which does not grow."""
        return int(ref.shape[-1])

    def whole(self, ref: Ref) -> str:
        """The value with all its axes."""
        if ref.name:
            return ref.name
        assert ref.array is not None
        if not ref.grows:
            return self.constant(ref.array)
        return self.once(f"{self.flat(ref)}.reshape({', '.join(map(str, ref.shape))})")

    def flat(self, ref: Ref) -> str:
        """The value as one axis. A buffer must lie contiguous in memory; another value is copied if it does not."""
        if ref.array is None:
            return self.once(f"{self.whole(ref)}.reshape(-1)")
        if ref.grows:
            assert ref.array is not None and ref.array.ndim == 1
            return self.once(f"{self.constant(ref.array)}[:{self.size(ref.shape)}]")
        return self.view(ref, lambda a: a.reshape(-1))

    def rows(self, ref: Ref, width: Size) -> str:
        """The value as rows of `width`."""
        if ref.grows:
            count = self.size(ref.shape[:-1])
            return self.once(f"{self.flat(ref)}.reshape({count}, {width})")
        return self.view(ref, lambda a: a.reshape(-1, int(width)))

    def shaped(self, ref: Ref, *shape: Size) -> str:
        """The value with other axes over the same memory."""
        if ref.grows or any(isinstance(size, str) for size in shape):
            return self.once(f"{self.flat(ref)}.reshape({', '.join(map(str, shape))})")
        fixed = [int(size) for size in shape]
        return self.view(ref, lambda a: a.reshape(fixed))

    def view(self, ref: Ref, take: Callable[[Array], Array]) -> str:
        """A view of a value of fixed shape, taken now and bound as a constant."""
        taken = take(ref.fixed)
        assert np.shares_memory(taken, ref.fixed) or taken.size == 0, "a view was copied"
        key = (taken.__array_interface__["data"][0], taken.shape, taken.strides)
        if key not in self._constants:
            self._constants[key] = self.constant(taken)
        return self._constants[key]

    @staticmethod
    def size(shape: tuple[Size, ...]) -> str:
        """The product of sizes, as source."""
        known = 1
        names = []
        for size in shape:
            if isinstance(size, str):
                names.append(size)
            else:
                known *= size
        return " * ".join([str(known), *names] if known != 1 or not names else names)

    def build(self, name: str, parameters: list[str], result: str) -> Callable[..., Any]:
        """The finished function: `def name(parameters): ...; return result`."""
        body = "\n".join(f"    {text}" for text in [*self.source, f"return {result}"])
        text = f"def {name}({', '.join(parameters)}):\n{body}\n"
        exec(_code(text, name), self.namespace)
        return self.namespace[name]


_CODE: dict[str, Any] = {}


def _code(text: str, name: str) -> Any:
    """Compiled source, remembered: functions for other numbers of tokens mostly have the same text."""
    if text not in _CODE:
        if len(_CODE) > 64:
            _CODE.clear()
        _CODE[text] = compile(text, f"<compiled {name}>", "exec")
    return _CODE[text]
