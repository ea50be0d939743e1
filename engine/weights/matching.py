"""Fit the tensors of a file to those that its configuration asks for: all there, none besides, each of its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.errors import FileError
from engine.files import refused, shortened
from engine.models.config import ModelConfig
from engine.models.names import HEAD, is_buffer, places, tensor_shapes, with_prefix, without_prefix
from engine.models.stored import added
from engine.weights.safetensors import TensorFile

CHUNK_ITEMS = 1 << 20
Found = tuple[TensorFile, str]  # the file that holds a tensor, and the tensor's name in it
FLOATS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
TYPES = FLOATS | {"I8": "int8"}


def match(
    config: ModelConfig, files: Mapping[str, TensorFile]
) -> tuple[ModelConfig, dict[str, Found], tuple[str, ...]]:
    """The model that the file really holds, each tensor it needs by its name without prefix, and warnings.

    files  for each tensor's name in the file, the file that holds it

    A file beats its config's tie, as in `transformers`: see `_tied`. Raises FileError for the first misfit.
    """
    config, found, warnings = _tied(config, _by_plain_name(config.family, files))
    needed = tensor_shapes(config)
    for tensor, shape in needed.items():
        if tensor not in found:
            raise _missing(config, files, tensor, shape)
        _check(found[tensor], shape)
    further = added(config)
    for tensor, (shape, is_int8) in further.items():
        if tensor not in found:
            raise _missing(config, files, tensor, shape)
        _check(found[tensor], shape, ("I8",) if is_int8 else tuple(FLOATS))
    _check_rest(config, {name: found[name] for name in found if name not in needed and name not in further})
    return config, {tensor: found[tensor] for tensor in (*needed, *further)}, warnings


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
    hint = " (the config's minigpt section asks for it)" if tensor in added(config) else hint
    return refused(path, f"expected {shape}, got no such tensor{hint}", full if has_prefix else tensor)


def _check(found: Found, shape: tuple[int, ...], types: tuple[str, ...] = tuple(FLOATS)) -> None:
    file, given = found
    entry = file.header.entries[given]
    if entry.shape != shape:
        hint = " (transposed?)" if len(shape) > 1 and entry.shape == shape[::-1] else ""
        raise refused(file.header.path, f"expected {shape}, got {entry.shape}{hint}", given)
    if entry.dtype not in types:
        raise refused(file.header.path, f"expected {', '.join(types)}, got {entry.dtype}", given)


def _check_rest(config: ModelConfig, rest: Mapping[str, Found]) -> None:
    """Refuse tensors that the model does not have; constants, and a head that equals the embedding, are passed over."""
    unknown = [name for name in rest if name != HEAD and not is_buffer(config.family, name)]
    if unknown:
        file, given = rest[unknown[0]]
        more = f" ({len(unknown) - 1} more)" if len(unknown) > 1 else ""
        kind = f"a {config.model_type} of {config.layers} layers"
        raise refused(file.header.path, f"expected no such tensor in {kind}{more}", given)


def _tied(config: ModelConfig, found: dict[str, Found]) -> tuple[ModelConfig, dict[str, Found], tuple[str, ...]]:
    """What a config that ties head and embedding means for a file that has a head of its own.

    Equal to the embedding: tied. Different: another model than the config says, its own head is used, and a warning
    says so. No embedding beside it: the head is the embedding.
    """
    if HEAD not in found or not config.tied:
        return config, found, ()
    embedding = places(config)["embed.weight"].tensor
    if embedding not in found:
        return config, {**found, embedding: found[HEAD]}, ()
    for tensor in (embedding, HEAD):
        _check(found[tensor], (config.vocab, config.width))
    (head_file, head), (embed_file, embed) = found[HEAD], found[embedding]
    if _are_equal(head_file.stored(head), embed_file.stored(embed)):
        return config, found, ()
    warning = f"{HEAD} differs from the embedding although the config says they are tied: it is used as it is"
    return replace(config, tied=False), found, (warning,)


def _are_equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Bit for bit, a few rows at a time."""
    rows = max(1, CHUNK_ITEMS // a.shape[1])
    return a.dtype == b.dtype and all(
        np.array_equal(a[i : i + rows].view(np.uint8), b[i : i + rows].view(np.uint8)) for i in range(0, len(a), rows)
    )
