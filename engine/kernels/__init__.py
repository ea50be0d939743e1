"""Which NumPy calls an operation becomes in a compiled function, where that is faster than the operation as written.

A kernel gets an emitter, the line, its inputs and its output, and returns whether it applies. For one row (a generated
token) everything is one-dimensional: NumPy walks such arrays without setting up an iterator, three times as fast as
(1, D). For many rows a linear is one matrix product over all of them.
"""

from __future__ import annotations

import numpy as np

from engine.kernels import attention as attending
from engine.kernels import backward, blocks, dense
from engine.kernels import int8 as narrow
from engine.kernels.forms import Kernel
from engine.ops import (
    activation,
    activation_gradients,
    attention,
    attention_gradients,
    cache,
    embedding,
    int8,
    linear,
    linear_gradients,
    loss,
    loss_gradients,
    norm,
    norm_gradients,
    rope,
)
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
    int8.linear_int8: narrow.linear_int8_kernel,
    int8.embed_int8: narrow.embed_int8_kernel,
    cache.append: attending.append_kernel,
    cache.append_int8: attending.append_int8_kernel,
    cache.widen: narrow.widen_kernel,
    attention.scores: attending.scores_kernel,
    attention.softmax: attending.softmax_kernel,
    activation.gelu_tanh: backward.in_blocks(blocks.gelu_tanh),
    activation.silu: backward.in_blocks(blocks.silu),
    activation_gradients.gelu_tanh_dx: backward.in_blocks(blocks.gelu_tanh_dx),
    activation_gradients.silu_dx: backward.in_blocks(blocks.silu_dx),
    attention_gradients.softmax_dx: backward.by_rows(blocks.softmax_dx),
    norm_gradients.layer_normalize_dx: backward.by_rows(blocks.layer_normalize_dx, "eps"),
    norm_gradients.rms_normalize_dx: backward.by_rows(blocks.rms_normalize_dx, "eps"),
    linear_gradients.linear_dx: backward.linear_dx_kernel,
    linear_gradients.linear_dw: backward.linear_dw_kernel,
    linear_gradients.sum_rows: backward.sum_rows_kernel,
    loss.cross_entropy: backward.cross_entropy_kernel,
    loss_gradients.cross_entropy_dx: backward.cross_entropy_dx_kernel,
    attention.weighted_sum: attending.weighted_sum_kernel,
}
