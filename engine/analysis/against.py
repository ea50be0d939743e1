"""What a setting costs in quality: one model under two settings, A and B, over a text, in lockstep.

For every token that is scored, both foresee it from the same tokens:

    KL(A || B)   nats that B loses on what A expects, over the whole vocabulary
    agreement    whether the first choice is the same

split by how sure A was: entropy below 1 nat, where a flip is a change of mind, and from 1 nat up, where several tokens
are about as likely and a flip says little. Logits are held for one chunk at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.divergence import Divergence, divergence
from engine.analysis.evaluate import Evaluation, windows
from engine.decoder import Decoder, Fed
from engine.errors import InputError
from engine.model import Model
from engine.prepare import prepare
from engine.settings import Settings

Array = np.ndarray
SURE = 1.0  # nats of entropy below which A is sure of the next token


@dataclass(frozen=True)
class Agreement:
    """Sums over some tokens: how many, their KL in nats, and on how many the first choice is the same."""

    tokens: int = 0
    nats: float = 0.0
    same: int = 0

    @property
    def mean_kl(self) -> float:
        return self.nats / self.tokens if self.tokens else math.nan

    @property
    def share(self) -> float:
        """The part of the tokens on which both choose alike."""
        return self.same / self.tokens if self.tokens else math.nan

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(self.tokens + other.tokens, self.nats + other.nats, self.same + other.same)


@dataclass(frozen=True)
class Against:
    """The sums so far. `sure` are the tokens for which A's entropy was below 1 nat, `unsure` the others."""

    a: Evaluation
    b: Evaluation
    sure: Agreement
    unsure: Agreement

    @property
    def all(self) -> Agreement:
        return self.sure + self.unsure


def evaluate_against(
    model: Model, text: str, settings: Settings, other: Settings, window: int | None = None
) -> Iterator[Against]:
    """Score a text under `settings` (A) and `other` (B); yields the sums after every chunk of tokens.

    Raises InputError as `evaluate` does.
    """
    cut = windows(model, text, window)
    nothing = Evaluation(0, cut.total, 0, 0.0, 0)
    done = Against(nothing, nothing, Agreement(), Agreement())
    a, b = (Decoder(prepare(model.config, model.weights, lane, keep=())) for lane in (settings, other))
    for piece in cut.pieces:
        a.rewind(0)
        b.rewind(0)
        for first, x, y in in_step(a.feed(piece.ids), b.feed(piece.ids)):
            start, end = piece.foreseen(first, len(x))
            scored = slice(start - 1 - first, end - 1 - first)
            sure, unsure = _split(divergence(x[scored], y[scored]), done.a.tokens)
            done = replace(
                done,
                a=done.a.with_rows(first, x, piece, cut),
                b=done.b.with_rows(first, y, piece, cut),
                sure=done.sure + sure,
                unsure=done.unsure + unsure,
            )
            yield done


def in_step(a: Iterator[Fed], b: Iterator[Fed]) -> Iterator[tuple[int, Array, Array]]:
    """Logits of the same tokens from two decoders that cut a text into chunks of their own: (first, rows, rows)."""
    first, x, y = 0, np.empty((0, 0)), np.empty((0, 0))
    while True:
        x = x if len(x) else _next(a)
        y = y if len(y) else _next(b)
        count = min(len(x), len(y))
        if not count:
            return
        yield first, x[:count], y[:count]
        first, x, y = first + count, x[count:], y[count:]


def _next(fed: Iterator[Fed]) -> Array:
    return next((part.logits for part in fed), np.empty((0, 0)))


def _split(found: Divergence, scored: int) -> tuple[Agreement, Agreement]:
    if not np.isfinite(found.kl).all():
        raise InputError(f"the logits hold NaN or infinity after {scored} scored tokens: are the weights damaged?")
    sure = found.entropy < SURE
    parts = ((found.kl[among], ~found.flips[among]) for among in (sure, ~sure))
    low, high = (Agreement(len(kl), float(kl.sum()), int(same.sum())) for kl, same in parts)
    return low, high
