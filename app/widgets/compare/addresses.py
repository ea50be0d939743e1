"""Every address that both lanes have, with how far its values are apart; the first that parts is marked."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip

from app.widgets.compare.places import PlacesPanel
from app.widgets.panel import first_row
from engine.analysis.drift import Drift, Place
from engine.lane import Compared
from viewers.differences import size_text
from viewers.numbers import shape_text

FIRST, OVER = "◆", "●"
NUMBER = 9


class AddressesPanel(PlacesPanel):
    """`◆` is the first address over the threshold, `●` the others, `▶` the cursor, whose value is shown."""

    title = "Drift"

    @property
    def listed(self) -> tuple[Place, ...]:
        drift = self.pair.drift if self.pair else None
        return self.look.listed(drift) if drift else ()

    @property
    def cursor(self) -> int:
        drift = self.pair.drift if self.pair else None
        at = self.look.at(drift) if drift else None
        return next((i for i, place in enumerate(self.listed) if place is at), 0)

    def note(self) -> list[tuple[str, Style]]:
        return [("e", self.style_of("accent")), (f" {self.look.order} ", self.style_of("dim")), *self.legend()]

    def sentence(self) -> str:
        drift = self.pair.drift if self.pair else None
        at = self.look.at(drift) if drift else None
        return place_sentence(at) if at else ""

    def rows(self, compared: Compared, width: int, height: int) -> list[Strip]:
        listed, cursor = self.listed, self.cursor
        first = self.look.first(compared.drift)
        room = max(1, height - 3 if height > 5 else height)
        self._top = first_row(cursor, len(listed), room, self._top, ahead=min(2, room // 3))
        shown = enumerate(listed[self._top :][:room], self._top)
        rows = [self._place(place, i == cursor, place is first, width) for i, place in shown]
        if not listed:
            rows = self.wrapped("No address is over the threshold.", width, room, self.style_of("good"))
        if height <= 5:
            return rows
        rows += [self.row(width).strip()] * (room - len(rows))
        return [self._head(width), *rows, *self._foot(compared.drift, width)]

    def _columns(self, width: int) -> tuple[int, int, int]:
        """Widths of the address, of the shape, and of each of the three numbers."""
        left = width - 4 - 3 * NUMBER
        shape = 14 if left >= 44 else 0
        return max(8, left - shape), shape, NUMBER

    def _head(self, width: int) -> Strip:
        name, shape, number = self._columns(width)
        row = self.row(width)
        row.base += self.style_of("dim")
        row.add("    ").column("address", name).column("shape" if shape else "", shape)
        for title in ("max", "relative", "1-cosine"):
            row.column(title, number, align="right")
        return row.strip()

    def _place(self, place: Place, is_cursor: bool, is_first: bool, width: int) -> Strip:
        name, shape, number = self._columns(width)
        row, apart = self.row(width), place.apart
        if is_cursor:
            row.base += self.style_of("cursor" if self.has_focus else "mark")
        is_over = place.is_over(self.look.threshold)
        row.add("▶ " if is_cursor else "  ")
        row.add(f"{FIRST if is_first else OVER if is_over else ' '} ", self.style_of("warn"))
        row.column(place.address, name).column(shape_text(apart.shape) if shape else "", shape)
        row.column(size_text(apart.largest), number, align="right")
        row.column(size_text(apart.relative), number, None if is_cursor else self.shade(apart.relative), "right")
        return row.column(size_text(max(0.0, 1 - apart.cosine)), number, align="right").strip()

    def _foot(self, drift: Drift, width: int) -> list[Strip]:
        first, dim = self.look.first(drift), self.style_of("dim")
        row = self.row(width)
        if first is None:
            row.add("no address parts", self.style_of("good"))
        else:
            row.add(f"{FIRST} {first.address}", self.style_of("warn")).add(" is the first that parts · ", dim)
            row.add("f", self.style_of("accent")).add(" goes there", dim)
        over = sum(place.is_over(self.look.threshold) for place in drift.places)
        left = drift.left
        others = len(left.only_a) + len(left.only_b)
        words = f"{over} of {len(drift.places)} over {self.look.threshold:g} (+ and - change it)"
        words += f" · {others} on one side only" if others else ""
        words += f" · {len(left.misshapen)} of other shape" if left.misshapen else ""
        words += f" · {len(left.unrecorded)} not recorded" if left.unrecorded else ""
        return [row.strip(), self.row(width).add(words, dim).strip()]

    @property
    def above(self) -> int:
        return 1 if self.size.height > 6 else 0


def place_sentence(place: Place) -> str:
    """`blocks.0.attn.q: max |A-B| 0.0157 at [0, 3, 225] (A 0.745, B 0.761), relative 0.00382, cosine 0.99999193`."""
    apart = place.apart
    at = ", ".join(map(str, apart.worst))
    where = f" at [{at}] (A {apart.a:.6g}, B {apart.b:.6g})" if not apart.is_exact else ""
    sizes = f"relative {size_text(apart.relative)}, cosine {apart.cosine:.8f}"
    return f"{place.address}: max |A-B| {size_text(apart.largest)}{where}, {sizes}"
