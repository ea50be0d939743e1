"""Where a second lane foresees a text otherwise: token by token, how far apart the two predictions of it are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.lane import Comparison
    from engine.model import Model
    from engine.settings import Settings

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class TextDifference:
    """Of the first tokens of a text, as many as both lanes ran. The first token is foreseen by nothing: NaN, False.

    name   the other lane            kl     (N,) nats, KL(this || other) of the distribution that foresaw each token
    flips  (N,) bool: the other lane's first choice was another token
    """

    name: str
    kl: Array
    flips: Array


def text_difference(
    comparison: Comparison | None, model: Model, settings: Settings, ids: Sequence[int]
) -> TextDifference | None:
    """What the comparison last found, for the part of the text that it ran; None if there is nothing true to say."""
    latest = comparison.latest if comparison is not None else None
    if comparison is None or latest is None or latest.drift.tokens is None:
        return None
    ran = [int(i) for i in latest.a.tokens]
    if comparison.is_stale(model, settings, ran):
        return None
    pairs = zip(ids, ran[: latest.drift.positions], strict=False)
    count = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(ids), latest.drift.positions))
    count = min([count, *latest.drift.unequal])
    found = latest.drift.tokens
    kl = np.concatenate([[np.nan], found.kl])[:count].astype(np.float32)
    flips = np.concatenate([[False], found.flips])[:count]
    kl.flags.writeable = flips.flags.writeable = False
    return TextDifference(latest.name_b, kl, flips)
