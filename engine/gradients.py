"""The derivative of every operation, by hand: one gradient per input, itself an operation.

A gradient reads exactly what its line is given: `d_out` (the gradient of the result), `out` (the result), `in0`, `in1`,
... (the inputs). None means that no gradient flows there: ids, positions and masks are not learned. The table stands
apart from the operations because they are each other's gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.ops import activation as act
from engine.ops import activation_gradients as act_d
from engine.ops import (
    attend_gradients,
    dropout,
    embedding,
    linear_gradients,
    loss,
    loss_gradients,
    norm,
    norm_gradients,
    rope,
)
from engine.ops import attention as att
from engine.ops import attention_gradients as att_d
from engine.ops import linear as lin
from engine.ops.attend import attend
from engine.program import Op, Shape

Attrs = Mapping[str, Any]


def as_forward(ins: tuple[Shape, ...], attrs: Attrs) -> Attrs:
    """The gradient's settings are those of the forward line."""
    return attrs


def none(ins: tuple[Shape, ...], attrs: Attrs) -> Attrs:
    """The gradient has no settings."""
    return {}


@dataclass(frozen=True)
class Gradient:
    """How the gradient of one input is computed: the operation, what it reads, its settings from the forward line's.

    together  a gradient of all inputs at once, computed before, which this one reads as `together`
    """

    op: Op
    reads: tuple[str, ...]
    attrs: Callable[[tuple[Shape, ...], Attrs], Attrs] = none
    together: Gradient | None = None


def _part(number: int) -> Gradient:
    """One of the three gradients of `attend`."""
    return Gradient(attend_gradients.taken, ("together", "in0", "in1"), lambda ins, _: {"part": number}, ATTEND_BACK)


PASSED_ON = Gradient(lin.identity, ("d_out",))
ATTEND_BACK = Gradient(attend_gradients.attend_back, ("d_out", "in0", "in1", "in2", "in3"), as_forward)

GRADIENTS: dict[Op, tuple[Gradient | None, ...]] = {
    lin.linear: (
        Gradient(linear_gradients.linear_dx, ("d_out", "in1"), as_forward),
        Gradient(linear_gradients.linear_dw, ("d_out", "in0"), as_forward),
        Gradient(linear_gradients.sum_rows, ("d_out",)),
    ),
    lin.add: (PASSED_ON, Gradient(linear_gradients.sum_to, ("d_out",), lambda ins, _: {"rank": len(ins[1])})),
    lin.multiply: (Gradient(lin.multiply, ("d_out", "in1")), Gradient(lin.multiply, ("d_out", "in0"))),
    lin.scale: (Gradient(lin.scale, ("d_out",), as_forward),),
    lin.identity: (PASSED_ON,),
    norm.layer_normalize: (Gradient(norm_gradients.layer_normalize_dx, ("d_out", "out", "in0"), as_forward),),
    norm.rms_normalize: (Gradient(norm_gradients.rms_normalize_dx, ("d_out", "out", "in0"), as_forward),),
    norm.scale_shift: (
        Gradient(lin.multiply, ("d_out", "in1")),
        Gradient(linear_gradients.gain_gradient, ("d_out", "in0")),
        Gradient(linear_gradients.sum_rows, ("d_out",)),
    ),
    act.gelu_tanh: (Gradient(act_d.gelu_tanh_dx, ("d_out", "in0")),),
    act.gelu_erf: (Gradient(act_d.gelu_erf_dx, ("d_out", "in0")),),
    act.relu: (Gradient(act_d.relu_dx, ("d_out", "out")),),
    act.silu: (Gradient(act_d.silu_dx, ("d_out", "in0")),),
    embedding.embed: (None, Gradient(loss_gradients.embed_dtable, ("d_out", "in0", "in1"))),
    rope.rotate: (Gradient(att_d.rotate_back, ("d_out", "in1", "in2")), None, None),
    att.split_heads: (Gradient(att.merge_heads, ("d_out",)),),
    att.merge_heads: (Gradient(att.split_heads, ("d_out",), lambda ins, _: {"heads": ins[0][1]}),),
    att.scores: (
        Gradient(att.weighted_sum, ("d_out", "in1")),
        Gradient(att_d.shared_product, ("d_out", "in0"), lambda ins, _: {"groups": ins[1][1]}),
    ),
    att.mask: (PASSED_ON, None),
    att.softmax: (Gradient(att_d.softmax_dx, ("d_out", "out")),),
    att.weighted_sum: (
        Gradient(att.scores, ("d_out", "in1")),
        Gradient(att_d.shared_product, ("in0", "d_out"), lambda ins, _: {"groups": ins[1][1]}),
    ),
    attend: (_part(0), _part(1), _part(2), None, None),
    dropout.dropout: (Gradient(dropout.dropout, ("d_out", "in1", "in2"), as_forward), None, None),
    loss.cross_entropy: (Gradient(loss_gradients.cross_entropy_dx, ("in0", "in1"), as_forward), None),
}
