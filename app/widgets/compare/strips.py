"""The lines around the panels of the Compare screen: the lanes and their figures, and the keys."""

from __future__ import annotations

from textual.strip import Strip

from app.widgets.compare.view import CompareView, Pair
from app.widgets.ink import Row, cells
from app.widgets.strips import KeyLine, Lines
from viewers.compare_actions import COMPARE_ACTIONS, COMPARE_FOOTERS
from viewers.differences import size_text


class LaneStrip(Lines):
    """What is compared and what came of it: always visible."""

    pair: Pair | None = None
    look = CompareView()

    def show(self, pair: Pair, look: CompareView) -> None:
        self.pair, self.look = pair, look
        self.refresh()

    def body(self, width: int) -> list[Strip]:
        return self.body_lines(self.pair, self.look, width)

    def body_lines(self, pair: Pair | None, look: CompareView, width: int) -> list[Strip]:
        """As many lines as it needs."""
        row, rows = Row(width, self.rich_style).add(" "), []
        for name, value in figures(pair, look):
            size = cells(name) + cells(value) + 3
            if row.used > 1 and row.used + size - 2 > width:
                rows.append(row.strip())
                row = Row(width, self.rich_style).add(" ")
            row.add(f"{name} " if name else "", self.style_of("dim")).add(value, self.style_of("strong"))
            row.add("  "[: row.room])
        return [*rows, row.strip()]


def figures(pair: Pair | None, look: CompareView) -> list[tuple[str, str]]:
    """The comparison as (name, value), in the order of the strip."""
    if pair is None or pair.compared is None:
        return [("", "Compare"), ("", "nothing yet")]
    compared, drift = pair.compared, pair.compared.drift
    first, found, (a, b) = look.first(drift), drift.tokens, drift.lengths
    return [
        ("A", compared.name_a),
        ("B", compared.name_b),
        ("tokens", str(drift.positions) if a == b else f"the first {drift.positions} of {a} and {b}"),
        ("first over", first.address if first else "none"),
        ("threshold", f"{look.threshold:g}"),
        *([("edits", "in neither lane")] if pair.snapshot.edits else []),
        *([("mean KL", size_text(found.mean_kl)), ("changed", str(int(found.flips.sum())))] if found else []),
    ]


class CompareKeys(KeyLine):
    """The keys that matter in the focused panel of this screen."""

    panel = "drift"
    actions = COMPARE_ACTIONS
    footers = COMPARE_FOOTERS
