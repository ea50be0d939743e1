"""How well a model foresees a text: nats per token and per byte, perplexity, top-1 accuracy.

What is averaged. The text is cut into windows of `window` tokens that do not overlap, the last one shorter. Each window
is run on its own, so a token is foreseen from what stands before it in its window. With a beginning token, every window
begins with it and foresees all its other tokens; without one, the first token of a window is given and not scored. So
each token of the text counts at most once.

    nats per token   sum of -log p(token) over all scored tokens / their number
    nats per byte    the same sum / the bytes that the scored tokens stand for
    perplexity       exp(nats per token)
    top-1            the share of scored tokens that were the model's first choice
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.decoder import Decoder
from engine.errors import InputError
from engine.files import open_regular, refused
from engine.model import Model
from engine.ops.loss import log_softmax
from engine.prepare import prepare
from engine.settings import Settings
from engine.tokenizer import Tokenizer

Array = np.ndarray
LARGEST_TEXT = 64 << 20


@dataclass(frozen=True)
class Evaluation:
    """The sums so far, and how far that is: `tokens` of `total` are scored."""

    tokens: int
    total: int
    bytes: int
    nats: float
    hits: int

    @property
    def is_complete(self) -> bool:
        return self.tokens == self.total

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def nats_per_byte(self) -> float:
        return self.nats / self.bytes if self.bytes else math.nan

    @property
    def perplexity(self) -> float:
        """exp of the nats per token; infinite beyond what a float holds."""
        return math.exp(self.nats_per_token) if self.nats_per_token < 700 else math.inf

    @property
    def accuracy(self) -> float:
        return self.hits / self.tokens

    def with_rows(self, first: int, logits: Array, piece: Piece, text: Windows) -> Evaluation:
        """The sums with one more chunk: the logits of tokens first, first + 1, ... of a piece."""
        start, end = piece.foreseen(first, len(logits))
        if start == end:
            return self
        rows, targets = logits[start - 1 - first : end - 1 - first], np.asarray(piece.ids[start:end])
        with np.errstate(all="ignore"):  # what is not finite is told below
            nats = -float(log_softmax(rows)[np.arange(len(targets)), targets].sum(dtype=np.float64))
        if not math.isfinite(nats):
            raise InputError(
                f"the logits hold NaN or infinity after {self.tokens} scored tokens: are the weights damaged?"
            )
        return replace(
            self,
            tokens=self.tokens + len(targets),
            bytes=self.bytes + text.bytes_of(piece, start, end),
            nats=self.nats + nats,
            hits=self.hits + int((rows.argmax(-1) == targets).sum()),
        )


def read_text(path: str | Path) -> str:
    """The text of a file. Raises FileError unless it is UTF-8 and reads like text."""
    with open_regular(path, LARGEST_TEXT) as file:
        data = file.read()
    if b"\0" in data:
        raise refused(path, f"expected text, got a NUL byte at {data.index(0)} (a binary file?)")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused(
            path, f"is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x} (Latin-1? convert it with iconv)"
        ) from None


def window_of(model: Model, asked: int | None) -> int:
    """How long a window is: as asked, else the model's context. Raises InputError if nothing could be scored."""
    context = model.config.context
    if asked is not None and not 2 <= asked <= context:
        raise InputError(f"context: expected 2 to {context} tokens, as the model has, got {asked}")
    if context < 2:
        raise InputError(f"{model.name} has a context of {context}: it foresees nothing")
    return asked or context


def evaluate(
    model: Model, text: str, settings: Settings | None = None, window: int | None = None
) -> Iterator[Evaluation]:
    """Score a text; yields the sums after every chunk of tokens, the last time with all of it.

    Raises InputError if the model has no tokenizer, the text is too short, or the logits are not numbers.
    """
    text_cut = windows(model, text, window)
    decoder = Decoder(prepare(model.config, model.weights, settings or Settings(), keep=()))
    done = Evaluation(0, text_cut.total, 0, 0.0, 0)
    for piece in text_cut.pieces:
        decoder.rewind(0)
        for fed in decoder.feed(piece.ids):
            done = done.with_rows(fed.first, fed.logits, piece, text_cut)
            yield done


@dataclass(frozen=True)
class Piece:
    """One window: the tokens that are run, of which the first `given` are not scored.

    Token i of the window is token i + `offset` of the text, beginning tokens aside.
    """

    ids: list[int]
    given: int
    offset: int

    @property
    def scored(self) -> int:
        return max(0, len(self.ids) - self.given)

    def foreseen(self, first: int, count: int) -> tuple[int, int]:
        """Which tokens (from, to) are scored by the logits of tokens first .. first+count-1: row r foresees r + 1."""
        start = max(first + 1, self.given)
        return start, max(start, min(first + 1 + count, len(self.ids)))


@dataclass(frozen=True)
class Windows:
    """A text cut into pieces, each with something to score. `ids` are those of the text, without beginning tokens."""

    tokenizer: Tokenizer
    ids: list[int]
    pieces: tuple[Piece, ...]

    @property
    def total(self) -> int:
        """How many tokens are scored in all."""
        return sum(piece.scored for piece in self.pieces)

    def bytes_of(self, piece: Piece, first: int, last: int) -> int:
        """The bytes that tokens first .. last - 1 of a piece stand for, where they stand."""
        places = range(first + piece.offset, last + piece.offset)
        return sum(len(self.tokenizer.piece(self.ids[at], self.ids[at - 1] if at else None)) for at in places)


def windows(model: Model, text: str, window: int | None = None) -> Windows:
    """Cut a text. Raises InputError if the model has no tokenizer, or nothing could be scored."""
    if model.tokenizer is None:
        raise InputError(f"{model.name} has no tokenizer, so it cannot read text")
    length = window_of(model, window)
    beginning = list(model.tokenizer.beginning)
    given = max(1, len(beginning))
    if length <= given:
        raise InputError(f"context: expected more than {given} tokens, which begin every window, got {length}")
    ids = model.tokenizer.encode(text)
    step = length - len(beginning)
    cut = (Piece(beginning + ids[at : at + step], given, at - len(beginning)) for at in range(0, len(ids), step))
    found = Windows(model.tokenizer, ids, tuple(piece for piece in cut if piece.scored))
    if not found.pieces:
        raise InputError(f"the text is too short: {len(ids)} tokens, and none has one before it")
    return found
