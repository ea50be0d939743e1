"""The logit lens: what the model would expect next if a value of the residual stream were its last.

The final normalization and the output matrix, which were learned for the end of the stream, are applied to what stands
in it earlier. That it reads well does not show that the model uses it so; early layers may keep their news in
directions that the output matrix does not know, and then the lens shows noise.
nostalgebraist 2020, interpreting GPT: the logit lens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.program import Line, Program, Weights
from engine.sampling import predict

Array = np.ndarray
RESIDUAL = re.compile(r"embed|blocks\.[0-9]+\.resid_(pre|mid|post)")
SHOWN = 5


@dataclass(frozen=True)
class LensToken:
    """One guess of the lens."""

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class LensRow:
    """The best guesses at one address, best first; `entropy` of all of them in nats."""

    address: str
    tokens: tuple[LensToken, ...]
    entropy: float


@dataclass(frozen=True)
class LensReading:
    """The lens at every residual address done so far, in order, after the token at `position`."""

    position: int
    rows: tuple[LensRow, ...]


def is_residual(address: str) -> bool:
    """Whether an address is of the residual stream, which the lens reads."""
    return RESIDUAL.fullmatch(address) is not None


def tail_of(program: Program) -> tuple[str, tuple[Line, ...]]:
    """The last residual value of a plain program, and the lines that make the logits of it."""
    residual = [i for i, line in enumerate(program.lines) if is_residual(line.out)]
    if not residual:
        raise InputError("this program has no residual stream that a lens could read")
    return program.lines[residual[-1]].out, program.lines[residual[-1] + 1 :]


def lens(program: Program, weights: Weights, rows: Array) -> Array:
    """The logits (N, V) of values (N, D) of the residual stream, by the last lines of the plain program."""
    name, tail = tail_of(program)
    values = {name: np.asarray(rows, np.float32)[None]}
    for line in tail:
        ins = [values[n] if n in values else weights[n] for n in line.ins]
        values[line.out] = line.op.forward(*ins, **line.attrs)
    return np.asarray(values[program.outputs[0]][0])


def read_through(
    program: Program, weights: Weights, values: Mapping[str, Array], addresses: Sequence[str], row: int, position: int,
    text_of: Callable[[int], str],
) -> LensReading:  # fmt: skip
    """The lens on one row of every residual value that is there.

    program, weights   the plain program       addresses   in the order of the pass
    row                of the token in this pass, position in the text
    """
    found = [name for name in addresses if is_residual(name) and name in values]
    if not found:
        return LensReading(position, ())
    logits = lens(program, weights, np.stack([values[name][0, row] for name in found]))
    return LensReading(position, tuple(_row(name, line, text_of) for name, line in zip(found, logits, strict=True)))


def _row(address: str, logits: Array, text_of: Callable[[int], str]) -> LensRow:
    expected = predict(logits, SHOWN)
    chances = np.exp(expected.logprobs.astype(np.float64))
    tokens = (LensToken(int(id), text_of(int(id)), float(p)) for id, p in zip(expected.ids, chances, strict=True))
    return LensRow(address, tuple(tokens), expected.entropy)
