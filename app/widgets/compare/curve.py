"""The drift curve: how the error grows along the residual stream, from the embedding to the logits."""

from __future__ import annotations

import math

from textual.strip import Strip

from app.widgets.compare.places import PlacesPanel
from app.widgets.panel import first_row
from engine.analysis.drift import Place
from engine.lane import Compared
from viewers.differences import size_text
from viewers.numbers import bar

LOWEST = 1e-8  # relative errors below are not drawn: float32 itself ends there
NUMBER = 9


class CurvePanel(PlacesPanel):
    """One bar for each place on the way, on a logarithmic scale, with its number."""

    title = "Layers"

    @property
    def listed(self) -> tuple[Place, ...]:
        drift = self.pair.drift if self.pair else None
        return drift.along if drift else ()

    @property
    def cursor(self) -> int:
        """The place that the shared cursor stands on, or the last one it has passed."""
        drift = self.pair.drift if self.pair else None
        at = self.look.at(drift) if drift else None
        if drift is None or at is None:
            return 0
        index = {place.address: i for i, place in enumerate(drift.places)}
        passed = [i for i, place in enumerate(self.listed) if index[place.address] <= index[at.address]]
        return passed[-1] if passed else 0

    def note(self) -> str:
        return "relative error, log scale"

    def sentence(self) -> str:
        if not self.listed:
            return ""
        place = self.listed[self.cursor]
        return (
            f"{place.address}: relative {size_text(place.apart.relative)}, norm {size_text(place.apart.norm_relative)}"
        )

    def rows(self, compared: Compared, width: int, height: int) -> list[Strip]:
        along, cursor, dim = self.listed, self.cursor, self.style_of("dim")
        if not along:
            return self.wrapped("No place of the residual stream was compared.", width, height, dim)
        title = min(max(len(place.address) for place in along), max(8, width * 2 // 5)) + 1
        long = max(4, width - 2 - title - 2 * NUMBER)
        head = self.row(width).add("  ").column("", title)
        ends = f"{LOWEST:g}".ljust(max(0, long - 2)) + "1"
        head.column(ends, long, dim).column("max/max", NUMBER, dim, "right").column("norm", NUMBER, dim, "right")
        room = max(1, height - 1)
        self._top = first_row(cursor, len(along), room, self._top)
        rows = [head.strip()] if height > 3 else []
        for i, place in enumerate(along[self._top : self._top + room], self._top):
            row, apart = self.row(width), place.apart
            if i == cursor:
                row.base += self.style_of("mark")
            row.add("▶ " if i == cursor else "  ", self.style_of("accent")).column(place.address, title)
            style = self.style_of("warn" if place.is_over(self.look.threshold) else "good")
            row.column(bar(height_of(apart.relative), long - 1), long, style)
            row.column(size_text(apart.relative), NUMBER, align="right")
            rows.append(row.column(size_text(apart.norm_relative), NUMBER, align="right").strip())
        return rows


def height_of(relative: float) -> float:
    """The share of the bar: 0 up to LOWEST, 1 from a relative error of 1 on."""
    if math.isnan(relative) or relative >= 1:
        return 1.0
    return max(0.0, 1 - math.log10(relative) / math.log10(LOWEST)) if relative > 0 else 0.0
