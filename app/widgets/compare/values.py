"""The value under the shared cursor in both lanes, and their difference: A, B and A - B side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from textual.strip import Strip

from app.widgets.compare.panel import ComparePanel
from app.widgets.compare.view import CompareView, Pair
from app.widgets.heat_cells import Fit
from app.widgets.heat_map import HeatMap
from engine.analysis.drift import Place, cut
from engine.lane import Compared
from viewers.picture import QUERY, TOKEN, Chosen, Picture, Scale, number_text, pattern_scale, picture_of, scale_of

Array = np.ndarray
GAP = 2


class ValuesPanel(HeatMap):
    """Three pictures with one cursor. A and B share their scale; the difference has its own, about 0."""

    title = "Values"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._made: tuple[object, ...] = ()
        self._pictures: tuple[Picture, ...] = ()
        self._slices = ""
        self._places: list[tuple[int, tuple[int, int, Fit, int, int]]] = []  # where each stands, for the mouse

    @property
    def look(self) -> CompareView:
        found: Any = self.view
        return found

    def drawn_from(self, snapshot: Any) -> object:
        return snapshot.compared

    def changed(self, snapshot: Any, view: Any) -> None:
        if getattr(view, "address", None) != self.look.address or getattr(view, "place", None) != self.look.place:
            self.cell = None

    def note(self) -> str:
        drift = self._pair.drift
        at = self.look.at(drift) if drift else None
        return at.address if at else ""

    @property
    def _pair(self) -> Pair:
        found: Any = self.snapshot
        return found

    def sentence(self) -> str:
        if not self._pictures:
            return ""
        a, b, apart = self._pictures
        if not a.values.size:
            return ""
        self._picture = a
        cell = self.cursor
        where = a.sentence(*cell).rpartition(": ")[0]
        x, y, z = (number_text(float(picture.values[cell])) for picture in (a, b, apart))
        return f"{where}: A {x}, B {y}, A-B {z}"

    def body(self, snapshot: Any, width: int, height: int) -> list[Strip]:
        dim = self.style_of("dim")
        drift = snapshot.drift
        at = self.look.at(drift) if drift else None
        if at is None:
            words = "No address was compared." if drift else ComparePanel.nothing
            return self.wrapped(words, width, height, dim)
        self._pictures = self._of(snapshot.compared, at)
        heads = [self._heading(at, width)] if height >= 10 else []
        each = max(6, (width - 2 * GAP) // 3)
        sides = self._sides(snapshot.compared, each, max(2, height - len(heads) - 1), len(heads))
        blank = self.row(GAP).strip()
        rows = [Strip.join([sides[0][y], blank, sides[1][y], blank, sides[2][y]]) for y in range(len(sides[0]))]
        last = self.row(width).add(self.sentence(), self.style_of("strong")).strip()
        return [*heads, *(strip.adjust_cell_length(width, self.base) for strip in rows), last]

    def _heading(self, at: Place, width: int) -> Strip:
        """The address, the slice of it that is shown, and what makes it."""
        row, slices = self.row(width).add(at.address, self.style_of("strong")), self._slices
        row.add(f" · {slices}" if slices else "", self.style_of("accent"))
        return row.add(f" = {at.row.call}" if at.row else "", self.style_of("dim")).strip()

    def _sides(self, compared: Compared, each: int, height: int, top: int) -> list[list[Strip]]:
        """The three pictures under their names, each `each` wide and `height` high."""
        names = (f"A  {compared.name_a}", f"B  {compared.name_b}", "A - B")
        sides, self._places = [], []
        for i, (name, picture) in enumerate(zip(names, self._pictures, strict=True)):
            self._picture = picture
            drawn = super().drawn(picture, each, height, top + 1)[:-1] if picture.values.size else []
            self._places.append((i * (each + GAP), self._place))
            title = self.row(each).add(name, self.style_of("accent")).strip()
            rows = [title, *drawn][:height]
            sides.append([*rows, *[self.row(each).strip()] * (height - len(rows))])
        self._picture = self._pictures[0]
        return sides

    def _of(self, compared: Compared, at: Place) -> tuple[Picture, ...]:
        """The chosen slice of A, of B, and of A - B; kept until another is asked for."""
        key = (compared, at.address, self.look.head)
        if self._made != key:
            pair = cut(compared.a[at.address], compared.b[at.address], compared.drift.lengths)
            assert pair is not None  # else it would not be among the places
            texts = compared.a.about.texts[: compared.drift.positions]
            chosen = Chosen(0, self._head(compared, at))
            found = pictures(at.address, *pair, texts, chosen)
            self._made, self._slices = key, found[0].slices
            self._pictures = tuple(replace(picture, slices="") for picture in found)  # said once, in the heading
        return self._pictures

    def _head(self, compared: Compared, at: Place) -> int:
        """Key and value heads are fewer than query heads and shared by them."""
        shape, heads, head = at.apart.shape, compared.a.about.heads, self.look.head
        if len(shape) != 4:
            return 0
        if head is None:
            return at.apart.worst[1]
        return head if shape[1] >= heads else head * shape[1] // max(1, heads)

    def usual_cell(self, picture: Picture) -> tuple[int, int]:
        """Where the difference is largest: in the row of the token under the cursor, if one is chosen."""
        apart = np.abs(np.nan_to_num(self._pictures[2].values, posinf=np.inf, neginf=np.inf))
        row = self.look.place
        if row is not None and picture.rows.name in (TOKEN, QUERY) and row < len(apart):
            return row, int(apart[row].argmax())
        at = np.unravel_index(int(apart.argmax()), apart.shape)
        return int(at[0]), int(at[1])

    def clicked(self, x: int, y: int) -> None:
        for start, place in reversed(self._places):
            if x >= start:
                self._place = place
                super().clicked(x - start, y)
                return


def pictures(address: str, a: Array, b: Array, texts: tuple[str, ...], chosen: Chosen) -> tuple[Picture, ...]:
    """A and B on one scale, and their difference; where only one is finite, the difference is too large to show."""
    x, y = (picture_of(address, side, texts, chosen=chosen) for side in (a, b))
    with np.errstate(invalid="ignore"):
        apart = np.where(x.values == y.values, 0, x.values - y.values)
    both = np.concatenate([x.values.ravel(), y.values.ravel()])
    finite = both[np.isfinite(both)]
    scale = pattern_scale(float(finite.max(initial=0))) if address.endswith("pattern") else scale_of(both)
    reach = float(np.abs(apart[np.isfinite(apart)]).max(initial=0)) or 1.0  # where all are equal, 0 is the middle
    own = Scale("diverging", -reach, reach)
    return (
        replace(x, scale=scale),
        replace(y, scale=scale),
        replace(x, values=apart.astype(np.float32), scale=own, about=""),
    )
