"""The fastest this machine goes: floating point operations and bytes of memory per second, measured by NumPy itself.

A line of a program cannot be faster than its arithmetic at the one rate or its traffic at the other. The slower of the
two bounds it; where it takes much longer than both, what holds it up is the overhead of the call.
Williams, Waterman, Patterson 2009, Roofline, doi:10.1145/1498765.1498785.

A measurement takes half a second and is kept in a file, so that pictures of one machine speak of one machine.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from engine.errors import MiniGPTError
from engine.files import atomic_write, read_json
from engine.program import Cost

Bound = Literal["compute", "memory", "overhead"]
SIDE = 768  # of the matrices multiplied: 2 x 768^3 operations, large enough that a call costs nothing
COPIED_BYTES = 64 << 20  # beyond the caches of most processors
TRIES = 5
MOSTLY_OVERHEAD = 0.1  # a line whose least time is a smaller share of the time it took is held up by something else


@dataclass(frozen=True)
class Peaks:
    """Rates of float32 matrix products, and of reading and writing memory."""

    flops_per_s: float
    bytes_per_s: float

    def raised(self, cost: Cost, elapsed_s: float) -> Peaks:
        """These, or what a line did reach: nothing is faster than the fastest, however busy the machine was before."""
        if elapsed_s <= 0:
            return self
        moved = cost.bytes_read + cost.bytes_written
        return Peaks(max(self.flops_per_s, cost.flops / elapsed_s), max(self.bytes_per_s, moved / elapsed_s))

    def least_s(self, cost: Cost) -> float:
        """Seconds that a line takes at the very least."""
        return max(cost.flops / self.flops_per_s, (cost.bytes_read + cost.bytes_written) / self.bytes_per_s)


def bound_of(cost: Cost, peaks: Peaks, elapsed_s: float | None = None) -> Bound:
    """What keeps a line from being faster: arithmetic, memory traffic, or the overhead of calling it."""
    if elapsed_s is not None and peaks.least_s(cost) < MOSTLY_OVERHEAD * elapsed_s:
        return "overhead"
    moved = cost.bytes_read + cost.bytes_written
    return "compute" if cost.flops / peaks.flops_per_s > moved / peaks.bytes_per_s else "memory"


def measure_peaks(side: int = SIDE, copied_bytes: int = COPIED_BYTES, tries: int = TRIES) -> Peaks:
    """The best of a few matrix products and of a few copies, with as many threads as NumPy has now."""
    a, b = np.ones((side, side), np.float32), np.ones((side, side), np.float32)
    product = np.empty_like(a)
    source, target = np.ones(copied_bytes // 4, np.float32), np.ones(copied_bytes // 4, np.float32)
    matmul_s = min(_seconds(lambda: np.matmul(a, b, out=product)) for _ in range(tries))
    copy_s = min(_seconds(lambda: np.copyto(target, source)) for _ in range(tries))
    return Peaks(2 * side**3 / matmul_s, 2 * source.nbytes / copy_s)


def known_peaks(directory: str | Path | None = None) -> Peaks:
    """What was measured here before, else what is measured now, and kept if it can be. None: the user's cache."""
    path = Path(directory or _cache_directory()) / "machine-peaks.json"
    with suppress(MiniGPTError, KeyError, TypeError, ValueError):
        return _checked(Peaks(**read_json(path)))
    peaks = measure_peaks()
    with suppress(MiniGPTError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(asdict(peaks)).encode())
    return peaks


def _cache_directory() -> str:
    from platformdirs import user_cache_dir

    return user_cache_dir("minigpt", appauthor=False)


def _checked(peaks: Peaks) -> Peaks:
    """A file that somebody changed is measured again."""
    if not all(isinstance(rate, float) and math.isfinite(rate) and rate > 0 for rate in asdict(peaks).values()):
        raise ValueError(peaks)
    return peaks


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
