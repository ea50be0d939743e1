"""The memory of one training step: what the formula says must be held at once, and the arena that is allocated for it.

The formula counts, line by line, every storage between its first writing and its last reading. Gradients of weights do
not count: they are computed where the optimizer reads them. Nor does what an operation takes and gives back within
itself, as the tiles of attention. The arena has to place these storages without moving any, so it is a little larger.
`recompute` trades some of both for time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.arena import plan
from engine.memory import needed_bytes
from engine.models.config import ModelConfig
from engine.ops.linear_gradients import accumulate
from engine.ops.shapes import FLOAT_BYTES
from engine.program import Program, Weights
from engine.rewrites.differentiate import PREFIX
from engine.training.step import learning_program, shapes_of, split


@dataclass(frozen=True)
class StepMemory:
    """Bytes of activations and their gradients, of all threads together.

    needed  at most at any line, by the formula      allocated  the arenas that are planned for it
    """

    needed: int
    allocated: int


def step_memory(config: ModelConfig, weights: Weights, batch: int, length: int, threads: int = 2, drop: float = 0.0,
                checkpointed: Collection[int] = ()) -> StepMemory:  # fmt: skip
    """The memory of a step on `batch` texts of `length` tokens, told without running it."""
    program = learning_program(config, weights, drop=drop, checkpointed=checkpointed)
    homes = {name for name in program.outputs if name.startswith(PREFIX)}
    needed = allocated = 0
    for part in split(batch, threads):
        shapes = shapes_of(program, weights, part.stop - part.start, length)
        allocated += FLOAT_BYTES * plan(program, shapes, homes).size
        elsewhere = dict.fromkeys(_elsewhere(program, homes), (0,))
        needed += max(needed_bytes(program, shapes | elsewhere))
    return StepMemory(needed, allocated)


def _elsewhere(program: Program, homes: Collection[str]) -> set[str]:
    """What takes no place among the activations: gradients with a home, and the first part of those that are sums."""
    first = {line.ins[0] for line in program.lines if line.out in homes and line.op is accumulate}
    return {*homes, *first}
