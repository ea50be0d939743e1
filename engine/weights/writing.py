"""Write safetensors files, tensor by tensor, and read them back before they count as written."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from engine.errors import InputError, SurroundingsError
from engine.files import atomic_file, shortened
from engine.weights.header import ITEM_BYTES
from engine.weights.safetensors import DTYPES, bfloat16

CHUNK_BYTES = 4 << 20


@dataclass(frozen=True)
class Planned:
    """A tensor to be written; its array is made only when its turn comes."""

    name: str
    dtype: str  # as safetensors calls it: "F32"
    shape: tuple[int, ...]
    make: Callable[[], np.ndarray]

    @property
    def data_bytes(self) -> int:
        """How many bytes it will take in the file."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


def save_tensors(
    path: str | Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays of any type that safetensors has as one file, atomically and read back."""
    planned = [Planned(name, dtype_name(array), array.shape, lambda a=array: a) for name, array in tensors.items()]  # type: ignore[misc]
    with atomic_file(path) as file:
        write_tensors(file, Path(path), planned, metadata or {})


def write_tensors(file: BinaryIO, path: Path, planned: Sequence[Planned], metadata: Mapping[str, str]) -> None:
    """Write a whole safetensors file, force it to the disk and compare what is there with what was meant."""
    checksum = 0
    for piece in _pieces(planned, metadata):
        file.write(piece)
        checksum = zlib.crc32(piece, checksum)
    file.flush()
    os.fsync(file.fileno())
    if _checksum(file) != checksum:
        raise SurroundingsError(f"{shortened(path.name)}: what was written reads back differently; it was not kept")


def dtype_name(array: np.ndarray) -> str:
    """What safetensors calls the type of an array."""
    if array.dtype.name == "bfloat16":
        return "BF16"
    for name, code in DTYPES.items():
        if array.dtype == np.dtype(code):
            return name
    raise InputError(f"an array of {array.dtype} cannot be saved as a tensor")


def _pieces(planned: Sequence[Planned], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """The bytes of the file in order: the header, then one tensor at a time."""
    yield _header(planned, metadata)
    for plan in planned:
        array = np.ascontiguousarray(_cast(plan.make(), plan))
        assert array.shape == plan.shape, plan.name
        yield array.reshape(-1).view(np.uint8).data


def _header(planned: Sequence[Planned], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    start = 0
    for plan in planned:
        stop = start + plan.data_bytes
        entries[plan.name] = {"dtype": plan.dtype, "shape": list(plan.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(entries, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)  # the data begins aligned
    return len(text).to_bytes(8, "little") + text


def _cast(array: np.ndarray, plan: Planned) -> np.ndarray:
    target = bfloat16() if plan.dtype == "BF16" else np.dtype(DTYPES[plan.dtype])
    try:
        with np.errstate(over="raise"):
            return array.astype(target, copy=False)
    except FloatingPointError:
        name, largest = shortened(plan.name), float(np.nanmax(np.abs(array)))
        raise InputError(f"{name}: {largest:g} is too large for {target.name}; save as bfloat16 or float32") from None


def _checksum(file: BinaryIO) -> int:
    """Of everything in an open file, from its beginning."""
    file.seek(0)
    checksum = 0
    while chunk := file.read(CHUNK_BYTES):
        checksum = zlib.crc32(chunk, checksum)
    return checksum
