"""Which heads repeat what was there before: measured on random tokens that are said twice.

A text of random tokens, and then the same tokens again, can only be foreseen by looking back: an induction head at a
token of the second half attends to what followed that token the first time. How much it does so is its induction
score; how much it matters shows when the head is left out and the loss of the second half rises.

Olsson et al. 2022, In-context Learning and Induction Heads, arXiv:2209.11895.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.readings import PatternScores, pattern_scores
from engine.edits import Edit
from engine.errors import InputError
from engine.model import Model
from engine.ops.loss import log_softmax
from engine.run import Run

Array = np.ndarray
SEQUENCES, HALF = 50, 32
AT_ONCE = 5  # sequences in a pass: bounds the logits, 65 MB where the vocabulary is 50,000
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Repeats:
    """Random tokens said twice: `tokens` is (N, B + 2 H) ids, B beginning tokens and H tokens in each half.

    No token comes twice within a half, so its earlier occurrence is one place.
    """

    tokens: Array
    half: int

    @property
    def second(self) -> int:
        """Where the second half begins."""
        return self.tokens.shape[1] - self.half


@dataclass(frozen=True)
class Heads:
    """What the heads of a model do on repeats: `scores` are (L, H) each, losses in nats per token of each half.

    The induction score of a head whose window does not reach back is NaN.
    """

    scores: PatternScores
    first_loss: float
    second_loss: float

    def best(self, count: int) -> list[tuple[int, int]]:
        """The (layer, head) of the highest induction scores, the highest first."""
        order = np.argsort(-self.scores.induction, axis=None, kind="stable")[:count]
        return [(int(i) // self.scores.induction.shape[1], int(i) % self.scores.induction.shape[1]) for i in order]


def repeats(model: Model, count: int = SEQUENCES, half: int = HALF, seed: int = 0) -> Repeats:
    """`count` sequences of ordinary tokens, each as likely, behind the tokenizer's beginning tokens.

    Raises InputError for a model that is too small for them.
    """
    tokenizer, vocab = model.tokenizer, model.config.vocab
    beginning = tokenizer.beginning if tokenizer else ()
    ordinary = np.setdiff1d(np.arange(vocab), sorted(tokenizer.special_ids if tokenizer else ()))
    length = len(beginning) + 2 * half
    if length > model.config.context or half > len(ordinary):
        raise InputError(
            f"{model.name}: repeats need a context of {length} and {half} ordinary tokens, "
            f"but it has {model.config.context} and {len(ordinary)}"
        )
    generator = np.random.default_rng(seed)
    halves = np.stack([generator.choice(ordinary, half, replace=False) for _ in range(count)])  # (N, H)
    return Repeats(np.hstack([np.tile(np.array(beginning, np.int64), (count, 1)), halves, halves]), half)


def measure_heads(model: Model, texts: Repeats, report: Report | None = None) -> Heads:
    """The scores of every head, averaged over the sequences. `report` is told (done, all) sequences."""
    found: list[PatternScores] = []
    losses: list[Array] = []
    windows = model.config.windows
    for first in range(0, len(texts.tokens), AT_ONCE):
        tokens = texts.tokens[first : first + AT_ONCE]
        run = _run(model, tokens)
        layers = [run[f"blocks.{i}.attn.pattern"] for i in range(model.config.layers)]
        found += [pattern_scores([layer[n] for layer in layers], ids, windows) for n, ids in enumerate(tokens.tolist())]
        losses.append(_losses(run, tokens))
        if report:
            report(len(found), len(texts.tokens))
    scores = PatternScores(*(np.mean(column, axis=0) for column in zip(*found, strict=True)))
    nats = np.concatenate(losses)
    second = texts.second - 1  # the loss of token t stands at t - 1
    before = nats[:, max(0, second - texts.half) : second]  # the first token of a text is foreseen by nobody
    return Heads(scores, float(before.mean()), float(nats[:, second:].mean()))


def loss_without(model: Model, texts: Repeats, heads: Sequence[tuple[int, int]], report: Report | None = None) -> float:
    """Nats per token of the second half while some heads, given as (layer, head), add nothing."""
    edits = [Edit(f"blocks.{layer}.attn.z", "ablate_head", (head,)) for layer, head in heads]
    losses: list[Array] = []
    for first in range(0, len(texts.tokens), AT_ONCE):
        tokens = texts.tokens[first : first + AT_ONCE]
        losses.append(_losses(_run(model, tokens, edits), tokens)[:, texts.second - 1 :])
        if report:
            report(first + len(tokens), len(texts.tokens))
    return float(np.concatenate(losses).mean())


def _run(model: Model, tokens: Array, edits: Sequence[Edit] = ()) -> Run:
    """One pass over (N, T) tokens, of which the patterns and the logits are left."""
    keep = [] if edits else [f"blocks.{i}.attn.pattern" for i in range(model.config.layers)]
    inputs = {"tokens": tokens, "position_ids": np.arange(tokens.shape[1])}
    return Run(model.program, model.weights, inputs, edits, hold=False, keep=keep).run()


def _losses(run: Run, tokens: Array) -> Array:
    """(N, T - 1) nats: the loss of every token but the first."""
    logprobs = log_softmax(run["logits"][:, :-1])
    return -np.take_along_axis(logprobs, tokens[:, 1:, None], axis=-1)[..., 0].astype(np.float64)
