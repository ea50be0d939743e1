"""`differentiate`: append the backward pass to the list, line by line, last operation first.

Every forward line sends the gradient of its result back to its inputs by the table of `gradients`. A value that several
lines read gets one part from each, `d.<address>@<reader>`, and a line that adds them up. Only what leads to a weight
that is learned is emitted: frozen weights cost nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from engine.errors import ProgramError
from engine.gradients import GRADIENTS, Gradient
from engine.ops.linear_gradients import accumulate
from engine.ops.loss import cross_entropy
from engine.program import Line, Program, Shape, Weights
from engine.rewrites.prune import prune

PREFIX = "d."


def with_loss(program: Program, weights: Weights, smoothing: float = 0.0) -> tuple[Program, Weights]:
    """The program ending in `loss`, the summed cross-entropy of its logits and the new input `targets`."""
    attrs = {"smoothing": smoothing} if smoothing else {}
    line = Line("loss", cross_entropy, ("logits", "targets"), attrs, "")
    inputs = (*program.inputs, "targets")
    return replace(program, inputs=inputs, lines=(*program.lines, line), outputs=("loss",)).check(), weights


def differentiate(
    program: Program, weights: Weights, shapes: Mapping[str, Shape], learned: Collection[str] | None = None
) -> tuple[Program, Weights]:
    """The program that also computes `d.<parameter>` of its output `loss` for every learned parameter.

    shapes   of all values, for any batch; only their ranks and the weights' sizes matter
    learned  parameters to differentiate by; None: all
    """
    learned = set(program.params if learned is None else learned) & set(program.params)
    flows = _influenced(program, learned)
    parts: dict[str, list[Line]] = {}
    backward: list[Line] = []
    for line in reversed(program.lines):
        if line.out in flows:
            for part in _backward(line, flows, shapes, backward, parts):
                backward.append(part)
    for name in program.params:
        if name in learned:
            _settle(name, parts, backward)
    outputs = (*program.outputs, *(PREFIX + name for name in program.params if name in learned and name in parts))
    whole = replace(program, lines=(*program.lines, *backward), outputs=outputs)
    return prune(whole, weights)


def _influenced(program: Program, learned: Collection[str]) -> set[str]:
    """The values that change when a learned parameter does."""
    found = set(learned)
    for line in program.lines:
        gradients = GRADIENTS.get(line.op, ())
        if any(name in found and (i >= len(gradients) or gradients[i]) for i, name in enumerate(line.ins)):
            found.add(line.out)
    return found


def _backward(
    line: Line, flows: Collection[str], shapes: Mapping[str, Shape], backward: list[Line], parts: dict[str, list[Line]]
) -> list[Line]:
    """The gradient lines of one forward line, one for each input that leads to a learned weight."""
    if line.op not in GRADIENTS:
        raise ProgramError(f"{line.out}: {line.op.name} has no gradient; differentiate the plain program")
    if line.op is not cross_entropy and not _settle(line.out, parts, backward):
        return []
    given = {"d_out": PREFIX + line.out, "out": line.out} | {f"in{i}": name for i, name in enumerate(line.ins)}
    made: list[Line] = []

    def emit(address: str, gradient: Gradient) -> Line:
        attrs = gradient.attrs(tuple(shapes[n] for n in line.ins), line.attrs)
        made.append(Line(address, gradient.op, tuple(given[read] for read in gradient.reads), attrs, line.where))
        return made[-1]

    for i, name in enumerate(line.ins):
        gradient = GRADIENTS[line.op][i]
        if gradient is None or name not in flows:
            continue
        if gradient.together and "together" not in given:
            given["together"] = f"{PREFIX}{line.out}@all"
            emit(given["together"], gradient.together)
        parts.setdefault(name, []).append(emit(f"{PREFIX}{name}@{line.out}", gradient))
    return made


def _settle(name: str, parts: dict[str, list[Line]], backward: list[Line]) -> bool:
    """Make `d.<name>` of the parts that came back: the only one under its plain name, or a line that adds them up."""
    came = parts.get(name, [])
    if not came:
        return False
    if len(came) == 1:
        at = next(i for i, line in enumerate(backward) if line is came[0])
        backward[at] = replace(came[0], out=PREFIX + name)
    else:
        backward.append(Line(PREFIX + name, accumulate, tuple(part.out for part in came), {}, came[0].where))
    return True
