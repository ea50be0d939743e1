"""`Effect`: what edits do to the prediction of the next token, measured by running the same pass twice to its end.

Once with the edits, once without.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.text import visible


@dataclass(frozen=True)
class EditView:
    """One edit in a list: as `--edit` takes it, and why a pass goes without it, if it does."""

    text: str
    problem: str | None = None


@dataclass(frozen=True)
class Moved:
    """One possible next token, before and after the edits: its probability, and its rank from 1."""

    id: int
    text: str
    before: float
    after: float
    rank_before: int
    rank_after: int


@dataclass(frozen=True)
class Effect:
    """What edits do to the token after `ids`.

    rows    the likeliest before and after, the likeliest after first
    kl      KL(before || after), nats
    edits   those that took part, as `--edit` takes them
    """

    ids: tuple[int, ...]
    edits: tuple[str, ...]
    what: str
    rows: tuple[Moved, ...]
    kl: float

    def __str__(self) -> str:
        moved = max(self.rows, key=lambda row: abs(row.after - row.before))
        return (
            f'next token "{visible(moved.text)}" {moved.before:.1%} → {moved.after:.1%}, '
            f"KL {self.kl:.3g} nats, with {len(self.edits)} edit{'s' if len(self.edits) > 1 else ''}"
        )
