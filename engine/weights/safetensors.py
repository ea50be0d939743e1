"""Read the tensors of a safetensors file: float32 without a copy, everything else one tensor at a time.

The file is mapped into memory, so opening costs nothing and the system loads the pages that are used. Half
precision has no fast arithmetic in NumPy, so a float16 or bfloat16 tensor is turned into float32 when it is first
asked for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.files import open_regular, refused
from engine.weights.header import Entry, Header, header_of

DTYPES = {
    "BOOL": "?", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


class TensorFile:
    """An open safetensors file: `header` says what is in it, `stored` and `float32` give arrays, all read-only."""

    def __init__(self, path: str | Path) -> None:
        with open_regular(path) as file:
            self.header: Header = header_of(file, Path(path))
            self._bytes = np.asarray(np.memmap(file, np.uint8, "r"))
        self._float32: dict[str, np.ndarray] = {}

    def stored(self, name: str) -> np.ndarray:
        """The tensor in the type it is stored in: a view of the file, unless its bytes are not aligned."""
        entry = self.header.entries[name]
        first = self.header.data_start
        flat = self._bytes[first + entry.start : first + entry.stop].view(self._dtype(entry))
        array = flat.reshape(entry.shape)
        return array if array.flags.aligned else _read_only(array.copy())

    def float32(self, name: str) -> np.ndarray:
        """The tensor as float32: a view of the file if it is float32 there, else converted once and kept."""
        if name not in self._float32:
            self._float32[name] = _read_only(self.stored(name).astype(np.float32, copy=False))
        return self._float32[name]

    def _dtype(self, entry: Entry) -> np.dtype:
        if entry.dtype == "BF16":
            return bfloat16()
        if entry.dtype not in DTYPES:
            raise refused(self.header.path, f"dtype: expected one that NumPy has, got {entry.dtype}", entry.name)
        return np.dtype(DTYPES[entry.dtype])


def bfloat16() -> np.dtype:
    """The NumPy type of bfloat16, which a small package adds."""
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
