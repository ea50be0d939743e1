"""The tree of texts: every token that was ever tried keeps its place, so that taking another loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    _shown: tuple[Sampler, tuple[Candidate, ...]] | None = None
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

    def tree(self) -> Iterator[Node]:
        """This token and everything that was tried after it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            waiting += node.children
            yield node

    def child(self, id: int, generated: bool) -> Node:
        """The next token `id`: the one that was tried before, or a new one, foreseen by this node's logits."""
        for node in self.children:
            if node.id == id:
                return node
        node = Node(id, self, generated)
        self.children.append(node)
        node._foreseen()
        return node

    def receive(self, logits: Array, rows: AttentionRows) -> None:
        """Note what the model computed when this token was fed; what follows it is measured against that."""
        self.logits, self.rows = logits, rows
        self.prediction, self._shown = predict(logits, CANDIDATES), None
        for child in self.children:
            child._foreseen()

    def _foreseen(self) -> None:
        """Note how well the token before foresaw this one."""
        before = self.parent
        if before is None or before.logits is None or before.prediction is None:
            return
        self.logprob = float(before.logits[self.id]) - before.prediction.log_normalizer
        self.rank = rank_of(before.logits, self.id)
        self.entropy = before.prediction.entropy

    def candidates(self, sampler: Sampler, seen: Sequence[int], text_of: Callable[[int], str]) -> tuple[Candidate, ...]:
        """The best guesses for the next token, remembered until the sampler changes.

        `chance` is what the sampler leaves of each; NaN where the logits were dropped.
        """
        if self.prediction is None:
            return ()
        if self._shown is None or self._shown[0] != sampler:
            ids, logprobs = self.prediction.ids, self.prediction.logprobs
            rows = zip(
                ids.tolist(), logprobs.tolist(), np.exp(logprobs).tolist(), self._chances(sampler, seen), strict=True
            )
            shown = tuple(
                Candidate(id, text_of(id), logprob, probability, chance, rank)
                for rank, (id, logprob, probability, chance) in enumerate(rows, 1)
            )
            self._shown = sampler, shown
        return self._shown[1]

    def _chances(self, sampler: Sampler, seen: Sequence[int]) -> list[float]:
        assert self.prediction is not None
        if self.logits is None or not np.isfinite(self.logits).all():
            return [float("nan")] * len(self.prediction.ids)
        drawn = sample(self.logits, sampler, np.random.default_rng(0), seen)
        return drawn.probabilities[self.prediction.ids].tolist()
