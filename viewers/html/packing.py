"""Numbers as bytes in a page: attention in 256 steps per row, everything else in full; compressed, the same every time.

A browser unpacks it with `DecompressionStream`. Arrays of more than one byte a number are shuffled: all first bytes,
then all second bytes and so on, which nearly halves what compression leaves of floats.
"""

from __future__ import annotations

import gzip

import numpy as np

Array = np.ndarray
STEPS = 255  # above zero
LEVEL = 6


def packed(*sections: bytes) -> bytes:
    """All sections, compressed; without a date, so that the same numbers give the same bytes."""
    return gzip.compress(b"".join(sections), LEVEL, mtime=0)


def shuffled(values: Array) -> bytes:
    """Little-endian bytes, all lowest bytes first."""
    flat = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).reshape(-1)
    return flat.view(np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()


def triangle(pattern: Array) -> Array:
    """What each query may see, row by row: (H, T, T) -> (H, T (T + 1) / 2)."""
    queries = pattern.shape[1]
    return np.concatenate([pattern[:, q, : q + 1] for q in range(queries)], axis=1)


def rounded_rows(pattern: Array) -> tuple[Array, Array]:
    """Attention in 256 steps: the largest number of each row, (H, T) float32, and each number as a step of it.

    A number is peak * step / 255, at most peak / 510 from what it was; the peak itself is exact. A row of NaN, which
    was not recorded, has the peak NaN.
    """
    missing = ~np.isfinite(pattern).any(-1)  # (H, T)
    shares = np.nan_to_num(pattern, nan=0.0).astype(np.float32)
    peaks = shares.max(-1)
    scale = np.where(peaks > 0, peaks, 1).astype(np.float64)
    steps = np.empty(pattern.shape, np.uint8)
    for head in range(len(shares)):  # one at a time: in float64 a layer of a long text is large
        steps[head] = np.rint(shares[head] / scale[head, :, None] * STEPS)
    return np.where(missing, np.float32(np.nan), peaks), steps


def packed_attention(pattern: Array, exact: bool = False) -> bytes:
    """The attention of one layer, (H, T, T): in full, or as peaks and steps."""
    if exact:
        return packed(shuffled(triangle(pattern.astype(np.float32))))
    peaks, steps = rounded_rows(pattern)
    return packed(shuffled(peaks), triangle(steps).tobytes())
