"""Write a model directory that we and `transformers` open: config.json, and one safetensors file or shards.

Everything is written beside its target, forced to the disk and read back first; only then do the new files take the
old ones' names. So a full disk, at whichever write, leaves the old model as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from engine.errors import InputError, ShapeError, SurroundingsError
from engine.files import atomic_file, shortened
from engine.models.config import ModelConfig
from engine.models.names import parts, tensor_shapes, with_prefix
from engine.models.stored import added, kept
from engine.weights.layout import CONFIG, INDEX, SINGLE
from engine.weights.matching import FLOATS
from engine.weights.writing import Planned, write_tensors

METADATA = {"format": "pt"}  # transformers asks for it
CODES = {name: code for code, name in FLOATS.items()}


def save_checkpoint(
    directory: str | Path,
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    dtype: str = "float32",
    shard_bytes: int | None = None,
) -> tuple[Path, ...]:
    """Save a model under the names and in the layout of Hugging Face; returns the files written, config.json last.

    weights      by our addresses: all of `config.parameters()`, or of a rewritten model what its file has (`stored`);
                 one tensor at a time is copied
    dtype        float32, float16 or bfloat16 in the file; what a rewrite added keeps its own type
    shard_bytes  begin a new file when the present one would have more bytes of tensors than this

    Raises ShapeError if the weights are not the config's, InputError if a value does not fit the type, and
    SurroundingsError if the machine refuses.
    """
    target = Path(directory)
    if weights.keys() == config.parameters().keys():
        config = replace(config, rewritten=None)  # whatever it was opened as
    _check_weights(config, weights)
    shards = _shards(_plan(config, weights, dtype), shard_bytes)
    _prepare(target, is_sharded=len(shards) > 1)
    files = {target / name: planned for name, planned in shards.items()}
    texts = {target / INDEX: _index(shards)} if len(shards) > 1 else {}
    texts[target / CONFIG] = config.to_json() | {"torch_dtype": dtype}
    with ExitStack() as stack:  # the first to be opened is the last to take its name
        for path, text in reversed(texts.items()):
            stack.enter_context(atomic_file(path)).write(json.dumps(text, indent=2, allow_nan=False).encode() + b"\n")
        for path, planned in files.items():
            write_tensors(stack.enter_context(atomic_file(path)), path, planned, METADATA)
    return (*files, *texts)


def _check_weights(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> None:
    needed = kept(config) | {name: tensor.shape for name, tensor in added(config).items()}
    for address in sorted(needed.keys() ^ weights.keys()):
        problem = "missing" if address in needed else "not a parameter of this model"
        raise ShapeError(f"{shortened(address, 90)}: {problem}")
    for address, shape in needed.items():
        if weights[address].shape != shape:
            raise ShapeError(f"{address}: expected {shape}, got {weights[address].shape}")


def _plan(config: ModelConfig, weights: Mapping[str, np.ndarray], dtype: str) -> list[Planned]:
    if dtype not in CODES:
        raise InputError(f"dtype: expected one of {', '.join(CODES)}, got {shortened(dtype)}")
    addresses = parts(config.family, kept(config))
    plain = [
        Planned(with_prefix(config.family, tensor), CODES[dtype], shape, partial(_joined, weights, addresses[tensor]))
        for tensor, shape in tensor_shapes(config).items()
    ]
    further = [
        Planned(name, "I8" if is_int8 else "F32", shape, partial(weights.__getitem__, name))
        for name, (shape, is_int8) in added(config).items()
    ]
    return plain + further


def _joined(weights: Mapping[str, np.ndarray], addresses: Sequence[str]) -> np.ndarray:
    """One tensor of the file: a parameter, or several side by side."""
    if len(addresses) == 1:
        return weights[addresses[0]]
    return np.concatenate([weights[address] for address in addresses], axis=-1)


def _shards(planned: Sequence[Planned], shard_bytes: int | None) -> dict[str, list[Planned]]:
    groups: list[list[Planned]] = [[]]
    filled = 0
    for plan in planned:
        if groups[-1] and shard_bytes is not None and filled + plan.data_bytes > shard_bytes:
            groups.append([])
            filled = 0
        groups[-1].append(plan)
        filled += plan.data_bytes
    if len(groups) == 1:
        return {SINGLE: groups[0]}
    return {f"model-{i:05d}-of-{len(groups):05d}.safetensors": group for i, group in enumerate(groups, 1)}


def _index(shards: Mapping[str, Sequence[Planned]]) -> dict[str, object]:
    return {
        "metadata": {"total_size": sum(plan.data_bytes for planned in shards.values() for plan in planned)},
        "weight_map": {plan.name: shard for shard, planned in shards.items() for plan in planned},
    }


def _prepare(directory: Path, is_sharded: bool) -> None:
    """Make the directory; refuse one where a model of the other layout would stay beside the new one."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SurroundingsError(f"{shortened(directory.name)}: cannot be made: {error.strerror}") from error
    other = SINGLE if is_sharded else INDEX
    if (directory / other).exists():
        raise InputError(f"{shortened(directory.name)}: already holds a model with {other}; choose another directory")
