"""A PNG of levels: one byte a cell and a table of colours, nothing else; the same levels give the same bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from viewers.palette import ABSENT, RGB

SIGNATURE = b"\x89PNG\r\n\x1a\n"
INDEXED = 3  # colour type: bytes are places in the palette


def png_of(levels: np.ndarray, colours: Sequence[RGB]) -> bytes:
    """A picture of (R, C) levels, each a place in `colours`; ABSENT is transparent."""
    high, wide = levels.shape
    cells = np.where(levels == ABSENT, len(colours), levels).astype(np.uint8)
    rows = np.concatenate([np.zeros((high, 1), np.uint8), cells], axis=1)  # 0: this row is not filtered
    palette = bytes(value for colour in (*colours, (0, 0, 0)) for value in colour)
    return SIGNATURE + b"".join([
        _chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, INDEXED, 0, 0, 0)),
        _chunk(b"PLTE", palette),
        _chunk(b"tRNS", b"\xff" * len(colours) + b"\x00"),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)),
        _chunk(b"IEND", b""),
    ])  # fmt: skip


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
