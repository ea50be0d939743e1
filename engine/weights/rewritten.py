"""The weights of a rewritten model: what the file has, and the plain matrices that follow from it, made when asked for.

A program that runs the rewrites reads the stored whole numbers, scales and factors as they are. The plain program reads
plain matrices: whole numbers times their scales, factors multiplied. They are worked out anew each time, not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from engine.models.config import ModelConfig
from engine.models.stored import Added, added, factor_names, int8_names, is_by_output, kept_rank
from engine.weights.safetensors import TensorFile

Found = tuple[TensorFile, str]


class RewrittenWeights(Mapping[str, np.ndarray]):
    """All plain parameters, by address; beside them, by name, the tensors that stand for some of them in the file."""

    def __init__(self, config: ModelConfig, kept: Mapping[str, np.ndarray], found: Mapping[str, Found]) -> None:
        self._config, self._kept, self._found = config, kept, found
        self._plain = config.parameters()
        self._added = added(config)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._plain or name in self._added or self._is_int8(name))

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self._added:
            return self._stored(name, self._added[name])
        if name in self._kept:
            return self._kept[name]
        if self._is_int8(name):
            matrix = self._widened(name)  # (out, in)
            by_input = name not in self._plain or not is_by_output(name, self._config)
            return _read_only(matrix.T if by_input else matrix)
        if name in self._plain:
            return self._product(name)
        raise KeyError(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a weight, without making it."""
        if name in self._plain:
            return self._plain[name]
        return self._added[name].shape if name in self._added else self._added[int8_names(name)[0]].shape[::-1]

    def _is_int8(self, name: str) -> bool:
        return int8_names(name)[0] in self._added

    def _stored(self, name: str, tensor: Added) -> np.ndarray:
        file, given = self._found[name]
        return file.stored(given) if tensor.is_int8 else file.float32(given)

    def _widened(self, name: str) -> np.ndarray:
        numbers, scales = int8_names(name)
        return self[numbers] * self[scales][:, None]

    def _product(self, name: str) -> np.ndarray:
        """A matrix from its factors (in, r) and (r, out), in the layout of its parameter."""
        rewritten, shape = self._config.rewritten, self._plain[name]
        assert rewritten is not None and rewritten.low_rank_mlp is not None
        left, right = factor_names(name, kept_rank(shape, rewritten.low_rank_mlp))
        matrix = self[left] @ self[right]
        return _read_only(matrix.T if is_by_output(name, self._config) else matrix)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
