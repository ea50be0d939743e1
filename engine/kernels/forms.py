"""What the kernels share: which values can be seen as one row or one axis, and constants."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.emitter import Emitter, Ref
from engine.program import Line

Kernel = Callable[[Emitter, Line, list[Ref], Ref], bool]


def one_row(out: Ref) -> bool:
    """Whether a value is a single row: all axes but the last are 1."""
    return not out.grows and math.prod(out.sizes[:-1]) == 1


def is_flat(ref: Ref) -> bool:
    """Whether a value lies in one piece of memory, so that it can be seen as one axis."""
    return ref.array is not None and not ref.grows and ref.array.flags.c_contiguous


def number(e: Emitter, value: float) -> str:
    """A constant as a 0-dimensional array: with a row, NumPy takes it at half the price of a Python float."""
    key = ("number", value)
    if key not in e.memo:
        e.memo[key] = e.constant(np.array(value, np.float32))
    return e.memo[key]


def item(e: Emitter, ids: Ref) -> str:
    """The only number of a one-element argument."""
    return e.once(f"{e.whole(ids)}.item()")
