"""What is said of the logit lens, on every screen."""

from __future__ import annotations

from engine.analysis.lens import LensReading, LensRow
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.actions import key_of
from viewers.listing_tree import stands_in
from viewers.numbers import percent_text

LIMIT = "The model's end on values it was not learned for: what reads well need not be used, early rows may be noise."
NOTHING = f"No residual value is computed yet: {key_of('step')} steps, Enter in the listing runs to its cursor."


def row_text(row: LensRow) -> str:
    """One row in words."""
    guesses = ", ".join(f'"{visible(token.text)}" {percent_text(token.probability).strip()}' for token in row.tokens)
    return f"{row.address}: {guesses}; entropy {row.entropy:.2f} nats"


def row_at(reading: LensReading | None, address: str | None) -> int:
    """The row of the listing's cursor, or the last one before it."""
    rows, name = (reading.rows if reading else ()), address or ""
    inside = [i for i, row in enumerate(rows) if row.address == name or stands_in(row.address, name)]
    return inside[-1] if inside else max(0, len(rows) - 1)


def after_words(reading: LensReading | None, snapshot: Snapshot) -> str:
    """`after token 7 "cat"`."""
    if reading is None or reading.position >= len(snapshot.tokens):
        return ""
    return f'after token {reading.position} "{visible(snapshot.tokens[reading.position].text)}"'


def asked_of(snapshot: Snapshot | None, position: int) -> object | None:
    """What a reading after the token at `position` depends on; None where none can be asked for now."""
    stepping = snapshot.stepping if snapshot else None
    if snapshot is None or stepping is None or snapshot.busy:
        return None
    return stepping.ids, stepping.what, stepping.cursor, stepping.edits, position
