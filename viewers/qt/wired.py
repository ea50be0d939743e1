"""What the parts of the window's actions share: the names that are the window's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QMainWindow

from engine.snapshot import ListingRow, Snapshot, Stepping
from viewers.actions import key_of

if TYPE_CHECKING:
    from engine.link.remote import Remote
    from viewers.actions import Action
    from viewers.qt.docks import Docks
    from viewers.qt.given import Given
    from viewers.qt.panel import Panel
    from viewers.qt.theme import Theme
    from viewers.view import View


class Wired:
    """A base of the window; the names declared here are the window's."""

    if TYPE_CHECKING:
        remote: Remote
        is_alone: bool
        source: str
        given: Given
        table: tuple[Action, ...]
        kept: QSettings
        snapshot: Snapshot | None
        view: View
        theme: Theme
        theme_choice: str
        stepped: bool
        docks: Docks
        panels: dict[str, Panel]

        def look(self, **changes: object) -> None: ...
        def send(self, command: str, **arguments: Any) -> None: ...
        def say(self, words: str) -> None: ...
        def refresh(self) -> None: ...
        def cancel(self) -> None: ...
        def wear(self, choice: str) -> None: ...
        def close(self) -> bool: ...
        def maximise(self) -> bool: ...
        @property
        def is_maximised(self) -> bool: ...
        def put_lens_away(self) -> bool: ...
        def panel_with_keys(self) -> Panel: ...
        def command_words(self) -> str: ...
        def open_spec(self, spec: str) -> None: ...

    @property
    def me(self) -> QMainWindow:
        assert isinstance(self, QMainWindow)
        return self

    @property
    def busy(self) -> bool:
        return self.snapshot is not None and self.snapshot.busy is not None

    @property
    def stepping(self) -> Stepping | None:
        return self.snapshot.stepping if self.snapshot else None

    def line_here(self) -> ListingRow | None:
        """The line under the listing's cursor; without a pass this says what to do."""
        line: ListingRow | None = self.panels["program"].row()  # type: ignore[attr-defined]
        if line is None:
            self.say(f"Nothing is stepped yet: {key_of('restep')} steps the pass over this text.")
        return line
