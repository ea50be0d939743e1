"""What the compare panel says of two lanes, without Qt."""

from __future__ import annotations

import math

import numpy as np

from engine.side_by_side import LaneText, Parting, SideBySide
from engine.text import visible
from viewers.differences import size_text

EMPTY = "No second lane: name settings, another model or another text, and Enter runs it beside this session."
LOWEST = 1e-8  # relative errors below are not drawn: float32 itself ends there


def kl_at(lanes: SideBySide, place: int) -> float:
    """KL in nats of the prediction that foresaw a place, 1 to `positions`, the last the next token's; else NaN."""
    return float(lanes.kl[place - 1]) if lanes.kl is not None and 1 <= place <= len(lanes.kl) else math.nan


def is_flipped(lanes: SideBySide, place: int) -> bool:
    """Whether B's first choice for a place is another than A's."""
    return lanes.flips is not None and 1 <= place <= len(lanes.flips) and bool(lanes.flips[place - 1])


def summary(lanes: SideBySide) -> str:
    """The lanes, the mean and the worst of the drift, changed choices, and where the two part."""
    names = f"A {visible(lanes.a.name)} | B {visible(lanes.b.name)}"
    where = f"; they part at {lanes.first}" if lanes.first else f"; nothing parts by more than {lanes.threshold:g}"
    if lanes.kl is None or not np.isfinite(lanes.kl).any():
        return f"{names}: predictions are not compared, since the vocabularies differ{where}"
    worst = int(np.nanargmax(lanes.kl)) + 1
    flips = int(lanes.flips.sum()) if lanes.flips is not None else 0
    return (
        f"{names}: KL {np.nanmean(lanes.kl):.3g} nats in the mean over {lanes.positions} predictions, most "
        f"{size_text(kl_at(lanes, worst))} of {name_of(lanes.a, worst)}; {flips} first choices changed{where}"
    )


def name_of(lane: LaneText, place: int) -> str:
    """`token 7 "·cat"`, or `the next token, 47`."""
    is_there = place < len(lane.texts)
    return f'token {place} "{visible(lane.texts[place], spaces=True)}"' if is_there else f"the next token, {place}"


def token_words(lanes: SideBySide, place: int) -> str:
    """`token 7 "·cat": KL 0.012 nats; A expects "·cat" 41.2%, B "·dog" 39.0%`."""
    head = name_of(lanes.a, place)
    if place in lanes.unequal:
        head += f" in A, {name_of(lanes.b, place)} in B"
    if place < 1 or lanes.kl is None:
        return f"{head}: the first, so nothing foresaw it" if place < 1 else head
    if place > lanes.positions:
        return f"{head}: only one of the texts is so long"
    choices = f"A expects {_choice(lanes.a, place - 1)}, B {_choice(lanes.b, place - 1)}"
    return f"{head}: KL {size_text(kl_at(lanes, place))} nats; {choices}"


def _choice(lane: LaneText, row: int) -> str:
    if row >= len(lane.expected):
        return "—"
    return f'"{visible(lane.expected[row], spaces=True)}" {100 * lane.chances[row]:.1f}%'


def place_words(place: Parting, threshold: float) -> str:
    """`blocks.0.resid_post: relative error 3.2e-06, of the norms 1.1e-06; not over 1e-05`."""
    over = f"over {threshold:g}: the lanes have parted" if place.is_over else f"not over {threshold:g}"
    errors = f"relative error {size_text(place.relative)}, of the norms {size_text(place.norm_relative)}"
    return f"{place.address}: {errors}; {over}"


def heights(lanes: SideBySide) -> np.ndarray:
    """The drift curve: powers of ten of the relative errors along the residual stream, not below LOWEST."""
    errors = np.array([place.relative for place in lanes.along], float)
    return np.log10(np.maximum(errors, LOWEST))
