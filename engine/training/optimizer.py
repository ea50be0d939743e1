"""Adam and AdamW: each weight gets its own step size, from the first and second moment of its gradient.

    g = scale * gradient                    scale divides by the targets of the update, and clips
    m = b1 m + (1 - b1) g                   v = b2 v + (1 - b2) g²
    w = (1 - rate * decay) w                matrices only, and only AdamW; Adam adds decay * w to g instead
    w = w - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

The arrays go through the cache in chunks, so that the passes of one update read main memory once. Chunks do not
depend on each other: any number of threads gives the same bits.

Kingma and Ba 2015, Adam, arXiv:1412.6980; Loshchilov and Hutter 2019, Decoupled Weight Decay, arXiv:1711.05101.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.ops.optimizer import AdamSettings, clip_scale
from engine.pool import Pool
from engine.training.parameters import FlatParameters

Array = np.ndarray
DIVERGED = "training has diverged; take a lower learning rate or a longer warm-up"
CHUNK = 1 << 16  # floats: five arrays of 256 KiB; smaller ones lose more to the interpreter than the cache gives
WORTH_SPLITTING = 1 << 20  # floats; less is done before another thread has woken up
DOT = 1 << 13  # floats in one dot product: short enough that BLAS does not split it among threads


@dataclass(frozen=True)
class Chunk:
    """A piece of the flat arrays within one group; `decayed` are the parts of it that weight decay shrinks."""

    start: int
    stop: int
    group: int
    decayed: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Update:
    """What one update did. Norms are Euclidean, of the gradient per target and before clipping.

    norms   group -> norm of the gradient        ratios  group -> norm of the change / norm of the weights, if measured
    """

    norm: float
    norms: dict[str, float]
    ratios: dict[str, float] | None


class Adam:
    """The moments of one run: `first` and `second`, flat like the parameters, and how many updates they have seen."""

    def __init__(self, parameters: FlatParameters, settings: AdamSettings) -> None:
        self.parameters, self.settings = parameters, settings
        pool = Pool()
        self.first, self.second = pool.empty((parameters.size,)), pool.empty((parameters.size,))
        self.first[:] = self.second[:] = 0
        self.step = 0
        self.chunks = _chunks(parameters)

    def update(
        self,
        rate: float,
        targets: int,
        gradient: Array | None = None,
        workers: Executor | None = None,
        split: int = 2,
        measure: bool = False,
    ) -> Update:
        """Change the parameters in place.

        rate      the learning rate of this update
        targets   how many targets the gradient is a sum over
        gradient  flat; by default the parameters' own
        workers   where to run the parts, `split` of them; by default here
        measure   also compare the change with the weights, group by group

        Raises InputError, and changes nothing, if the gradient holds NaN or infinity.
        """
        gradient = self.parameters.gradient if gradient is None else gradient
        squares = self._run(lambda chunk, _: square_sum(gradient[chunk.start : chunk.stop]), workers, split)
        norms = self._by_group(squares, 1 / targets)
        norm = math.sqrt(sum(squares)) / targets
        if not math.isfinite(norm):
            raise InputError(f"the gradient of update {self.step + 1} is not finite: {DIVERGED}")
        self.step += 1
        factors = _Factors.of(self.settings, self.step, rate, clip_scale(norm, self.settings.clip) / targets)
        done = self._run(lambda chunk, space: self._apply(chunk, gradient, factors, space, measure), workers, split)
        ratios = None
        if measure:
            changes, weights = ([pair[i] for pair in done] for i in (0, 1))
            sizes = self._by_group(weights, 1.0)
            ratios = {name: c / (sizes[name] or 1.0) for name, c in self._by_group(changes, 1.0).items()}
        return Update(norm, norms, ratios)

    def _apply(self, chunk: Chunk, gradient: Array, f: _Factors, space: Array, measure: bool) -> tuple[float, float]:
        """Update one chunk; if it is measured, the square sums of its change and of its new weights."""
        part = slice(chunk.start, chunk.stop)
        w, g, m, v = self.parameters.value[part], gradient[part], self.first[part], self.second[part]
        s, before = space[0, : len(w)], space[1, : len(w)]
        if measure:
            before[...] = w
        if f.coupled_decay:
            g = _with_decay(g, self.parameters.value, chunk, f, space[2, : len(w)])
        for start, stop in chunk.decayed if f.shrink != 1.0 else ():
            self.parameters.value[start:stop] *= f.shrink
        adam(w, g, m, v, s, f)
        if not measure:
            return 0.0, 0.0
        np.subtract(w, before, out=before)
        return square_sum(before), square_sum(w)

    def _run(self, work: Callable, workers: Executor | None, split: int) -> list:
        """The result of `work` for every chunk, in order."""
        if workers is None or split == 1 or self.parameters.size < WORTH_SPLITTING:
            return _each(work, self.chunks)
        parts = workers.map(lambda first: _each(work, self.chunks[first::split]), range(split))
        results: list = [None] * len(self.chunks)
        for first, part in enumerate(parts):
            results[first::split] = part
        return results

    def _by_group(self, squares: Sequence[float], scale: float) -> dict[str, float]:
        sums = [0.0] * len(self.parameters.groups)
        for chunk, square in zip(self.chunks, squares, strict=True):
            sums[chunk.group] += square
        return {g.name: math.sqrt(s) * scale for g, s in zip(self.parameters.groups, sums, strict=True)}


@dataclass(frozen=True)
class _Factors:
    """The scalars of one update, put together so that each pass over a chunk has one."""

    beta1: float
    beta2: float
    into_first: float  # times the gradient: what is added to the first moment
    into_second: float  # times the gradient, then squared: what is added to the second
    root: float  # times sqrt(v), plus `eps`: what the first moment is divided by
    eps: float
    shrink: float
    coupled_decay: float
    is_moving: bool

    @classmethod
    def of(cls, settings: AdamSettings, step: int, rate: float, scale: float) -> _Factors:
        size = rate / (1 - settings.beta1**step)
        is_moving = size > 0
        coupled = 0.0 if settings.decoupled else settings.decay
        return cls(
            beta1=settings.beta1,
            beta2=settings.beta2,
            into_first=scale * (1 - settings.beta1),
            into_second=scale * math.sqrt(1 - settings.beta2),
            root=1 / (size * math.sqrt(1 - settings.beta2**step)) if is_moving else 0.0,
            eps=settings.eps / size if is_moving else 0.0,
            shrink=1 - rate * settings.decay if settings.decoupled else 1.0,
            coupled_decay=coupled / scale,
            is_moving=is_moving,
        )


def adam(w: Array, g: Array, m: Array, v: Array, s: Array, f: _Factors) -> None:
    """One update of a chunk in place: weights, gradient (left as it is), both moments, and scratch of the same size."""
    np.multiply(g, f.into_first, out=s)
    m *= f.beta1
    m += s
    np.multiply(g, f.into_second, out=s)
    s *= s
    v *= f.beta2
    v += s
    if not f.is_moving:
        return
    np.sqrt(v, out=s)
    s *= f.root
    s += f.eps
    np.divide(m, s, out=s)
    w -= s


def square_sum(x: Array) -> float:
    """Sum of squares of a flat array, the same bits on any number of threads."""
    whole = len(x) - len(x) % DOT
    rows, rest = x[:whole].reshape(-1, DOT), x[whole:]
    with np.errstate(all="ignore"):  # an overflow is told by whoever asked
        return sum([*np.vecdot(rows, rows).tolist(), float(np.dot(rest, rest))])


def _with_decay(g: Array, value: Array, chunk: Chunk, f: _Factors, out: Array) -> Array:
    """The gradient plus decay times weight, as Adam without the W has it."""
    out[...] = g
    for start, stop in chunk.decayed:
        out[start - chunk.start : stop - chunk.start] += f.coupled_decay * value[start:stop]
    return out


def _each(work: Callable, chunks: Sequence[Chunk]) -> list:
    space = np.empty((3, CHUNK), np.float32)
    return [work(chunk, space) for chunk in chunks]


def _chunks(parameters: FlatParameters) -> tuple[Chunk, ...]:
    chunks = []
    for index, group in enumerate(parameters.groups):
        for start in range(group.start, group.stop, CHUNK):
            stop = min(start + CHUNK, group.stop)
            inside = ((max(a, start), min(b, stop)) for a, b in parameters.matrices)
            chunks.append(Chunk(start, stop, index, tuple((a, b) for a, b in inside if a < b)))
    return tuple(chunks)
