"""What the panels of the Compare screen share: they draw a pair, and colour a number by its size."""

from __future__ import annotations

from typing import Any

from rich.style import Style
from textual.strip import Strip

from app.widgets.compare.view import CompareView, Pair
from app.widgets.panel import Panel
from app.widgets.text_panel import SURPRISE, tint
from engine.lane import Compared
from viewers.differences import DECADES, amount
from viewers.palette import RGB

STEPS = 8  # shades: more could not be told apart


def is_coming(pair: Pair) -> bool:
    """Whether a first comparison is being made."""
    return pair.compared is None and (pair.snapshot.busy or "").startswith("comparing")


class ComparePanel(Panel):
    """A panel whose snapshot is a pair and whose view is that of the screen."""

    waiting = "The model is being opened …"
    nothing = "Nothing is compared yet: choose B in the Lanes panel (v), Enter takes it."
    coming = "Both lanes are being run; what parts stands here then."

    @property
    def pair(self) -> Pair | None:
        found: Any = self.snapshot
        return found

    @property
    def look(self) -> CompareView:
        found: Any = self.view
        return found

    def drawn_from(self, snapshot: Any) -> object:
        return snapshot.compared, is_coming(snapshot)

    def body(self, snapshot: Any, width: int, height: int) -> list[Strip]:
        if snapshot.compared is None:
            return self.wrapped(
                self.coming if is_coming(snapshot) else self.nothing, width, height, self.style_of("dim")
            )
        return self.rows(snapshot.compared, width, height)

    def rows(self, compared: Compared, width: int, height: int) -> list[Strip]:
        """The rows under the title, at most `height`."""
        raise NotImplementedError

    def shade(self, size: float) -> Style:
        """The background of a number by its order of magnitude."""
        ground: RGB = self.background_colors[1].rgb
        return tint(ground, SURPRISE, round(amount(size) * STEPS) / STEPS)

    def legend(self, low: str = "1e-7", high: str = "1") -> list[tuple[str, Style]]:
        """What plain and full colour mean."""
        dim = self.style_of("dim")
        shades = [(" ", self.shade(10 ** (DECADES * (i / STEPS - 1)))) for i in range(STEPS + 1)]
        return [(f"{low} ", dim), *shades, (f" {high} ", dim)]
