"""`TrainingStep`: the gradient of a batch, by two threads that run half of it each.

Each thread has its own instance of the compiled program, with its own buffers and its own flat gradient, and BLAS at
one thread; the gradients are then added, always in the same order. On two cores this beats BLAS with two threads, since
the element-wise operations between the products run in parallel too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from engine.compile import Compiled, compile_program
from engine.cost import infer_shapes
from engine.models.config import ModelConfig
from engine.program import Program, Shape, Weights
from engine.rewrites.checkpoint import checkpoint
from engine.rewrites.differentiate import PREFIX, differentiate, with_loss
from engine.rewrites.dropout import dropout
from engine.rewrites.fuse import fuse_attention
from engine.training.learned import learned_model
from engine.training.parameters import FlatParameters

Array = np.ndarray
CHUNK = 1 << 16  # floats summed at a time


@dataclass(frozen=True)
class StepResult:
    """The summed loss of a batch in nats, and how many targets it is a sum over."""

    loss_sum: float
    target_count: int


def learning_program(config: ModelConfig, weights: Weights, smoothing: float = 0.0, drop: float = 0.0,
                     checkpointed: Collection[int] = ()) -> Program:  # fmt: skip
    """The forward and backward pass of a model as one list of lines; of the weights only the shapes matter."""
    plain, _ = with_loss(*fuse_attention(*dropout(learned_model(config), weights, drop)), smoothing)
    whole, _ = differentiate(plain, weights, shapes_of(plain, weights, 2, 3))
    return checkpoint(whole, weights, checkpointed)[0] if checkpointed else whole


def shapes_of(program: Program, weights: Weights, count: int, length: int) -> dict[str, Shape]:
    """The shapes of all values for `count` texts of `length` tokens."""
    inputs = {"tokens": (count, length), "targets": (count, length), "position_ids": (length,), "update": (2,),
              "samples": (count,)}  # fmt: skip
    known = {name: np.shape(weights[name]) for name in program.params}
    return infer_shapes(program, known | {name: inputs[name] for name in program.inputs})


def split(count: int, threads: int) -> list[slice]:
    """A batch in as many equal parts as there are threads, fewer if it is smaller."""
    edges = np.linspace(0, count, min(threads, count) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(edges)]


class TrainingStep:
    """Computes losses and gradients of `parameters`, which it reads where they lie.

    smoothing     label smoothing            drop   share of numbers left out while training
    checkpointed  blocks whose inside is computed again instead of kept
    threads       how many parts a batch is split into
    """

    def __init__(self, parameters: FlatParameters, threads: int = 2, smoothing: float = 0.0, drop: float = 0.0,
                 checkpointed: Collection[int] = (), seed: int = 0) -> None:  # fmt: skip
        self.parameters, self.threads, self.seed = parameters, threads, seed
        self.smoothing, self.drop, self.checkpointed = smoothing, drop, tuple(checkpointed)
        self._gradients = [parameters.gradient] + [np.zeros_like(parameters.gradient) for _ in range(threads - 1)]
        self._learners = [self._compiled(gradient) for gradient in self._gradients]
        judging = with_loss(*fuse_attention(learned_model(parameters.config), parameters.values))
        self._judges = [compile_program(*judging) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads, "learner") if threads > 1 else None

    @cached_property
    def program(self) -> Program:
        """Forward and backward pass as one list of lines."""
        config, values = self.parameters.config, self.parameters.values
        return learning_program(config, values, self.smoothing, self.drop, self.checkpointed)

    def gradients(self, tokens: Array, targets: Array, update: int = 0, first_sample: int = 0) -> StepResult:
        """Overwrite `parameters.gradient` with the sum over all targets of the gradient of their loss.

        tokens, targets  (B, T) integers; a negative target is padding
        update           the number of the update, and
        first_sample     of the batch's first text in it, for dropout
        """
        parts = split(len(tokens), self.threads)
        with self._single_threaded(len(parts) > 1):
            losses = self._each(
                lambda i, part: self._learners[i](
                    self._inputs(tokens[part], targets[part], update, first_sample + part.start)
                ),
                parts,
            )
            for other in self._gradients[1 : len(parts)]:
                self._add(other)
        return StepResult(sum(float(found["loss"]) for found in losses), int((targets >= 0).sum()))

    def loss(self, tokens: Array, targets: Array) -> tuple[float, int]:
        """The summed loss without dropout or smoothing, and the number of targets."""
        parts = split(len(tokens), self.threads)
        with self._single_threaded(len(parts) > 1):
            losses = self._each(lambda i, part: self._judges[i](self._inputs(tokens[part], targets[part], 0, 0)), parts)
        return sum(float(found["loss"]) for found in losses), int((targets >= 0).sum())

    @property
    def arena_bytes(self) -> int:
        """Memory of all activations and their gradients, of all threads."""
        return sum(learner.arena_bytes for learner in self._learners)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def _compiled(self, gradient: Array) -> Compiled:
        views = self.parameters.views(gradient)
        homes = {PREFIX + address: views[address] for address in views if PREFIX + address in self.program.outputs}
        return compile_program(self.program, self.parameters.values, homes=homes)

    def _inputs(self, tokens: Array, targets: Array, update: int, first_sample: int) -> dict[str, Array]:
        return {
            "tokens": tokens,
            "targets": targets,
            "position_ids": np.arange(tokens.shape[1]),
            "update": np.array([self.seed, update]),
            "samples": np.arange(first_sample, first_sample + len(tokens)),
        }

    def _each(self, work: Callable[[int, slice], dict[str, Array]], parts: list[slice]) -> list[dict[str, Array]]:
        """The results of all parts; the first is done here, the others by the pool."""
        if self._pool is None or len(parts) == 1:
            return [work(i, part) for i, part in enumerate(parts)]
        waiting = [self._pool.submit(work, i, part) for i, part in enumerate(parts) if i]
        return [work(0, parts[0]), *(future.result() for future in waiting)]

    def _add(self, other: Array) -> None:
        whole = self.parameters.gradient
        for first in range(0, whole.size, CHUNK):
            part = slice(first, first + CHUNK)
            np.add(whole[part], other[part], out=whole[part])

    @contextmanager
    def _single_threaded(self, wanted: bool) -> Iterator[None]:
        """BLAS at one thread while several of ours call it."""
        if not wanted:
            yield
            return
        with self._controller.limit(limits=1, user_api="blas"):
            yield

    @cached_property
    def _controller(self) -> Any:
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()
