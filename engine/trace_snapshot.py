"""From a trace to a snapshot: a recorded pass shown on the screens of a session, without its model."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from engine.analysis.readings import attention_entropy
from engine.program import Cost
from engine.sampling import Sampler, sample
from engine.snapshot import AttentionRows, Candidate, ListingRow, Snapshot, Stepping, TokenView
from engine.trace import Array, Trace
from engine.trace_memory import RecordedMemory


class TraceSnapshotMaker:
    """Makes snapshots of one trace: all of it stays but where one stands in it, and how a token would be drawn."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.what = what_of(trace)
        self.rows = listing_of(trace)
        self._version = 0
        self._tokens = tokens_of(trace)
        self._attention = attention_of(trace)
        self._entropies = tuple(attention_entropy(rows.patterns) for rows in self._attention)
        self._memory = RecordedMemory(trace)
        self._candidates: tuple[Sampler, tuple[tuple[Candidate, ...], ...]] | None = None

    def make(
        self, cursor: int, depth: str, breakpoints: Set[str], sampler: Sampler, notice: str | None = None
    ) -> Snapshot:
        """The trace after its first `cursor` lines."""
        about, stepping = self.trace.about, self._stepping(cursor, depth, breakpoints)
        recorded = {name: array for name, array in stepping.values.items() if name in self.trace.values}
        self._version += 1
        return Snapshot(
            version=self._version,
            model_name=f"{about.name} (recorded)",
            model_line=about.line,
            layers=about.layers,
            heads=about.heads,
            kv_heads=about.kv_heads,
            vocab=max(1, about.vocab),
            context=len(self.trace.tokens),
            dtype=about.dtype,
            settings=self.trace.settings,
            sampler=sampler,
            seed=about.seed or 0,
            tokens=self._tokens,
            tokens_per_s=None,
            ended=None,
            busy=None,
            progress=None,
            notice=notice,
            stepping=stepping,
            memory=self._memory.report(self.what, cursor, recorded),
            attention_rows=self._attention,
            entropy_rows=self._entropies,
            candidate_rows=self._candidate_rows(sampler),
            has_tokenizer=about.has_tokenizer,
            windows=about.windows,
        )

    def _stepping(self, cursor: int, depth: str, breakpoints: Set[str]) -> Stepping:
        rows = tuple(
            replace(row, breakpoint=row.address in breakpoints, elapsed_s=row.elapsed_s if i < cursor else None)
            for i, row in enumerate(self.rows)
        )
        trace = self.trace
        inputs = {"tokens": np.array([trace.tokens]), "position_ids": np.arange(len(trace.tokens))}
        values: Mapping[str, Array] = MappingProxyType(
            inputs | {row.address: trace.values[row.address] for row in rows[:cursor] if row.address in trace.values}
        )
        return Stepping(self.what, depth, rows, cursor, values, "plain", trace.tokens)

    def _candidate_rows(self, sampler: Sampler) -> tuple[tuple[Candidate, ...], ...]:
        if self._candidates is None or self._candidates[0] != sampler:
            self._candidates = sampler, candidates_of(self.trace, sampler)
        return self._candidates[1]


def what_of(trace: Trace) -> str:
    """Which pass was recorded, in one line."""
    edited = f", {len(trace.edits)} edits" if len(trace.edits) > 1 else ", 1 edit" if trace.edits else ""
    dropped = f", {len(trace.dropped)} values left out" if trace.dropped else ""
    return f"recorded pass, all {len(trace.tokens)} tokens{edited}{dropped}"


def listing_of(trace: Trace) -> tuple[ListingRow, ...]:
    """The recorded lines; of a trace that does not know them, its values."""
    if not trace.rows:
        return tuple(
            ListingRow(
                address, "", "recorded elsewhere", "", "", "", "", value.shape, Cost(0, 0, 0), None, False, False
            )
            for address, value in trace.values.items()
        )
    return tuple(
        ListingRow(row.address, row.op, row.call, row.equation, row.explanation, "", row.where, row.shape, row.cost,
                   row.elapsed_s, False, row.is_view)
        for row in trace.rows
    )  # fmt: skip


def tokens_of(trace: Trace) -> tuple[TokenView, ...]:
    """The text; each token with how it was foreseen, where that is known."""
    about, seen = trace.about, trace.foreseen
    before = (None, *map(_known, seen.entropies.tolist()))  # entropies are of what comes after a token
    return tuple(
        TokenView(id, text, _known(logprob), rank or None, entropy, place >= about.prompt_length)
        for place, (id, text, logprob, rank, entropy) in enumerate(
            zip(trace.tokens, about.texts, seen.logprobs.tolist(), seen.ranks.tolist(), before, strict=False)
        )
    )


def attention_of(trace: Trace) -> tuple[AttentionRows, ...]:
    """The patterns of all layers as one chunk; NaN where a layer's was not recorded, nothing if none was."""
    about, count = trace.about, len(trace.tokens)
    names = [f"blocks.{i}.attn.pattern" for i in range(about.layers)]
    if not any(name in trace for name in names):
        return ()
    unknown = np.broadcast_to(np.float32(np.nan), (about.heads, count, count))
    patterns = tuple(trace.values[name][0] if name in trace else unknown for name in names)
    return (AttentionRows(0, patterns, (np.arange(count),) * about.layers),)


def candidates_of(trace: Trace, sampler: Sampler) -> tuple[tuple[Candidate, ...], ...]:
    """The best guesses after each token. What sampling leaves of them is NaN where the logits were not recorded."""
    logits, found = trace.values.get("logits"), []
    for t, (ids, logprobs) in enumerate(zip(trace.candidate_ids, trace.candidate_logprobs, strict=True)):
        probabilities = np.exp(logprobs)
        chances = probabilities if sampler == Sampler() else np.full(len(ids), np.nan)
        if logits is not None and sampler != Sampler() and np.isfinite(logits[0, t]).all():
            drawn = sample(logits[0, t], sampler, np.random.default_rng(0), trace.tokens[: t + 1])
            chances = drawn.probabilities[ids]
        columns = zip(ids.tolist(), logprobs.tolist(), probabilities.tolist(), chances.tolist(), strict=True)
        found.append(
            tuple(
                Candidate(id, trace.candidate_texts[id], logprob, probability, chance, rank)
                for rank, (id, logprob, probability, chance) in enumerate(columns, 1)
                if np.isfinite(logprob)
            )
        )
    return tuple(found)


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
