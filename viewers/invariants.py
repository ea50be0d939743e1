"""The rules of a line of the stepped pass, measured, in words: `✓ each row sums to 1: off by 6e-8, 1e-5 allowed`."""

from __future__ import annotations

from engine.analysis.invariants import Invariant, invariants_of
from engine.snapshot import ListingRow, Stepping
from viewers.picture import number_text


def rules_of(stepping: Stepping, row: ListingRow) -> tuple[Invariant, ...]:
    """Of a value changed by hand: the rules of the line that made it."""
    maker = row
    rows = {line.address: line for line in stepping.rows}
    while maker.op == "edit" and maker.ins and maker.ins[0] in rows:
        maker = rows[maker.ins[0]]
    out = stepping.values.get(row.address)
    return invariants_of(maker.address, maker.op, maker.ins, dict(maker.attrs), stepping.values, out)


def rule_text(rule: Invariant) -> str:
    """One rule with its mark."""
    off = "exact" if rule.deviation == 0 else f"off by {number_text(rule.deviation)}"
    allowed = f", {number_text(rule.allowed)} allowed" if rule.allowed else ""
    return f"{'✓' if rule.holds else '✗'} {rule.words}: {off}{allowed}"
