"""Which NumPy calls an operation becomes in a compiled function, where that is faster than the operation as written.

A kernel gets an emitter, the line, its inputs and its output, and returns whether it applies. For one row (a generated
token) everything is one-dimensional: NumPy walks such arrays without setting up an iterator, three times as fast as
(1, D). For many rows a linear is one matrix product over all of them.
"""

from __future__ import annotations

import numpy as np

from engine.kernels import attention as attending
from engine.kernels import dense
from engine.kernels.forms import Kernel
from engine.ops import activation, attention, cache, embedding, linear, norm, rope
from engine.program import Op

KERNELS: dict[Op, Kernel] = {
    linear.linear: dense.linear_kernel,
    linear.add: dense.flat_kernel(np.add),
    linear.multiply: dense.flat_kernel(np.multiply),
    norm.layer_normalize: dense.normalize_kernel,
    norm.rms_normalize: dense.normalize_kernel,
    norm.scale_shift: dense.scale_shift_kernel,
    activation.gelu_tanh_folded: dense.gelu_tanh_folded_kernel,
    activation.silu_folded: dense.silu_folded_kernel,
    embedding.embed: dense.embed_kernel,
    rope.rotate: attending.rotate_kernel,
    cache.append: attending.append_kernel,
    attention.scores: attending.scores_kernel,
    attention.softmax: attending.softmax_kernel,
    attention.weighted_sum: attending.weighted_sum_kernel,
}
