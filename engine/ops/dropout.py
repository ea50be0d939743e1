"""Dropout whose mask is a pure function of where and when it is applied.

Stepping back, recomputing a block and splitting a batch over threads all repeat the same mask, since it is computed
from the run's seed, the update, the sample's number and the forward address, never drawn from a shared stream.
"""

from __future__ import annotations

import zlib

import numpy as np

from engine.ops.shapes import per_element, same
from engine.program import Op

Array = np.ndarray


def dropout_forward(
    x: Array, update: Array, samples: Array, *, p: float, address: str, out: Array | None = None
) -> Array:
    """Set a share p of all numbers to 0 and divide the others by 1 - p.

    x        (B, ...)
    update   (2,) the run's seed and the number of the update
    samples  (B,) the number of each text within the update
    address  of the forward line; a copy of the line keeps it, and so its mask
    """
    out = np.empty(x.shape, x.dtype) if out is None else out
    seed, number = (int(n) for n in update)
    for row, sample in enumerate(samples):
        bits = np.random.Philox(key=[seed, zlib.crc32(address.encode())], counter=[0, 0, int(sample), number])
        kept = np.random.Generator(bits).random(x[row].shape, np.float32) >= p
        np.multiply(x[row], kept * x.dtype.type(1 / (1 - p)), out=out[row])
    return out


dropout = Op(
    "dropout", "y = x m / (1 - p)", "Some numbers are left out at random, so that no unit can rely on a single other.",
    dropout_forward, same, per_element(2), paper="Srivastava et al. 2014, Dropout; Salmon et al. 2011, Philox",
    alias="inplace=0",
)  # fmt: skip
