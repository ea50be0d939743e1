"""The value of the line under the listing's cursor: what it is, its shape, its equation, its numbers."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from app.widgets.heat_map import HeatMap
from app.widgets.value_forms import histogram_rows, numbers_rows
from engine.program import Shape
from engine.snapshot import ListingRow, Snapshot, Stepping
from viewers.invariants import rule_text, rules_of
from viewers.listing_tree import stands_in
from viewers.numbers import shape_text
from viewers.picture import QUERY, TOKEN, Chosen, Picture, picture_of
from viewers.view import View


class ValuePanel(HeatMap):
    """A heat map of one value of the stepped pass."""

    title = "Value"

    def note(self) -> str:
        return "" if self.view.value_as == "heat map" else self.view.value_as

    def changed(self, snapshot: Snapshot | None, view: View) -> None:
        if view.address != self.view.address or view.token != self.view.token:
            self.cell = None

    def line(self, snapshot: Snapshot) -> ListingRow | None:
        """The line whose value is shown: the one under the cursor, or the last of a group."""
        return line_of(snapshot.stepping, self.view.address)

    def picture(self, snapshot: Snapshot) -> Picture | None:
        line, stepping = self.line(snapshot), snapshot.stepping
        if line is None or stepping is None or line.address not in stepping.values:
            return None
        positions = stepping.values.get("position_ids", np.zeros(0, int)).ravel()
        tokens = [token.text for token in snapshot.tokens]
        value = stepping.values[line.address]
        return picture_of(line.address, value, tokens, positions.tolist(), Chosen(0, self.head(value)))

    def head(self, value: np.ndarray) -> int:
        """The slice with heads."""
        return self.view.head if self.snapshot is None else head_in(value.shape, self.view.head, self.snapshot.heads)

    def usual_cell(self, picture: Picture) -> tuple[int, int]:
        """In the row of the token under the text's cursor, the largest number."""
        if self.snapshot is None or picture.rows.name not in (TOKEN, QUERY):
            return (0, 0)
        query = self.view.query(self.snapshot)
        row = picture.rows.numbers.index(query) if query in picture.rows.numbers else 0
        sizes = np.abs(np.nan_to_num(picture.values[row], posinf=0, neginf=0))
        return row, int(sizes.argmax()) if sizes.size else 0

    def drawn(self, picture: Picture, width: int, height: int, top: int) -> list[Strip]:
        if self.view.value_as == "heat map" or height < 4:
            return super().drawn(picture, width, height, top)
        rows = (numbers_rows if self.view.value_as == "numbers" else histogram_rows)(self, picture, width, height - 1)
        return [self._axes_row(picture, width), *rows]

    def heading(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        line = self.line(snapshot)
        if line is None:
            return []
        row = self.row(width).add(line.address, self.style_of("strong")).add(f"  {shape_text(line.shape)}  ")
        row.add(f"= {line.call}", self.style_of("dim"))
        rows = [row.strip()]
        rules = rules_of(snapshot.stepping, line) if snapshot.stepping else ()
        if height >= 9:
            marks = " ".join("✓" if rule.holds else "✗" for rule in rules) if height < 12 else ""
            holds = self.style_of("good" if all(rule.holds for rule in rules) else "warn")
            rows.append(self.row(width).add(line.equation, self.style_of("accent")).add(f"  {marks}", holds).strip())
        if height >= 12:
            for rule in rules:
                rows += self.wrapped(rule_text(rule), width, 1, self.style_of("good" if rule.holds else "warn"))
        if height >= 14:
            rows += self.wrapped(line.explanation, width, 2 if height < 24 else 4)
        if height >= 24:
            source = " · ".join(part for part in (line.paper, line.where) if part)
            rows += self.wrapped(source, width, 1, self.style_of("dim"))
        return rows

    def empty(self, snapshot: Snapshot) -> str:
        if self.line(snapshot) is None:
            return "Nothing is stepped yet. Press r to step the pass over this text."
        return "Not computed yet. n does the next step, c runs to the end, Enter in the listing runs to its cursor."


def head_in(shape: Shape, head: int, heads: int) -> int:
    """Where a query head's slice of a value is: key and value heads are fewer and shared."""
    return head * shape[1] // max(1, heads) if len(shape) == 4 and shape[1] < heads else head


def line_of(stepping: Stepping | None, address: str | None) -> ListingRow | None:
    """The line an address or a group stands for; without one, the last line done."""
    if stepping is None or not stepping.rows:
        return None
    if address is None:
        return stepping.rows[max(0, stepping.cursor - 1)]
    inside = [row for row in stepping.rows if stands_in(row.address, address)]
    exact = [row for row in inside if row.address == address]
    return (exact or inside or [stepping.rows[max(0, stepping.cursor - 1)]])[-1]
