"""Shapes and prices that many operations share: what it costs to touch each element once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import ShapeError
from engine.program import Cost, Shape

FLOAT_BYTES = 4  # prices are for float32, the engine's working type


def elements(shape: Shape) -> int:
    """Number of elements, in Python integers, so that no size overflows."""
    return math.prod(shape)


def same(*shapes: Shape, **_: Any) -> Shape:
    """The shape of input 0: for element-wise operations on one array."""
    return shapes[0]


def broadcast(*shapes: Shape, **_: Any) -> Shape:
    """NumPy's broadcasting rule. Raises ShapeError where two sizes differ and neither is 1."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    if any(len({n for n in sizes if n != 1}) > 1 for sizes in zip(*padded, strict=True)):
        raise ShapeError(f"cannot broadcast {' with '.join(map(str, shapes))}")
    return tuple(next((n for n in sizes if n != 1), 1) for sizes in zip(*padded, strict=True))


def per_element(flops: int) -> Callable[[tuple[Shape, ...], Shape, Mapping[str, Any]], Cost]:
    """A price of `flops` operations per element of the result; every input is read once."""

    def cost(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
        read = sum(map(elements, ins))
        return Cost(flops * elements(out), FLOAT_BYTES * read, FLOAT_BYTES * elements(out))

    return cost


def free(ins: tuple[Shape, ...], out: Shape, attrs: Mapping[str, Any]) -> Cost:
    """A view costs nothing: no number is read or written."""
    return Cost(0, 0, 0)


def require(condition: bool, message: str) -> None:
    """Raise ShapeError with `message` unless `condition`."""
    if not condition:
        raise ShapeError(message)
