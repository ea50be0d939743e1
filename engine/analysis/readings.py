"""What a pass says about its heads, tokens and memory: pure functions from recorded arrays to small tables.

Patterns are (H, T, S) per layer: heads, queries, keys; the queries are the last T of the S tokens. A key that a query
does not see (masked, out of the window, no longer in the ring) counts 0, whether it is stored as 0 or as NaN; a query
whose whole row is missing gives NaN, and no mean counts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from engine import sampling
from engine.memory import place_of
from engine.ops.loss import log_softmax
from engine.trace import Trace, TraceRow

Array = np.ndarray
QUERIES_AT_ONCE = 64  # bounds the temporaries: 48 heads x 64 queries x 1,024 keys are 12 MB


class PatternScores(NamedTuple):
    """Four habits of heads, each (L, H): the mean share of a query's attention that goes there.

    previous    the token before it                 first       the first token of the text
    same        earlier tokens of the same id       induction   tokens that followed an earlier token of the same id

    The mean is over the queries that see such a token other than themselves; NaN if there is none.
    """

    previous: Array
    first: Array
    same: Array
    induction: Array


class PlaceMemory(NamedTuple):
    """Bytes of a block, or of what lies before and after the blocks."""

    name: str
    weight_bytes: int  # shared matrices count where they are first read
    needed_bytes: int  # the most that a run without stepping holds at any line of this place
    made_bytes: int  # the sum of what its lines make; views make nothing


def patterns(trace: Trace) -> tuple[Array, ...]:
    """The attention of every layer, each (H, T, S). Raises ProgramError where it was not recorded."""
    return tuple(trace[f"blocks.{i}.attn.pattern"][0] for i in range(trace.about.layers))


def entropy(shares: Array) -> Array:
    """Shannon entropy over the last axis, nats: 0 looks at one token, log(n) at n tokens alike."""
    finite = np.isfinite(shares)
    safe = np.where(finite & (shares > 0), shares, 1).astype(np.float64)
    nats = -(safe * np.log(safe)).sum(-1) + 0.0  # -0.0 is 0
    return np.where(finite.any(-1), nats, np.nan).astype(np.float32)


def attention_entropy(layers: Sequence[Array]) -> Array:
    """(L, H, T) nats: how widely each head spreads the attention of each query."""
    return np.stack([
        np.concatenate([entropy(layer[:, rows]) for rows in _chunks(layer.shape[1])], axis=1) for layer in layers
    ])  # fmt: skip


def head_similarity(layers: Sequence[Array]) -> Array:
    """(L*H, L*H), 0 to 1: the cosine of two heads' rows, averaged over the queries; head h of layer i is i*H + h."""
    heads = sum(layer.shape[0] for layer in layers)
    total, counted = np.zeros((heads, heads)), np.zeros((heads, heads))
    for rows in _chunks(layers[0].shape[1]):
        shares = np.nan_to_num(np.concatenate([layer[:, rows] for layer in layers]).astype(np.float64))
        length = np.linalg.norm(shares, axis=-1, keepdims=True)  # (L*H, t, 1)
        unit = shares / np.where(length > 0, length, 1)
        seen = (length[..., 0] > 0).astype(np.float64)
        total += unit.reshape(heads, -1) @ unit.reshape(heads, -1).T
        counted += seen @ seen.T
    return _divide(total, counted).clip(0, 1).astype(np.float32)


def layer_similarity(similarity: Array, heads: int) -> Array:
    """(L, H, H): of the whole matrix, the squares on the diagonal, where heads of one layer meet."""
    layers = len(similarity) // heads
    return np.stack([similarity[i * heads : (i + 1) * heads, i * heads : (i + 1) * heads] for i in range(layers)])


def specialization(similarity: Array, heads: int) -> Array:
    """(L, H): 1 - mean cosine with the other heads of its layer; NaN for an only head. A row's mean is its layer's."""
    squares = layer_similarity(similarity, heads).astype(np.float64)
    others = squares.sum(-1) - np.diagonal(squares, axis1=1, axis2=2)
    return (1 - _divide(others, np.full_like(others, heads - 1))).astype(np.float32)


