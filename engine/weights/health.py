"""Two quick looks at a model's numbers: are they finite, and which model is it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from engine.models.config import ModelConfig

CHUNK_ITEMS = 1 << 20
SAMPLE_BYTES, SAMPLES = 4096, 16


def count_not_finite(array: np.ndarray) -> int:
    """How many values are NaN or infinite. One pass of sums; values are looked at only where a sum is not finite."""
    flat = array.reshape(-1)
    bad = 0
    with np.errstate(all="ignore"):
        for first in range(0, flat.size, CHUNK_ITEMS):
            chunk = flat[first : first + CHUNK_ITEMS].astype(np.float32, copy=False)
            if not np.isfinite(chunk.sum()):  # a sum of finite values may overflow: then the count is 0
                bad += int(np.count_nonzero(~np.isfinite(chunk)))
    return bad


def fingerprint(config: ModelConfig, tensors: Mapping[str, np.ndarray]) -> str:
    """A SHA-256 that names a model: of its configuration and, per tensor, its name, type, shape and a sample of bytes.

    The sample is the whole of a tensor up to 64 KiB, else 16 pieces of 4 KiB evenly spread from its first byte to its
    last. So it stays fast on gigabytes and does not depend on shards or the order in a file; a change that misses
    every sampled piece goes unnoticed.
    """
    digest = hashlib.sha256(json.dumps(config.to_json(), sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        for piece in _sampled(array.reshape(-1).view(np.uint8)):
            digest.update(piece.data)
    return digest.hexdigest()


def _sampled(data: np.ndarray) -> list[np.ndarray]:
    if data.size <= SAMPLES * SAMPLE_BYTES:
        return [data]
    last = data.size - SAMPLE_BYTES
    starts = [last * i // (SAMPLES - 1) for i in range(SAMPLES)]
    return [data[start : start + SAMPLE_BYTES] for start in starts]
