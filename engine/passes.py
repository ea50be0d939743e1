"""Which pass is stepped over a text.

plain       the program as the paper writes it, over the whole text
generating  what generation runs for the last token
training    the plain program, its loss, the backward pass, and one update of every weight
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.cost import infer_shapes
from engine.decoder import Decoder
from engine.errors import InputError, SurroundingsError
from engine.memory import root_of
from engine.model import Model
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.program import Program, Shape, Weights
from engine.rewrites.cache_kv import limit_window

PLAIN, GENERATING, TRAINING = KINDS = ("plain", "generating", "training")
WORDS = {PLAIN: "plain", GENERATING: "as it generates", TRAINING: "as it trains"}
MOST_BYTES = 2 << 30  # that a training pass may hold: all its values are kept to be looked at


class Pass(NamedTuple):
    """A program with what it is run on; `what` says it in one line."""

    what: str
    program: Program
    weights: Weights
    inputs: dict[str, np.ndarray]


def pass_of(kind: str, model: Model, decoder: Decoder, window: int | None, ids: list[int]) -> Pass:
    """The pass of this kind over a text. Raises InputError or SurroundingsError where there is none."""
    if kind == TRAINING:
        return training_pass(model, window, ids)
    return plain_pass(model, window, ids) if kind == PLAIN else generating_pass(decoder, ids)


def after(kind: str) -> str:
    """The kind that comes next when a key goes through them."""
    return KINDS[(KINDS.index(kind) + 1) % len(KINDS)]


def all_of(ids: list[int]) -> str:
    """`all 16 tokens`, `its one token`."""
    return f"all {len(ids):,} tokens" if len(ids) > 1 else "its one token"


def plain_pass(model: Model, window: int | None, ids: list[int]) -> Pass:
    """The plain program on all tokens."""
    program, weights = limit_window(model.program, model.weights, window)
    return Pass(f"plain program, {all_of(ids)}", program, weights, _inputs(ids))


def generating_pass(decoder: Decoder, ids: list[int]) -> Pass:
    """What generation runs: with a cache, the program of one step on the last token, after a cache of its own."""
    prepared = decoder.prepared
    if decoder.cache is None:
        program, weights = prepared.prompt
        return Pass(f"as generation runs it, {all_of(ids)} (no cache)", program, weights, _inputs(ids))
    decoder = decoder.fork()
    decoder.rewind(len(ids) - 1)
    assert decoder.cache is not None
    program, weights = prepared.step
    inputs = decoder.cache.claim(1) | {"tokens": np.array([ids[-1:]])}
    return Pass(f"as generation runs it, token {len(ids)} after a cache of {len(ids) - 1}", program, weights, inputs)


def training_pass(model: Model, window: int | None, ids: list[int]) -> Pass:
    """One update on this text alone: every token but the last is to foretell the next one.

    A checkpoint of a run is updated as its run would do it, with its rate and its moments. Nothing is changed: the new
    weights are values of the pass. Raises InputError for a text of one token, SurroundingsError for a model too large.
    """
    from engine.rewrites.differentiate import differentiate, with_loss
    from engine.rewrites.update import BEFORE, no_moments, with_update
    from engine.training.next_update import next_update

    if len(ids) < 2:
        raise InputError("a training pass needs a token and the one after it: the text has one token; ] makes another")
    program, weights = with_loss(*limit_window(model.program, model.weights, window))
    inputs = _inputs(ids) | {"targets": np.array([[*ids[1:], -1]])}
    known = {name: np.shape(weights[name]) for name in program.params}
    known |= {name: array.shape for name, array in inputs.items()}
    program, _ = differentiate(program, weights, infer_shapes(program, known))
    update = next_update(model.path, {name: np.shape(weights[name]) for name in program.params})
    program, _ = with_update(program, weights, update.settings, update.rate, update.step)
    inputs |= no_moments(program, weights) | {BEFORE + name: moment for name, moment in update.moments.items()}
    _require_room(program, known | {name: array.shape for name, array in inputs.items()})
    what = f"training on {len(ids)} tokens: {update}"
    return Pass(what, program, weights, inputs)


def _require_room(program: Program, known: dict[str, Shape]) -> None:
    """Refuse, before anything is computed, a pass whose values are too many to be held."""
    shapes, roots = infer_shapes(program, known), root_of(program)
    needed = FLOAT_BYTES * sum(elements(shapes[line.out]) for line in program.lines if roots[line.out] == line.out)
    if needed > MOST_BYTES:
        raise SurroundingsError(
            f"a training pass of this model holds {needed / 1e9:,.1f} GB, since every gradient, moment and new weight "
            f"is kept to be looked at: more than {MOST_BYTES / 1e9:,.1f} GB; take a smaller model or a shorter text"
        )


def _inputs(ids: list[int]) -> dict[str, np.ndarray]:
    return {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))}
