"""What the lists of addresses share: a cursor that is the screen's own, and the message that moves it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message

from app.widgets.compare.panel import ComparePanel
from engine.analysis.drift import Place


class PlacesPanel(ComparePanel):
    """A list of addresses, one of which is under the cursor."""

    class Moved(Message):
        """The cursor is on this address."""

        def __init__(self, address: str) -> None:
            super().__init__()
            self.address = address

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._top = 0  # the first that is seen

    @property
    def listed(self) -> Sequence[Place]:
        """Its addresses, in the order in which they stand."""
        raise NotImplementedError

    @property
    def cursor(self) -> int:
        """Which of them is looked at."""
        raise NotImplementedError

    @property
    def above(self) -> int:
        """How many rows stand above the first of them."""
        return 1

    def go(self, index: int) -> None:
        if listed := self.listed:
            self.post_message(self.Moved(listed[min(max(index, 0), len(listed) - 1)].address))

    def move(self, down: int, right: int) -> None:
        self.go(self.cursor + down)

    def edge(self, end: bool) -> None:
        self.go(len(self.listed) if end else 0)

    def clicked(self, x: int, y: int) -> None:
        index = self._top + y - self.above
        if 0 <= index < len(self.listed):
            self.go(index)
