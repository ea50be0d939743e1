"""What a screen shows of two lanes that have run: texts, how far each prediction is apart, and where they part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from engine.lane import Compared
    from engine.trace import Trace

Array = np.ndarray


class Parting(NamedTuple):
    """One address: max |a - b| / max |a|, the same of the norms, and whether that is over the threshold."""

    address: str
    relative: float
    norm_relative: float
    is_over: bool


@dataclass(frozen=True, eq=False)
class LaneText:
    """One lane's text of T tokens, and its first choice AFTER each of them.

    expected  (T,) texts; empty where no choice is known        chances  (T,) float64, their probabilities
    """

    name: str
    ids: tuple[int, ...]
    texts: tuple[str, ...]
    expected: tuple[str, ...]
    chances: Array


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Two lanes over the first `positions` tokens, which both have.

    unequal    positions whose tokens are not the same
    kl, flips  (positions,) nats of KL(A || B) of the predictions AFTER each token, and where B's first choice is
               another; None where the vocabularies differ
    along      the residual stream from the embedding to the logits; `first` the first address of all that parts, or ""
    """

    a: LaneText
    b: LaneText
    positions: int
    unequal: tuple[int, ...]
    kl: Array | None
    flips: Array | None
    along: tuple[Parting, ...]
    first: str
    threshold: float


def side_by_side(compared: Compared) -> SideBySide:
    """What was found, without the values themselves."""
    drift, found = compared.drift, compared.drift.tokens
    return SideBySide(
        a=_text(compared.name_a, compared.a),
        b=_text(compared.name_b, compared.b),
        positions=drift.positions,
        unequal=drift.unequal,
        kl=None if found is None else found.kl,
        flips=None if found is None else found.flips,
        along=tuple(
            Parting(place.address, place.apart.relative, place.apart.norm_relative, place.is_over(drift.threshold))
            for place in drift.along
        ),
        first=drift.first.address if drift.first else "",
        threshold=drift.threshold,
    )


def _text(name: str, trace: Trace) -> LaneText:
    ids = trace.candidate_ids[:, 0].tolist() if trace.candidate_ids.size else []
    chances = np.exp(trace.candidate_logprobs[:, 0].astype(np.float64)) if ids else np.zeros(0)
    chances.flags.writeable = False
    expected = tuple(trace.candidate_texts.get(id, str(id)) for id in ids)
    return LaneText(name, tuple(map(int, trace.tokens)), trace.about.texts, expected, chances)
