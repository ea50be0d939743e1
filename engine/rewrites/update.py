"""`with_update`: append the optimizer's update to a differentiated program, weight by weight, as lines like any other.

m.<weight>, v.<weight>      the moments after the update, from the inputs before.m.<weight>, before.v.<weight>
g.<weight>                  the gradient per target, clipped
change.<weight>             what is subtracted
new.<weight>                the weight after the update; the program's own weights stay as they were
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from engine.ops.optimizer import (
    AdamSettings,
    adam_change,
    adam_m,
    adam_update,
    adam_v,
    clip,
    clip_gradient,
    count_targets,
    decay_gradient,
    gradient_norm,
)
from engine.program import Line, Program, Weights
from engine.rewrites.differentiate import PREFIX

BEFORE = "before."
COUNT, NORM, SCALE = "update.targets", "update.norm", "update.scale"


def with_update(
    program: Program, weights: Weights, settings: AdamSettings, rate: float, step: int
) -> tuple[Program, Weights]:
    """The program that also computes what one update makes of every weight that has a gradient.

    rate  the learning rate of this update      step  its number, from 1: how many the moments will have seen
    """
    learned = [name for name in program.params if PREFIX + name in program.outputs]
    lines = [
        Line(COUNT, count_targets, ("targets",)),
        Line(NORM, gradient_norm, (COUNT, *(PREFIX + name for name in learned))),
        Line(SCALE, clip, (NORM, COUNT), {"limit": settings.clip}),
    ]
    for name in learned:
        lines += _lines(name, settings, rate, step, is_matrix=weights[name].ndim == 2)
    moments = tuple(f"{BEFORE}{moment}.{name}" for name in learned for moment in "mv")
    made = tuple(f"{kind}.{name}" for name in learned for kind in ("m", "v", "new"))
    program = program.with_lines(
        (*program.lines, *lines), inputs=(*program.inputs, *moments), outputs=(*program.outputs, *made)
    )
    return program, weights


def no_moments(program: Program, weights: Weights) -> dict[str, np.ndarray]:
    """The moments before the first update, zeros that take no memory, for a program `with_update`."""
    zero = np.zeros((), np.float32)
    return {name: np.broadcast_to(zero, weights[param].shape) for name, param in moments_of(program).items()}


def moments_of(program: Program) -> Mapping[str, str]:
    """The inputs of a program `with_update` that hold moments, each with the weight that it belongs to."""
    return {name: name.removeprefix(BEFORE)[2:] for name in program.inputs if name.startswith(BEFORE)}


def _lines(name: str, settings: AdamSettings, rate: float, step: int, is_matrix: bool) -> Iterator[Line]:
    """The five lines of one weight."""
    decay = settings.decay if is_matrix else 0.0
    if settings.decoupled or not decay:
        yield Line(f"g.{name}", clip_gradient, (PREFIX + name, SCALE))
    else:
        yield Line(f"g.{name}", decay_gradient, (PREFIX + name, SCALE, name), {"decay": decay})
    yield Line(f"m.{name}", adam_m, (f"{BEFORE}m.{name}", f"g.{name}"), {"beta1": settings.beta1})
    yield Line(f"v.{name}", adam_v, (f"{BEFORE}v.{name}", f"g.{name}"), {"beta2": settings.beta2})
    attrs = {"rate": rate, "step": step, "beta1": settings.beta1, "beta2": settings.beta2, "eps": settings.eps}
    yield Line(f"change.{name}", adam_change, (f"m.{name}", f"v.{name}"), attrs)
    shrinking = {"rate": rate, "decay": decay} if settings.decoupled and decay else {}
    yield Line(f"new.{name}", adam_update, (name, f"change.{name}"), shrinking)
