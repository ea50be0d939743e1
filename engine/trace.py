"""`Trace`: one pass of a program over a text, as a frozen value: its lines with shapes, costs and times, and values.

A trace outlives its run. It is what pictures and pages are drawn from, what two passes are compared by, what an edit
patches from, and what is saved. `recording` makes one; `trace_file` writes it and reads it back.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from engine.edits import Edit
from engine.errors import ProgramError
from engine.program import Cost, Shape
from engine.settings import Settings

Array = np.ndarray


@dataclass(frozen=True)
class About:
    """What a picture says about its model and text, so that no model is needed to draw it.

    windows        keys that a token may see in each layer, itself included; None: all before it
    texts          the tokens as texts, as they are: whoever shows them makes them `visible`
    prompt_length  how many of the tokens were given; the others were generated
    seed           what they were drawn with, or None if none were
    """

    name: str
    line: str
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    vocab: int
    windows: tuple[int | None, ...]
    texts: tuple[str, ...]
    prompt_length: int
    seed: int | None
    version: str
    has_tokenizer: bool
    dtype: str


@dataclass(frozen=True)
class TraceRow:
    """One line of the recorded program. `elapsed_s` is None where the run had not come to it.

    needed_bytes  activations that a run without stepping holds while this line is done
    weight_bytes  of the weights that no earlier line reads
    """

    address: str
    op: str
    call: str
    equation: str
    explanation: str
    where: str
    shape: Shape
    cost: Cost
    elapsed_s: float | None
    needed_bytes: int
    weight_bytes: int
    is_view: bool


@dataclass(frozen=True, eq=False)
class Foreseen:
    """What the model expected at each of T tokens, of all the logits that were computed.

    candidate_ids       (T, C) int32, the likeliest tokens AFTER each token, best first; C is 10, or V if that is less
    candidate_logprobs  (T, C) float32, nats
    candidate_texts     the text of each id that is a candidate
    entropies           (T,) float32, nats, of the distribution AFTER each token
    logprobs            (T,) float32, nats, of the token itself, from the one before; NaN for the first
    ranks               (T,) int32, 1 is the model's first choice; 0 for the first token

    Where there were no logits, C is 0, ranks are 0 and the others NaN.
    """

    candidate_ids: Array
    candidate_logprobs: Array
    candidate_texts: Mapping[int, str]
    entropies: Array
    logprobs: Array
    ranks: Array


@dataclass(frozen=True, eq=False)
class Trace:
    """What a run did. It shares no memory with the run, and its arrays are read-only.

    fingerprint         names the model                    settings   under which it ran
    about               the model and the text in words    edits      what was changed by hand
    tokens              ids of the whole text              rows       all lines of its program, in order
    values              by address: what was computed and fits in the budget
    dropped             addresses that were computed but not recorded, in order
    foreseen            candidates, log-probabilities, ranks and entropies
    head_contributions  (L, H, T) float32: length of what each head adds to the residual stream; NaN if not computed
    """

    fingerprint: str
    settings: Settings
    about: About
    tokens: tuple[int, ...]
    rows: tuple[TraceRow, ...]
    values: Mapping[str, Array] = field(repr=False)
    dropped: tuple[str, ...]
    foreseen: Foreseen = field(repr=False)
    head_contributions: Array = field(repr=False)
    edits: tuple[Edit, ...] = ()

    def __getitem__(self, address: str) -> Array:
        """The value at an address. Raises ProgramError that says why it is not here."""
        if address in self.values:
            return self.values[address]
        known = [row.address for row in self.rows] or list(self.values)
        if address in self.dropped:
            raise ProgramError(f"{address} was computed, but is not in the trace: its byte budget was used up")
        if address in known:
            raise ProgramError(f"{address} was not computed when the trace was made")
        close = difflib.get_close_matches(address, known, n=3)
        raise ProgramError(f"address {address!r} is not in this trace; did you mean {', '.join(close) or known[-1]}?")

    def __contains__(self, address: str) -> bool:
        return address in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    @property
    def candidate_ids(self) -> Array:
        return self.foreseen.candidate_ids

    @property
    def candidate_logprobs(self) -> Array:
        return self.foreseen.candidate_logprobs

    @property
    def candidate_texts(self) -> Mapping[int, str]:
        return self.foreseen.candidate_texts

    @property
    def token_logprobs(self) -> Array:
        return self.foreseen.logprobs

    @property
    def token_entropies(self) -> Array:
        return self.foreseen.entropies

    @property
    def token_ranks(self) -> Array:
        return self.foreseen.ranks

    @property
    def value_bytes(self) -> int:
        """Memory of the recorded values; a view of another costs nothing."""
        arrays = {id(array): array for array in self.values.values()}
        return sum(array.nbytes for array in arrays.values() if not _lies_in_another(array, arrays))

    @property
    def elapsed_s(self) -> float:
        """Seconds of all lines that were done."""
        return sum(row.elapsed_s for row in self.rows if row.elapsed_s is not None)


def nothing_foreseen(tokens: int) -> Foreseen:
    """What stands where a pass made no logits."""
    unknown = np.full(tokens, np.nan, np.float32)
    ids, ranks = np.zeros((tokens, 0), np.int32), np.zeros(tokens, np.int32)
    return Foreseen(ids, np.zeros((tokens, 0), np.float32), MappingProxyType({}), unknown, unknown, ranks)


def _lies_in_another(array: Array, arrays: Mapping[int, Array]) -> bool:
    base = array.base
    while isinstance(base, np.ndarray):
        if id(base) in arrays:
            return True
        base = base.base
    return False
