"""All weights of a model in one flat array, so that an update is a few passes over one piece of memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError, ShapeError
from engine.models.config import ModelConfig
from engine.ops.linear import LEFT, RIGHT
from engine.pool import Pool
from engine.training.learned import learned_shapes

INIT_STD = 0.02  # GPT-2's
RESIDUAL_OUTPUTS = (".attn.out.weight", ".mlp.down.weight")  # what writes into the residual stream


@dataclass(frozen=True)
class Group:
    """The parameters of one layer, or of one part outside of the layers, which lie side by side."""

    name: str  # "embed", "blocks.3", "final.norm"
    start: int
    stop: int


class FlatParameters:
    """The weights of one model and their gradient, each in one float32 array.

    value, gradient    (N,) in the order of `learned_shapes`, without gaps
    values, gradients  by our addresses: views of these, in the shapes of the config
    matrices           (start, stop) of all two-dimensional weights, neighbours joined: what weight decay shrinks
    groups             which part of the arrays belongs to which layer
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.shapes = learned_shapes(config)
        self.size = sum(map(math.prod, self.shapes.values()))
        pool = Pool()
        self.value = pool.empty((self.size,))
        self.gradient = pool.empty((self.size,))
        self.gradient[:] = 0
        self._spans = _spans(self.shapes)
        self.values = self.views(self.value)
        self.gradients = self.views(self.gradient)
        self.matrices = _joined(self._spans[address] for address, shape in self.shapes.items() if len(shape) == 2)
        self.groups = _groups(self._spans)
        self.load(weights)

    def views(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Another array laid out like `value`, by address: moments, or a worker's own gradient."""
        if flat.shape != (self.size,):
            raise ShapeError(f"expected {self.size:,} numbers in one row, got {flat.shape}")
        return {a: flat[slice(*self._spans[a])].reshape(shape) for a, shape in self.shapes.items()}

    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take the values of `weights`. Raises ShapeError unless they are those of the config; then nothing changes."""
        for address, shape in self.shapes.items():
            if address not in weights:
                raise ShapeError(f"{address}: missing")
            if weights[address].shape != shape:
                raise ShapeError(f"{address}: expected {shape}, got {weights[address].shape}")
        for address, view in self.values.items():
            view[...] = weights[address]


def initial_weights(
    config: ModelConfig, generator: np.random.Generator, std: float = INIT_STD, match: float = 0.0, copy: float = 0.0
) -> dict[str, np.ndarray]:
    """How training begins: matrices normal with deviation `std`, gains 1, biases 0; heads as `incline` says.

    Each block adds two vectors to the residual stream. For its variance not to grow with depth, the matrices that
    write there are smaller by sqrt(2 x layers). Sinusoidal positions are added at full size, root mean square 0.71: an
    embedding that is not also the output is drawn as large, or tokens would hardly be seen beside their positions.
    The two factors of a matrix of low rank are drawn alike, so that their product has the deviation of the matrix.

    Radford et al. 2019, Language Models are Unsupervised Multitask Learners.
    """
    weights: dict[str, np.ndarray] = {}
    for address, shape in learned_shapes(config).items():
        if len(shape) == 2:
            deviation = _deviation(std * _scale(config, address.partition("@")[0], std), address, shape)
            weights[address] = generator.standard_normal(shape, np.float32) * np.float32(deviation)
        else:
            weights[address] = np.full(shape, 0 if address.endswith("bias") else 1, np.float32)
    if match or copy:
        incline(config, weights, generator, match, copy)
    return weights


def incline(
    config: ModelConfig, weights: dict[str, np.ndarray], generator: np.random.Generator, match: float, copy: float
) -> None:
    """Add to the first weights what lets a head find a token's like, and hand on what it reads there.

    match  queries and keys share a random part K, so that q k^T has `match` K K^T in it: alike attends to alike
    copy   values and outputs share one, V, so that v out has `copy` V V^T in it: what is read is written back

    With entries of variance 1 / width, K K^T is d / width times the identity, and noise. Heads that look for what they
    have seen, and repeat what came after it, are found many times sooner from here than from weights without a leaning.

    Trockman & Kolter 2023, Mimetic Initialization of Self-Attention Layers. Raises InputError for a model of low rank.
    """
    d, width = config.head_size, config.width
    for layer in range(config.layers):
        block = f"blocks.{layer}.attn."
        for share, reader, other in ((match, "k", "q"), (copy, "v", "out")):
            pair = [weights.get(f"{block}{name}.weight") for name in (reader, other)]
            if pair[0] is None or pair[1] is None:
                raise InputError("init_match, init_copy: are for whole matrices, and this model's are of low rank")
            part = generator.standard_normal((width, config.kv_heads, 1, d)).astype(np.float32)
            part *= np.float32(1 / math.sqrt(width) * math.sqrt(share))
            per_head = np.repeat(part, config.heads // config.kv_heads, axis=2).reshape(width, -1)  # -> (D, H d)
            into, out_of = ((array.T if config.out_first else array) for array in pair if array is not None)
            into += part.reshape(width, -1)
            out_of += per_head if other == "q" else per_head.T


def _deviation(of_matrix: float, address: str, shape: tuple[int, int]) -> float:
    """Of a matrix its own; of a factor of rank r the root of deviation / sqrt(r): r products add up."""
    if LEFT not in address and RIGHT not in address:
        return of_matrix
    rank = shape[1] if LEFT in address else shape[0]
    return math.sqrt(of_matrix / math.sqrt(rank))


def _scale(config: ModelConfig, address: str, std: float) -> float:
    """What the deviation of one matrix is multiplied by."""
    if address.endswith(RESIDUAL_OUTPUTS):
        return 1 / math.sqrt(2 * config.layers)
    is_beside_sines = config.family == "sinusoidal" and address == "embed.weight" and not config.tied
    return math.sqrt(0.5) / std if is_beside_sines else 1.0


def _spans(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, int]]:
    spans, start = {}, 0
    for address, shape in shapes.items():
        spans[address] = (start, start + math.prod(shape))
        start += math.prod(shape)
    return spans


def _joined(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans in order, with those that touch made one."""
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        touches = bool(joined) and joined[-1][1] == start
        joined.append((joined.pop()[0] if touches else start, stop))
    return tuple(joined)


def _groups(spans: Mapping[str, tuple[int, int]]) -> tuple[Group, ...]:
    groups: list[Group] = []
    for address, (start, stop) in spans.items():
        parts = address.split(".")
        name = ".".join(parts[:2]) if parts[0] == "blocks" else address.rpartition(".")[0]
        goes_on = bool(groups) and groups[-1].name == name
        groups.append(Group(name, groups.pop().start if goes_on else start, stop))
    return tuple(groups)
