"""Which pass is stepped: the plain program over the whole text, or what generation runs for its last token."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.decoder import Decoder
from engine.model import Model
from engine.program import Program, Weights
from engine.rewrites.cache_kv import limit_window


class Pass(NamedTuple):
    """A program with what it is run on; `what` says it in one line."""

    what: str
    program: Program
    weights: Weights
    inputs: dict[str, np.ndarray]


def plain_pass(model: Model, window: int | None, ids: list[int]) -> Pass:
    """The plain program on all tokens."""
    program, weights = limit_window(model.program, model.weights, window)
    return Pass(f"plain program, all {len(ids)} tokens", program, weights, _inputs(ids))


def generating_pass(decoder: Decoder, ids: list[int]) -> Pass:
    """What generation runs: with a cache, the program of one step on the last token, after a cache of its own."""
    prepared = decoder.prepared
    if decoder.cache is None:
        program, weights = prepared.prompt
        return Pass(f"as generation runs it, all {len(ids)} tokens (no cache)", program, weights, _inputs(ids))
    decoder = decoder.fork()
    decoder.rewind(len(ids) - 1)
    assert decoder.cache is not None
    program, weights = prepared.step
    inputs = decoder.cache.claim(1) | {"tokens": np.array([ids[-1:]])}
    return Pass(f"as generation runs it, token {len(ids)} after a cache of {len(ids) - 1}", program, weights, inputs)


def _inputs(ids: list[int]) -> dict[str, np.ndarray]:
    return {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))}
