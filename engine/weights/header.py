"""The header of a safetensors file, believed only as far as the bytes that are there.

The file is: 8 bytes with the length of the header, the header (a JSON object: name -> dtype, shape, data_offsets),
the data. Every number stays a Python integer until it was compared with the size of the file, so a header that
claims terabytes, overlaps, leaves gaps or repeats names is refused before anything is allocated.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from engine.files import open_regular, parse_json, refused, shortened

LARGEST_HEADER = 8 << 20  # some 80,000 tensors
MOST_AXES = 8
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
FIELDS = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True)
class Entry:
    """One tensor of a file: its bytes are `start` to `stop` of the data."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """What a file holds. Offsets of entries count from `data_start`."""

    path: Path
    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]
    data_start: int
    file_bytes: int


def read_header(path: str | Path) -> Header:
    """Read and check the header of a safetensors file; raises FileError with one line for each fault."""
    with open_regular(path) as file:
        return header_of(file, Path(path))


def header_of(file: BinaryIO, path: Path) -> Header:
    """The checked header of an open file."""
    size = os.fstat(file.fileno()).st_size
    raw, data_start = _read_json_part(file, size, path)
    metadata = _read_metadata(raw.pop("__metadata__", {}), path)
    entries = {name: _read_entry(name, fields, size - data_start, path) for name, fields in raw.items()}
    _check_cover(entries, size - data_start, path)
    return Header(path, entries, metadata, data_start, size)


def _read_json_part(file: BinaryIO, size: int, path: Path) -> tuple[dict[str, Any], int]:
    if size < 8:
        raise refused(path, f"expected 8 bytes with the length of the header, got {size} (a truncated download?)")
    length = int.from_bytes(file.read(8), "little")
    if length > size - 8:
        raise refused(path, f"header length {length}, but {size - 8} bytes follow (a truncated download?)")
    if length > LARGEST_HEADER:
        raise refused(path, f"expected a header of at most {LARGEST_HEADER:,} bytes, got {length:,}")
    text = file.read(length)
    if len(text) < length:
        raise refused(path, f"header length {length}, but {len(text)} bytes could be read")
    if not text.startswith(b"{"):
        raise refused(path, "is not a safetensors file: its header does not begin with {")
    return parse_json(text, path), 8 + length


def _read_metadata(raw: object, path: Path) -> dict[str, str]:
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise refused(path, "expected an object of texts", "__metadata__")
    return raw


def _read_entry(name: str, fields: object, data_bytes: int, path: Path) -> Entry:
    if not isinstance(fields, dict) or fields.keys() != FIELDS:
        got = f"one with {_start(list(fields))}" if isinstance(fields, dict) else _start(fields)
        raise refused(path, f"expected an object with dtype, shape and data_offsets, got {got}", name)
    dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise refused(path, f"dtype: expected one of {', '.join(ITEM_BYTES)}, got {shortened(dtype, 20)}", name)
    if not _are_sizes(shape) or len(shape) > MOST_AXES:
        raise refused(path, f"shape: expected at most {MOST_AXES} whole numbers, got {_start(shape)}", name)
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise refused(path, f"data_offsets: expected two whole numbers, got {_start(offsets)}", name)
    start, stop = offsets
    if not start <= stop <= data_bytes:
        raise refused(path, f"data_offsets: expected from 0 up to {data_bytes}, got {shortened(offsets)}", name)
    needed = math.prod(shape) * ITEM_BYTES[dtype]
    if needed != stop - start:
        raise refused(path, f"expected {needed} bytes for {dtype} {shortened(shape)}, got {stop - start}", name)
    return Entry(name, dtype, tuple(shape), start, stop)


def _start(value: object) -> str:
    return shortened(value[: MOST_AXES + 1] if isinstance(value, list) else value)


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_cover(entries: Mapping[str, Entry], data_bytes: int, path: Path) -> None:
    """Every byte of the data belongs to exactly one tensor."""
    end = 0
    for entry in sorted(entries.values(), key=lambda entry: (entry.start, entry.stop)):
        if entry.start < end:
            raise refused(path, f"data_offsets: overlaps another tensor by {end - entry.start} bytes", entry.name)
        if entry.start > end:
            raise refused(path, f"data_offsets: leaves a gap of {entry.start - end} bytes before it", entry.name)
        end = entry.stop
    if end != data_bytes:
        raise refused(path, f"expected {end} bytes of data, got {data_bytes}: some belong to no tensor")
