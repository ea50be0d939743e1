"""Memory for weights that are read from beginning to end for every token: aligned, close together, in large pages.

An array from the ordinary allocator starts in the middle of a cache line, so that every wide load touches two; and a
large model in 4 KiB pages misses the address cache all the time. Both cost about a tenth of a generated token.
"""

from __future__ import annotations

import math
import mmap

import numpy as np
from numpy.typing import DTypeLike

LINE_BYTES = 64
PAGE_BYTES = 2 << 20
SLAB_BYTES = 32 << 20


class Pool:
    """Hands out arrays from slabs of large pages. A slab lives as long as any of its arrays."""

    def __init__(self) -> None:
        self._slab = np.empty(0, np.uint8)
        self._used = 0

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
        """An array with undefined content, aligned to a cache line."""
        needed = np.dtype(dtype).itemsize * math.prod(shape)
        size = -(-needed // LINE_BYTES) * LINE_BYTES
        if self._used + size > self._slab.size:
            self._slab, self._used = _slab(max(size, min(SLAB_BYTES, 2 * self._slab.size + PAGE_BYTES))), 0
        start, self._used = self._used, self._used + size
        return self._slab[start : start + needed].view(dtype).reshape(shape)

    def copy(self, array: np.ndarray) -> np.ndarray:
        """The array's values in C order, in the pool, read-only."""
        new = self.empty(array.shape, array.dtype)
        new[...] = array
        new.flags.writeable = False
        return new


def _slab(size: int) -> np.ndarray:
    """Fresh zeroed memory, starting at a page boundary; untouched pages cost nothing."""
    size = -(-size // PAGE_BYTES) * PAGE_BYTES
    memory = mmap.mmap(-1, size + PAGE_BYTES)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(memory, np.uint8)
    skip = -whole.ctypes.data % PAGE_BYTES
    return whole[skip : skip + size]
