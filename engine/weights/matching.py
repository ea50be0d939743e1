"""Fit the tensors of a file to those that its configuration asks for: all there, none besides, each of its shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.errors import FileError
from engine.files import refused, shortened
from engine.models.config import ModelConfig
from engine.models.names import HEAD, is_buffer, places, tensor_shapes, with_prefix, without_prefix
from engine.weights.safetensors import TensorFile

CHUNK_ITEMS = 1 << 20
Found = tuple[TensorFile, str]  # the file that holds a tensor, and the tensor's name in it
FLOATS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def match(config: ModelConfig, files: Mapping[str, TensorFile]) -> tuple[dict[str, Found], tuple[str, ...]]:
    """Each tensor the model needs, by its name without prefix, and warnings. Raises FileError for the first misfit.

    files  for each tensor's name in the file, the file that holds it
    """
    found = _by_plain_name(config.family, files)
    needed = tensor_shapes(config)
    for tensor, shape in needed.items():
        if tensor not in found:
            raise _missing(config, files, tensor, shape)
        _check(found[tensor], shape)
    warnings = _check_rest(config, {name: found[name] for name in found if name not in needed}, found)
    return {tensor: found[tensor] for tensor in needed}, warnings


def _by_plain_name(family: str, files: Mapping[str, TensorFile]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for given, file in files.items():
        tensor = without_prefix(family, given)
        if tensor in found:
            raise refused(file.header.path, f"the same tensor is there as '{shortened(found[tensor][1])}'", given)
        found[tensor] = file, given
    return found


def _missing(config: ModelConfig, files: Mapping[str, TensorFile], tensor: str, shape: tuple[int, ...]) -> FileError:
    path = next(iter(files.values())).header.path if files else "model.safetensors"
    full = with_prefix(config.family, tensor)
    has_prefix = any(without_prefix(config.family, given) != given for given in files)
    hint = " (the config's tie_word_embeddings is false)" if tensor == HEAD else ""
    return refused(path, f"expected {shape}, got no such tensor{hint}", full if has_prefix else tensor)


def _check(found: Found, shape: tuple[int, ...]) -> None:
    file, given = found
    entry = file.header.entries[given]
    if entry.shape != shape:
        hint = " (transposed?)" if len(shape) > 1 and entry.shape == shape[::-1] else ""
        raise refused(file.header.path, f"expected {shape}, got {entry.shape}{hint}", given)
    if entry.dtype not in FLOATS:
        raise refused(file.header.path, f"expected {', '.join(FLOATS)}, got {entry.dtype}", given)


def _check_rest(config: ModelConfig, rest: Mapping[str, Found], found: Mapping[str, Found]) -> tuple[str, ...]:
    """Refuse tensors that the model does not have; constants are passed over, a tied head is compared."""
    unknown = [name for name in rest if name != HEAD and not is_buffer(config.family, name)]
    if unknown:
        file, given = rest[unknown[0]]
        more = f" ({len(unknown) - 1} more)" if len(unknown) > 1 else ""
        kind = f"a {config.model_type} of {config.layers} layers"
        raise refused(file.header.path, f"expected no such tensor in {kind}{more}", given)
    return _tied_head(config, found) if HEAD in rest else ()


def _tied_head(config: ModelConfig, found: Mapping[str, Found]) -> tuple[str, ...]:
    """The file has a head although the config ties it to the embedding: the config is followed, as elsewhere."""
    _check(found[HEAD], (config.vocab, config.width))
    embedding = places(config)["embed.weight"].tensor
    (head_file, head), (embed_file, embed) = found[HEAD], found[embedding]
    if _are_equal(head_file.stored(head), embed_file.stored(embed)):
        return ()
    return (f"{HEAD} differs from the embedding, but the config says they are tied: the embedding is used for both",)


def _are_equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Bit for bit, a few rows at a time."""
    rows = max(1, CHUNK_ITEMS // a.shape[1])
    return a.dtype == b.dtype and all(
        np.array_equal(a[i : i + rows].view(np.uint8), b[i : i + rows].view(np.uint8)) for i in range(0, len(a), rows)
    )
