"""What a model expected at each token of a text: candidates, log-probabilities, ranks, entropies, from logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np

from engine.sampling import predict, rank_of
from engine.trace import Foreseen

Array = np.ndarray
CANDIDATES = 10


def foresee(logits: Array, ids: Sequence[int], text_of: Callable[[int], str]) -> Foreseen:
    """Read every row of logits (T, V), row t being what is expected after token t of `ids`."""
    tokens, count = len(ids), min(CANDIDATES, logits.shape[1])
    best, logprobs = np.zeros((tokens, count), np.int32), np.full((tokens, count), np.nan, np.float32)
    entropies, own = np.full(tokens, np.nan, np.float32), np.full(tokens, np.nan, np.float32)
    ranks = np.zeros(tokens, np.int32)
    for t, row in enumerate(logits):
        expected = predict(row, count)
        found = len(expected.ids)  # fewer where logits are NaN
        best[t, :found], logprobs[t, :found] = expected.ids, expected.logprobs
        entropies[t] = expected.entropy
        if t + 1 < tokens:
            own[t + 1] = row[ids[t + 1]] - expected.log_normalizer
            ranks[t + 1] = rank_of(row, ids[t + 1])
    texts = MappingProxyType({id: text_of(id) for id in np.unique(best).tolist()})
    for array in (best, logprobs, entropies, own, ranks):
        array.flags.writeable = False
    return Foreseen(best, logprobs, texts, entropies, own, ranks)
