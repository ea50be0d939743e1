"""From two decoders of one text to a `Switch`: the difference of their programs, their bytes and their predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.analysis.divergence import divergence
from engine.cost import price, total
from engine.decoder import Decoder
from engine.listing import call_text, diff
from engine.memory_report import MemoryMeter, generating, shapes_of
from engine.prepare import Prepared
from engine.switch import Drift, Footprint, Switch, SwitchedLine
from engine.timeline import Node

MOST_NUMBERS = 4_000_000  # logits compared after a change: some 50 ms


def switch_between(number: int, old: Decoder, new: Decoder, before: Sequence[np.ndarray], nodes: Sequence[Node],
                   tokens_per_s: float | None) -> Switch:  # fmt: skip
    """What the change from one decoder to another did. `before` are the logits that `last_logits` kept of `nodes`."""
    after = last_logits(nodes)
    return Switch(
        number,
        old.prepared.settings,
        new.prepared.settings,
        switched_lines(old.prepared, new.prepared),
        footprint(old, len(nodes)),
        footprint(new, len(nodes)),
        tokens_per_s,
        drift_of(before, after) if before and len(before) == len(after) else None,
    )


def switched_lines(old: Prepared, new: Prepared) -> tuple[SwitchedLine, ...]:
    """The difference of what generation runs for a token, in the order of both listings."""
    return tuple(
        SwitchedLine(
            change.kind,
            change.line.out,
            call_text(change.old) if change.old else "",
            call_text(change.new) if change.new else "",
        )
        for change in diff(generating(old)[0], generating(new)[0])
    )


def footprint(decoder: Decoder, tokens: int) -> Footprint:
    """Weights, cache, peak activations and FLOPs of the next token after so many."""
    report = MemoryMeter().report(decoder, None, tokens)
    program, weights = generating(decoder.prepared)
    cost = total(price(program, shapes_of(program, weights, decoder.cache, tokens)))
    return Footprint(
        report.total("weights_bytes"), report.total("cache_allocated_bytes"), report.peak_needed_bytes, cost.flops
    )


def last_logits(nodes: Sequence[Node]) -> tuple[np.ndarray, ...]:
    """The logits after the last tokens, as many as are soon compared and were kept without a gap."""
    found: list[np.ndarray] = []
    for node in reversed(nodes):
        if node.logits is None or (len(found) + 1) * node.logits.size > MOST_NUMBERS:
            break
        found.append(node.logits)
    return tuple(found[::-1])


def drift_of(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> Drift:
    """How far predictions moved."""
    found = divergence(np.stack(before), np.stack(after))
    return Drift(len(before), found.mean_kl, int(found.flips.sum()))
