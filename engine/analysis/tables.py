"""What was recorded, as plain tables for other programs: CSV for a person's spreadsheet, NPZ for NumPy.

CSV is UTF-8 with one header line. A number is written with the fewest digits that give the same float32 back; what is
not a number is an empty cell. A text stands as a JSON string, quotes included: so every character comes back as it was,
and no spreadsheet takes a token like `=1+1` for a formula. NPZ files hold arrays only, never objects.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO, StringIO

import numpy as np

from engine.analysis import readings
from engine.trace import Trace

Array = np.ndarray
Cell = str | int | float | np.generic | None


def tokens_csv(trace: Trace) -> bytes:
    """One row per token: where it came from, and how the model foresaw it. Entropy is of what comes AFTER it."""
    head = ("position", "id", "text", "generated", "logprob_nats", "rank", "entropy_after_nats")
    rows = (
        (t, id, _text(text), int(t >= trace.about.prompt_length), trace.token_logprobs[t], trace.token_ranks[t] or None,
         trace.token_entropies[t])
        for t, (id, text) in enumerate(zip(trace.tokens, trace.about.texts, strict=True))
    )  # fmt: skip
    return _csv(head, rows)


def candidates_csv(trace: Trace) -> bytes:
    """One row per candidate for the token AFTER each position, likeliest first."""

    def rows() -> Iterator[Sequence[Cell]]:
        for t, (ids, logprobs) in enumerate(zip(trace.candidate_ids, trace.candidate_logprobs, strict=True)):
            for rank, (id, logprob) in enumerate(zip(ids.tolist(), logprobs, strict=True), 1):
                yield t, rank, id, _text(trace.candidate_texts[id]), logprob

    return _csv(("after_position", "rank", "id", "text", "logprob_nats"), rows())


def heads_csv(trace: Trace) -> bytes:
    """One row per layer, head and token: entropy of its attention, and the length of what it adds to the stream."""
    entropies = _attention_entropy(trace)
    head = ("layer", "head", "position", "attention_entropy_nats", "contribution_length")
    rows = ((*at, entropies[at], trace.head_contributions[at]) for at in np.ndindex(entropies.shape))
    return _csv(head, rows)


def lines_csv(trace: Trace) -> bytes:
    """One row per line of the program: what it does, its shape, its cost, and the time it took."""
    head = ("address", "op", "call", "shape", "flops", "bytes_read", "bytes_written", "needed_bytes", "weight_bytes",
            "is_view", "ms")  # fmt: skip
    rows = (
        (row.address, row.op, row.call, "x".join(map(str, row.shape)), *row.cost, row.needed_bytes, row.weight_bytes,
         int(row.is_view), None if row.elapsed_s is None else round(1e3 * row.elapsed_s, 6))
        for row in trace.rows
    )  # fmt: skip
    return _csv(head, rows)


def memory_csv(trace: Trace) -> bytes:
    """One row per block, and what lies before and after: bytes of weights and of activations."""
    return _csv(("place", "weight_bytes", "needed_bytes", "made_bytes"), readings.memory_by_place(trace.rows))


def value_csv(value: Array) -> bytes:
    """One array: a row for each index of the leading axes, a column for each of the last."""
    table = value.reshape(*value.shape, *(1,) * (value.ndim == 0))
    *leading, width = table.shape
    head = (*(f"axis_{i}" for i in range(len(leading))), *map(str, range(width)))
    return _csv(head, ((*at, *table[at]) for at in np.ndindex(*leading)))


def values_npz(trace: Trace) -> bytes:
    """Every recorded value, by address."""
    return npz(trace.values)


def metrics_npz(trace: Trace) -> bytes:
    """Everything measured of tokens and heads, as arrays."""
    arrays = {
        "tokens": np.array(trace.tokens),
        "candidate_ids": trace.candidate_ids,
        "candidate_logprobs": trace.candidate_logprobs,
        "token_logprobs": trace.token_logprobs,
        "token_ranks": trace.token_ranks,
        "token_entropies": trace.token_entropies,
        "head_contributions": trace.head_contributions,
        "attention_entropy": _attention_entropy(trace),
    }
    return npz(arrays)


def npz(arrays: Mapping[str, Array]) -> bytes:
    """The bytes of an NPZ file of these arrays; the same arrays give the same bytes."""
    file = BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _attention_entropy(trace: Trace) -> Array:
    """(L, H, T) nats; NaN in layers whose pattern was not recorded."""
    entropies = np.full_like(trace.head_contributions, np.nan)
    for layer in range(trace.about.layers):
        if (address := f"blocks.{layer}.attn.pattern") in trace:
            entropies[layer] = readings.attention_entropy([trace[address][0]])[0]
    return entropies


def _csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8")


def _cell(value: Cell) -> str:
    """A number in the fewest digits of its own precision; nothing for None and NaN."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    return str(value)


def _text(text: str) -> str:
    """A token's text as a JSON string, in ASCII: inert in a terminal, in a spreadsheet, and exact."""
    return json.dumps(text)
