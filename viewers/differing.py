"""What is said of a token that a second lane foresaw otherwise, and how strongly it is coloured."""

from __future__ import annotations

import math

from engine.snapshot import Snapshot
from engine.text import visible
from viewers.actions import key_of

MOST_KL = 1.0  # nats that have the full colour


def difference_at(snapshot: Snapshot | None, place: int) -> float | None:
    """KL in nats between the two lanes' predictions of a token; None where it is not known."""
    known = snapshot.difference if snapshot else None
    if known is None or place >= len(known.kl) or math.isnan(known.kl[place]):
        return None
    return float(known.kl[place])


def drift_shade(kl: float | None) -> float | None:
    """How strongly a token is coloured, 0 to 1: by the root, since most differences are small."""
    return None if kl is None else min(1.0, math.sqrt(max(kl, 0.0) / MOST_KL))


def flipped(snapshot: Snapshot, place: int) -> bool:
    """Whether the other lane's first choice here was another token."""
    known = snapshot.difference
    return known is not None and place < len(known.flips) and bool(known.flips[place])


def difference_sentence(snapshot: Snapshot, place: int) -> str:
    """`token 7 "·cat": KL 0.012 nats to tales:int8=all, whose first choice is another`."""
    text, kl = visible(snapshot.tokens[place].text, spaces=True), difference_at(snapshot, place)
    if kl is None or snapshot.difference is None:
        return f'token {place} "{text}": not compared; {key_of("compare")} compares with another setting'
    choice = "is another" if flipped(snapshot, place) else "is the same"
    return f'token {place} "{text}": KL {kl:.3g} nats to {snapshot.difference.name}, whose first choice {choice}'
