"""What each stage of sampling does to what may come next: how many tokens it leaves, and what they held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.sampling import Array, Sampler, entropy, sample, softmax


@dataclass(frozen=True)
class SamplingStage:
    """The distribution after one stage.

    left      tokens that can still be drawn
    mass      the share of the model's own probability that they hold: what a stage cuts away is what this loses
    entropy   nats, of the distribution now         best   the probability of the likeliest token now
    changed   tokens whose logit the stage changed, those that it removed included
    """

    name: str
    left: int
    mass: float
    entropy: float
    best: float
    changed: int


def stages_of(logits: Array, sampler: Sampler, seen: Sequence[int]) -> tuple[SamplingStage, ...]:
    """From the model's own distribution to the one that is drawn from; nothing where the logits are no numbers.

    logits  (V,)        seen  ids of the text, for the repetition penalty
    """
    if not np.isfinite(logits).all():
        return ()
    draw = sample(logits, sampler, np.random.default_rng(0), seen)
    model = softmax(logits.astype(np.float64))
    if sampler.temperature == 0:
        path = [("model", draw.logits), ("penalty", draw.penalized), ("greedy", draw.after_top_k)]
    else:
        path = [
            ("model", draw.logits), ("penalty", draw.penalized), ("temperature", draw.tempered),
            ("top-k", draw.after_top_k), ("top-p", draw.after_top_p),
        ]  # fmt: skip
    before = [path[0], *path]
    return tuple(_stage(name, now, was, model) for (name, now), (_, was) in zip(path, before, strict=False))


def _stage(name: str, now: Array, was: Array, model: Array) -> SamplingStage:
    left, chances = now > -np.inf, softmax(now.astype(np.float64))
    nats = float(entropy(np.log(chances, where=chances > 0, out=np.full_like(chances, -np.inf))))
    return SamplingStage(
        name, int(left.sum()), float(model[left].sum()), nats, float(chances.max()), int((now != was).sum())
    )
