"""Which tokens an update sees. The order is a pure function of (seed, update, sample), so it survives a resume.

Samples are counted through the whole run: number n is example n of epoch n // size, in that epoch's own random order.
So every example is seen once per epoch, and no state has to be kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from engine.errors import InputError

Array = np.ndarray
PADDING = -1  # as a target: counts nothing
ORDER, SHIFT, CROP = range(3)  # what a random number is for


class Examples(Protocol):
    """Texts to learn from, each one token longer than what the model reads of it."""

    def sample(self, number: int) -> Array:
        """The tokens of one sample of the run, (T + 1,)."""
        ...


@dataclass(frozen=True, eq=False)
class Windows:
    """Every `length` tokens of a text in turn, each with the token after it.

    In each epoch the windows tile the text, from another beginning each time. Raises InputError for a text that is
    shorter than one window.
    """

    tokens: Array
    length: int
    seed: int

    def __post_init__(self) -> None:
        if len(self.tokens) <= self.length:
            raise InputError(
                f"the training text has {len(self.tokens):,} tokens, but the context is {self.length}: "
                f"more than {self.length} are needed; give a longer text or a shorter context"
            )

    @property
    def size(self) -> int:
        """Windows in an epoch."""
        return max(1, (len(self.tokens) - self.length) // self.length)

    def sample(self, number: int) -> Array:
        epoch, place = divmod(number, self.size)
        room = min(self.length, len(self.tokens) - self.size * self.length)
        shift = int(_generator(self.seed, SHIFT, epoch).integers(room))
        start = shift + self.length * int(_order(self.seed, epoch, self.size)[place])
        return self.tokens[start : start + self.length + 1].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Documents:
    """One document per sample, from the separator before it to the one that ends it.

    separator  the id that ends every document
    length     tokens that the model reads at most; of a longer document, a random part is taken
    """

    tokens: Array
    length: int
    seed: int
    separator: int

    def __post_init__(self) -> None:
        ends = np.flatnonzero(self.tokens == self.separator)
        if not len(ends) or ends[-1] != len(self.tokens) - 1:
            ends = np.append(ends, len(self.tokens))
        starts = np.concatenate([[0], ends[:-1] + 1])
        is_full = ends > starts
        object.__setattr__(self, "_starts", starts[is_full])
        object.__setattr__(self, "_ends", ends[is_full])
        if not is_full.any():
            raise InputError("the training text holds no document")

    @property
    def size(self) -> int:
        """Documents in an epoch."""
        return len(self._starts)  # type: ignore[attr-defined]

    def sample(self, number: int) -> Array:
        epoch, place = divmod(number, self.size)
        document = self.document(int(_order(self.seed, epoch, self.size)[place]))
        if len(document) <= self.length + 1:
            return document
        first = int(_generator(self.seed, CROP, number).integers(len(document) - self.length))
        return document[first : first + self.length + 1]

    def document(self, index: int) -> Array:
        """The separator, the document's tokens, and the separator again."""
        start, end = self._starts[index], self._ends[index]  # type: ignore[attr-defined]
        return np.concatenate([[self.separator], self.tokens[start:end], [self.separator]]).astype(np.int64)


def batch(examples: Examples, first: int, count: int) -> tuple[Array, Array]:
    """Samples `first` to `first + count - 1` of the run as (tokens, targets), both (B, T), T the longest's length."""
    return padded([examples.sample(number) for number in range(first, first + count)], count)


def validation_batches(tokens: Array, length: int, rows: int, most: int | None = None) -> Iterator[tuple[Array, Array]]:
    """The text in windows that do not overlap: every token but the first is a target once.

    The last window is shorter, and rows are added to the last batch: both have targets of -1, so all batches have one
    shape. With `most`, only that many windows, evenly spread.
    """
    starts = np.arange(0, max(0, len(tokens) - 1), length)
    if most is not None and len(starts) > most:
        starts = starts[np.arange(most) * len(starts) // most]
    for first in range(0, len(starts), rows):
        windows = [tokens[s : s + length + 1].astype(np.int64) for s in starts[first : first + rows]]
        yield padded(windows, rows, length)


def validation_documents(documents: Documents, rows: int, most: int | None = None) -> Iterator[tuple[Array, Array]]:
    """The documents in order, as they are trained on: whole, or the beginning of one too long. All of one shape.

    With `most`, only that many, evenly spread.
    """
    chosen = np.arange(documents.size)
    if most is not None and documents.size > most:
        chosen = chosen[np.arange(most) * documents.size // most]
    for first in range(0, len(chosen), rows):
        some = [documents.document(int(i))[: documents.length + 1] for i in chosen[first : first + rows]]
        yield padded(some, rows, documents.length)


def padded(examples: list[Array], rows: int, length: int = 0) -> tuple[Array, Array]:
    """Examples of any length as one batch; padding is on the right: token 0, target -1."""
    width = max(length, *(len(e) - 1 for e in examples), 1)
    tokens, targets = np.zeros((rows, width), np.int64), np.full((rows, width), PADDING, np.int64)
    for row, example in enumerate(examples):
        tokens[row, : len(example) - 1] = example[:-1]
        targets[row, : len(example) - 1] = example[1:]
    return tokens, targets


def _generator(seed: int, purpose: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, 0, number]))


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, size: int) -> Array:
    return _generator(seed, ORDER, epoch).permutation(size)