def pattern_scores(
    layers: Sequence[Array], tokens: Sequence[int], windows: Sequence[int | None] | None = None
) -> PatternScores:
    """How far each head is a previous-token, first-token, same-token or induction head.

    tokens    ids of the S keys     windows   per layer, how many tokens a query sees, itself included; None: all
    """
    scored = [_scores_of_layer(layer, np.asarray(tokens), window)
              for layer, window in zip(layers, windows or [None] * len(layers), strict=True)]  # fmt: skip
    return PatternScores(*(np.stack(column).astype(np.float32) for column in zip(*scored, strict=True)))


def mean_over_tokens(values: Array) -> Array:
    """The mean over the last axis of what is there: (L, H, T) -> (L, H); NaN where nothing is."""
    there = np.isfinite(values)
    return _divide(np.where(there, values, 0).astype(np.float64).sum(-1), there.sum(-1)).astype(np.float32)


def token_logprobs(logits: Array, tokens: Sequence[int]) -> Array:
    """(T,) nats: the log probability of each token after those before it; NaN for the first. `logits` is (T, V)."""
    logprobs = log_softmax(logits[:-1].astype(np.float64))
    found = logprobs[np.arange(len(tokens) - 1), np.asarray(tokens[1:], dtype=int)]
    return np.concatenate([[np.nan], found]).astype(np.float32)


def prediction_entropy(logits: Array) -> Array:
    """(T,) nats: the entropy of the distribution after each token. `logits` is (T, V)."""
    return sampling.entropy(log_softmax(logits.astype(np.float64))).astype(np.float32)


def memory_by_line(rows: Sequence[TraceRow]) -> Array:
    """(N,) bytes: what a run without stepping holds at each line of the pass."""
    return np.array([row.needed_bytes for row in rows], dtype=np.int64)


def memory_by_place(rows: Sequence[TraceRow]) -> tuple[PlaceMemory, ...]:
    """Weights and activations of each block, and of what lies before and after, in the order of the pass."""
    weights: dict[str, int] = {}
    needed: dict[str, int] = {}
    made: dict[str, int] = {}
    for row in rows:
        place = place_of(row.address)
        weights[place] = weights.get(place, 0) + row.weight_bytes
        needed[place] = max(needed.get(place, 0), row.needed_bytes)
        made[place] = made.get(place, 0) + (0 if row.is_view else row.cost.bytes_written)
    return tuple(PlaceMemory(place, weights[place], needed[place], made[place]) for place in needed)


def _scores_of_layer(pattern: Array, tokens: Array, window: int | None) -> tuple[Array, Array, Array, Array]:
    queries, keys = pattern.shape[1:]
    sums, counts = np.zeros((4, len(pattern))), np.zeros((4, len(pattern)))
    for rows in _chunks(queries):
        shares = pattern[:, rows]
        there = np.isfinite(shares).any(-1)  # (H, t)
        shares = np.nan_to_num(shares)
        at = np.arange(queries)[rows] + keys - queries
        for i, targets in enumerate(_targets(tokens, at, window)):
            asked = there & targets.any(-1)
            sums[i] += np.where(asked, np.where(targets, shares, 0).sum(-1), 0).sum(-1)
            counts[i] += asked.sum(-1)
    previous, first, same, induction = _divide(sums, counts)
    return previous, first, same, induction


def _targets(tokens: Array, queries: Array, window: int | None) -> Iterator[Array]:
    """For previous, first, same and induction, which keys (t, S) each query is asked about."""
    keys, query = np.arange(len(tokens)), queries[:, None]
    seen = (keys < query) & (query - keys < (window or len(tokens) + 1))
    before = np.concatenate([[-1], tokens[:-1]])  # the id in front of each key
    yield seen & (keys == query - 1)
    yield seen & (keys == 0)
    yield seen & (tokens == tokens[query])
    yield seen & (before == tokens[query])


def _chunks(queries: int) -> Iterator[slice]:
    return (slice(i, i + QUERIES_AT_ONCE) for i in range(0, queries, QUERIES_AT_ONCE))


def _divide(total: Array, count: Array) -> Array:
    """total / count, NaN where nothing was counted."""
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
