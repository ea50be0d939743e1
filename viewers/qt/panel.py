"""`Panel`: what the docks hold. A panel is drawn when what it shows has changed and somebody can see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget

from engine.snapshot import Snapshot
from engine.training.snapshot import TrainingSnapshot
from viewers.qt.fetcher import Fetcher
from viewers.qt.theme import Theme
from viewers.qt.worker import Worker
from viewers.view import View


class Desk(Protocol):
    """What a panel may ask of the window."""

    snapshot: Snapshot | None
    training: TrainingSnapshot
    view: View
    theme: Theme
    fetcher: Fetcher
    worker: Worker

    def look(self, **changes: object) -> None: ...
    def send(self, command: str, **arguments: Any) -> None: ...
    def order(self, command: str, *arguments: Any) -> None: ...
    def say(self, words: str) -> None: ...


class Is:
    """Something that is equal to itself alone: for arrays and large tuples that are new when they differ."""

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Is) and self.thing is other.thing

    __hash__ = None  # type: ignore[assignment]


def each(things: Iterable[object]) -> tuple[Is, ...]:
    """A key that is the same as long as every one of them is: their tuple is often made anew."""
    return tuple(map(Is, things))


class Panel(QWidget):
    """A base. `drawn_from` says what a drawing depends on; `draw_now` makes it."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._drawn: object = None
        self._is_in_front = True
        self.setAccessibleName(self.title)

    def drawn_from(self) -> object:
        """What a drawing depends on, apart from the theme; None while there is nothing to draw."""
        raise NotImplementedError

    def draw_now(self) -> None:
        raise NotImplementedError

    def refresh(self) -> None:
        """Draw, if it would look different and can be seen."""
        if not self.in_sight:
            return
        key = (self.drawn_from(), self.desk.theme)
        if key != self._drawn:
            self._drawn = key
            self.draw_now()

    @property
    def in_sight(self) -> bool:
        """Whether somebody can see it. Qt calls a dock behind another tab visible too: it only stands elsewhere."""
        return self._is_in_front and self.isVisible()

    def put_in_front(self, is_in_front: bool) -> None:
        """Its dock came before the others of its tabs, or went behind."""
        self._is_in_front = is_in_front
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def heightForWidth(self, width: int) -> int:
        """What it needs. A frame that scrolls asks this of what wraps, and would give it all that it likes to have."""
        layout = self.layout()
        return layout.totalMinimumHeightForWidth(width) if layout and layout.hasHeightForWidth() else -1

    @property
    def sentence(self) -> str:
        """What it says about its cursor, for copying."""
        return self.title


def dim_label(words: str = "") -> QLabel:
    """A quiet line of plain text that may be wrapped."""
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("dim", True)
    label.setWordWrap(True)
    return label


class Steady(QLabel):
    """A quiet line that grows to what it says and stays so high, so that nothing moves under the pointer."""

    def __init__(self, words: str = "") -> None:
        super().__init__(words)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("dim", True)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)

    def setText(self, words: str) -> None:
        super().setText(words)
        self._hold()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.setMinimumHeight(0)
            self._hold()

    def _hold(self) -> None:
        self.setMinimumHeight(max(self.minimumHeight(), self.heightForWidth(self.width())))


def in_scroll(label: QLabel) -> QScrollArea:
    """A label of many lines in a frame that scrolls."""
    area = QScrollArea()
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setMargin(6)
    area.setWidgetResizable(True)
    area.setWidget(label)
    return area
