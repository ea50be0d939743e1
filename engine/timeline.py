"""The tree of texts: every token that was ever tried keeps its place, so that taking another loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from engine.sampling import Prediction, Sampler, predict, rank_of, sample
from engine.snapshot import AttentionRows, Candidate

Array = np.ndarray
CANDIDATES = 20


@dataclass(eq=False)
class Node:
    """One token at one place of one text.

    logprob, rank, entropy  how the model foresaw it; None for the first token
    logits                  (V,) for the token after it; None until it was fed, or when dropped for the byte budget
    prediction              the best guesses for the token after it
    rows                    the attention of the chunk that it was computed in
    """

    id: int
    parent: Node | None
    generated: bool = False
    logprob: float | None = None
    rank: int | None = None
    entropy: float | None = None
    logits: Array | None = None
    prediction: Prediction | None = None
    rows: AttentionRows | None = None
    children: list[Node] = field(default_factory=list)
    _chances: tuple[Sampler, tuple[float, ...]] | None = None
    _position: int = 0

    def __post_init__(self) -> None:
        self._position = 0 if self.parent is None else self.parent._position + 1

    @property
    def position(self) -> int:
        """Its place in the text: 0 for the first token."""
        return self._position

    def path(self) -> Iterator[Node]:
        """The tokens from here back to the first."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def child(self, id: int, generated: bool) -> Node:
        """The next token `id`: the one that was tried before, or a new one, foreseen by this node's logits."""
        for node in self.children:
            if node.id == id:
                return node
        node = Node(id, self, generated)
        if self.logits is not None:
            node.foresee(self.logits, self.prediction)
        self.children.append(node)
        return node

    def foresee(self, logits: Array, prediction: Prediction | None) -> None:
        """Note how well these logits (of the token before) foresaw this token."""
        shifted = logits - logits.max()
        self.logprob = float(shifted[self.id] - np.log(np.exp(shifted).sum()))
        self.rank = rank_of(logits, self.id)
        self.entropy = prediction.entropy if prediction is not None else None

    def receive(self, logits: Array, rows: AttentionRows) -> None:
        """Note what the model computed when this token was fed."""
        self.logits, self.rows = logits, rows
        self.prediction = predict(logits, CANDIDATES)

    def candidates(self, sampler: Sampler, seen: list[int], text: tuple[str, ...]) -> tuple[Candidate, ...]:
        """The best guesses for the next token. `chance` is NaN where the logits were dropped."""
        if self.prediction is None:
            return ()
        guesses = zip(
            self.prediction.ids.tolist(),
            self.prediction.logprobs.tolist(),
            self._after(sampler, seen),
            text,
            strict=True,
        )
        return tuple(
            Candidate(id, shown, logprob, float(np.exp(logprob)), chance, rank)
            for rank, (id, logprob, chance, shown) in enumerate(guesses, 1)
        )

    def _after(self, sampler: Sampler, seen: list[int]) -> tuple[float, ...]:
        """What the sampler leaves of each candidate, remembered until the sampler changes."""
        assert self.prediction is not None
        if self._chances is None or self._chances[0] != sampler:
            if self.logits is None or not np.isfinite(self.logits).all():
                return (float("nan"),) * len(self.prediction.ids)
            drawn = sample(self.logits, sampler, np.random.default_rng(0), seen)
            self._chances = sampler, tuple(drawn.probabilities[self.prediction.ids].tolist())
        return self._chances[1]
