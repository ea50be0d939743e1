"""Frames: a length, a JSON header and raw arrays, one after the other on a stream socket.

    8 bytes   magic "MGPTLNK1"        4 bytes   length of the header        8 bytes   length of the arrays
    header    JSON: {"say": ..., "arrays": [[dtype, shape], ...]}           arrays    each C-contiguous, little-endian

What comes in is checked like a file: nothing is read that was not announced, nothing is allocated beyond a limit.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.errors import InputError

Array = np.ndarray
MAGIC = b"MGPTLNK1"
PREFIX = struct.Struct("<8sIQ")
LARGEST_HEADER = 64 << 20
LARGEST_ARRAYS = 2 << 30
MOST_ARRAYS = 100_000
DTYPES: dict[str, Any] = {
    "f4": np.float32, "f8": np.float64, "i8": np.int64, "i4": np.int32, "i1": np.int8, "u1": np.uint8, "b1": np.bool_,
}  # fmt: skip
NAMES = {np.dtype(kind): name for name, kind in DTYPES.items()}


class LinkClosed(InputError):
    """The other end is gone."""


def send_frame(link: socket.socket, say: Any, arrays: Sequence[Array] = ()) -> None:
    """Send one frame. Raises LinkClosed if nobody is there, InputError for an array that cannot travel."""
    assert sys.byteorder == "little"
    raw = [np.asarray(array, order="C") for array in arrays]
    header = json.dumps({"say": say, "arrays": [_described(array) for array in raw]}, separators=(",", ":")).encode()
    length = sum(array.nbytes for array in raw)
    if len(header) > LARGEST_HEADER or length > LARGEST_ARRAYS:
        raise InputError(f"a frame of {len(header) + length:,} bytes is too large for the link")
    try:
        link.sendall(PREFIX.pack(MAGIC, len(header), length) + header)
        for array in raw:
            if array.nbytes:
                link.sendall(array.reshape(-1).view(np.uint8).data)
    except OSError as error:
        raise LinkClosed(f"the other end of the link is gone: {error}") from None


def receive_frame(link: socket.socket) -> tuple[Any, list[Array]]:
    """Wait for one frame: what it says, and its arrays, read-only. Raises LinkClosed at the end of the stream."""
    magic, header_length, length = PREFIX.unpack(_exactly(link, PREFIX.size))
    if magic != MAGIC:
        raise InputError(f"link: expected a frame to begin with {MAGIC!r}, got {magic!r}")
    if header_length > LARGEST_HEADER or length > LARGEST_ARRAYS:
        raise InputError(f"link: expected a smaller frame, got {header_length + length:,} bytes announced")
    header = _parsed(bytes(_exactly(link, header_length)))
    described = [_checked(item) for item in header["arrays"]]
    sizes = [math.prod(shape) * np.dtype(kind).itemsize for kind, shape in described]
    if sum(sizes) != length:
        raise InputError(f"link: expected arrays of {sum(sizes):,} bytes, got {length:,} announced")
    body, start, arrays = _exactly(link, length), 0, []
    for (kind, shape), size in zip(described, sizes, strict=True):
        array: Array = np.frombuffer(body, kind, math.prod(shape), start).reshape(shape)
        array.flags.writeable = False
        arrays.append(array)
        start += size
    return header["say"], arrays


def _described(array: Array) -> list[Any]:
    name = NAMES.get(array.dtype)
    if name is None:
        raise InputError(f"an array of {array.dtype} cannot travel; expected one of {', '.join(DTYPES)}")
    return [name, list(array.shape)]


def _parsed(header: bytes) -> dict[str, Any]:
    try:
        found = json.loads(header)
    except (ValueError, RecursionError):
        raise InputError("link: expected a header of JSON") from None
    if not isinstance(found, dict) or found.keys() != {"say", "arrays"} or not isinstance(found["arrays"], list):
        raise InputError("link: expected a header of 'say' and 'arrays'")
    if len(found["arrays"]) > MOST_ARRAYS:
        raise InputError(f"link: expected at most {MOST_ARRAYS:,} arrays, got {len(found['arrays']):,}")
    return found


def _checked(item: Any) -> tuple[type, tuple[int, ...]]:
    if not (isinstance(item, list) and len(item) == 2 and item[0] in DTYPES and isinstance(item[1], list)):
        raise InputError(f"link: expected an array as [dtype, shape], got {str(item)[:80]}")
    if not all(type(size) is int and 0 <= size <= LARGEST_ARRAYS for size in item[1]) or len(item[1]) > 32:
        raise InputError(f"link: expected a shape of small sizes, got {str(item[1])[:80]}")
    return DTYPES[item[0]], tuple(item[1])


def _exactly(link: socket.socket, count: int) -> bytearray:
    """So many bytes, however they come in."""
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        try:
            got = link.recv_into(view[done:])
        except OSError as error:
            raise LinkClosed(f"the other end of the link is gone: {error}") from None
        if not got:
            raise LinkClosed("the other end of the link has closed it")
        done += got
    return data
