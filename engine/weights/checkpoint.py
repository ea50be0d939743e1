"""Open a model directory: its configuration, its weights by our addresses, and what is odd about them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.files import read_json, shortened
from engine.models.config import ModelConfig, read_config
from engine.models.names import Place, places
from engine.weights.health import count_not_finite, fingerprint
from engine.weights.layout import CONFIG, GENERATION, home_of, open_tensor_files
from engine.weights.matching import TYPES, Found, match
from engine.weights.rewritten import RewrittenWeights

LARGEST_CONFIG = 1 << 20
MOST_WARNINGS = 5


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model as it lies on the disk."""

    path: Path
    config: ModelConfig
    weights: Mapping[str, np.ndarray]  # float32 and read-only; views of the file where it is float32 itself
    dtype: str  # the type that most of the file is in: float32, float16, bfloat16 or int8
    file_bytes: int
    fingerprint: str  # see `health.fingerprint`
    warnings: tuple[str, ...]


class Weights(Mapping[str, np.ndarray]):
    """The parameters by our addresses, each read from the file when it is first asked for."""

    def __init__(self, found: Mapping[str, Found], wanted: Mapping[str, Place]) -> None:
        self._found, self._wanted = found, wanted

    def __getitem__(self, address: str) -> np.ndarray:
        place = self._wanted[address]
        file, name = self._found[place.tensor]
        array = file.float32(name)
        return array if place.columns is None else array[..., slice(*place.columns)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._wanted)

    def __len__(self) -> int:
        return len(self._wanted)


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Open the model at `path`: a directory, or a .safetensors file with its config.json beside it.

    Raises FileError, in one line, if anything is missing, damaged, of another shape or beyond what we understand.
    NaN and infinite weights are no error; `warnings` says where they are.
    """
    place = Path(path)
    directory = home_of(place)
    config = read_model_config(directory)
    config, found, warnings = match(config, open_tensor_files(place))
    weights = Weights(found, places(config))
    stored = {tensor: file.stored(given) for tensor, (file, given) in found.items()}
    return Checkpoint(
        path=place,
        config=config,
        weights=weights if config.rewritten is None else RewrittenWeights(config, weights, found),
        dtype=_main_dtype(found),
        file_bytes=sum({file.header.path: file.header.file_bytes for file, _ in found.values()}.values()),
        fingerprint=fingerprint(config, stored),
        warnings=(*warnings, *_not_finite(found)),
    )


def read_model_config(directory: Path) -> ModelConfig:
    """The configuration in a model directory."""
    generation = directory / GENERATION
    end_tokens = read_json(generation, LARGEST_CONFIG) if os.path.lexists(generation) else None
    return read_config(read_json(directory / CONFIG, LARGEST_CONFIG), CONFIG, end_tokens)


def _main_dtype(found: Mapping[str, Found]) -> str:
    sizes: Counter[str] = Counter()
    for file, given in found.values():
        entry = file.header.entries[given]
        sizes[TYPES[entry.dtype]] += entry.stop - entry.start
    return sizes.most_common(1)[0][0]


def _not_finite(found: Mapping[str, Found]) -> list[str]:
    """One warning for each tensor with NaN or infinite values, up to a few."""
    bad = [(given, count) for file, given in found.values() if (count := count_not_finite(file.stored(given)))]
    said = [f"{shortened(given, 90)}: {count:,} values are NaN or infinite" for given, count in bad[:MOST_WARNINGS]]
    more = len(bad) - len(said)
    return [*said, f"{more} more tensors have NaN or infinite values"] if more else said
