"""Which files a model directory consists of: one safetensors file, or shards and the index that lists them.

An index is a list of plain file names in its own directory; it cannot lead anywhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.errors import FileError
from engine.files import read_json, refused, shortened
from engine.models.config_keys import as_object
from engine.weights.safetensors import TensorFile

CONFIG, GENERATION = "config.json", "generation_config.json"
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SUFFIX = ".safetensors"
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
CONVERT = "pickled weights are refused; convert them with model.save_pretrained(DIR, safe_serialization=True)"


def open_tensor_files(path: Path) -> dict[str, TensorFile]:
    """For each tensor of the model at `path` (a directory or a .safetensors file), the open file that holds it."""
    if not os.path.isdir(path):
        return _tensors_of(TensorFile(path))
    if not os.path.lexists(path / SINGLE) and os.path.lexists(path / INDEX):
        return _open_shards(path / INDEX)
    if not os.path.lexists(path / SINGLE):
        raise _nothing_in(path)
    return _tensors_of(TensorFile(path / SINGLE))


def home_of(path: Path) -> Path:
    """The directory with the configuration of the model at `path`. Raises FileError if nothing is there."""
    if not os.path.lexists(path):
        raise refused(path, f"no such model in {shortened(path.parent, 120)}")
    return path if os.path.isdir(path) else _weights_file(path).parent


def _weights_file(path: Path) -> Path:
    if path.suffix in PICKLED:
        raise refused(path, CONVERT)
    if path.suffix != SUFFIX:
        raise refused(path, f"expected a model directory or a {SUFFIX} file")
    return path


def _nothing_in(directory: Path) -> FileError:
    try:
        pickled = sorted(name for name in os.listdir(directory) if name.endswith(PICKLED))
    except OSError as error:
        return refused(directory, f"cannot be read: {error.strerror}")
    return (
        refused(directory / pickled[0], CONVERT)
        if pickled
        else refused(directory / SINGLE, f"no such file in {shortened(directory, 120)}")
    )


def _tensors_of(file: TensorFile) -> dict[str, TensorFile]:
    return dict.fromkeys(file.header.entries, file)


def _open_shards(index: Path) -> dict[str, TensorFile]:
    listed = _read_index(index)
    files = {shard: TensorFile(index.parent / shard) for shard in sorted(set(listed.values()))}
    for tensor, shard in listed.items():
        if tensor not in files[shard].header.entries:
            raise refused(index, f"says it is in {shortened(shard, 80)}, which does not have it", tensor)
    for shard, file in files.items():
        for tensor in file.header.entries:
            if listed.get(tensor) != shard:
                raise refused(file.header.path, "the index does not say that this tensor is here", tensor)
    return {tensor: files[shard] for tensor, shard in listed.items()}


def _read_index(index: Path) -> Mapping[str, str]:
    """The index's map from tensors to shards, every one a plain name of a safetensors file beside it."""
    listed = as_object(read_json(index), index.name).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise refused(index, "expected an object that says which file each tensor is in", "weight_map")
    for shard in listed.values():
        if not isinstance(shard, str) or shard != os.path.basename(shard) or "\\" in shard or "\0" in shard:
            raise refused(index, f"'{shortened(shard)}' is not a plain file name: refused", "weight_map")
        if not shard.endswith(SUFFIX):
            raise refused(index, f"expected names that end in {SUFFIX}, got '{shortened(shard)}'", "weight_map")
    return listed
