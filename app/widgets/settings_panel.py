"""Every setting with its value, its key and one line of why, from the one table; each can be switched here."""

from __future__ import annotations

from textual.message import Message
from textual.strip import Strip

from app.widgets.edges import within
from app.widgets.panel import Panel, first_row
from engine.settings import TABLE, Setting, Settings, shown
from engine.snapshot import Snapshot
from viewers.actions import BY_ID
from viewers.actions import shown as shown_key

TITLE, VALUE = 16, 12
NAME = 4 + TITLE  # cells before the value


class SettingsPanel(Panel):
    """`wanted` are the settings that were asked for and are being applied."""

    title = "Settings"

    class Switched(Message):
        """A setting shall go to its next value, or back to the one before."""

        def __init__(self, name: str, by: int) -> None:
            super().__init__()
            self.name, self.by = name, by

    class Typing(Message):
        """The value of a setting is to be typed."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = self._top = self._room = 0
        self.wanted: Settings | None = None

    @property
    def row_here(self) -> Setting:
        return TABLE[self.cursor]

    def await_settings(self, wanted: Settings | None) -> None:
        """Show these as asked for; None when there is nothing to wait for."""
        if wanted != self.wanted:
            self.wanted = wanted
            self.refresh()

    def drawn_from(self, snapshot: Snapshot) -> object:
        return snapshot.settings

    def note(self) -> str:
        return "applying …" if self.wanted else ""

    def sentence(self) -> str:
        if self.snapshot is None:
            return ""
        row = self.row_here
        return f"{row.title} {shown(getattr(self.snapshot.settings, row.name))} ({row.flag}): {row.why}"

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        below = 3 if height >= 7 and width < 90 else 1 if height > 3 else 0
        self._room = room = max(1, height - below)
        self._top = first_row(self.cursor, len(TABLE), room, self._top)
        rows = [
            self._setting(row, i == self.cursor, snapshot, width)
            for i, row in enumerate(TABLE[self._top :][:room], self._top)
        ]
        rows += [self.row(width).strip()] * (room - len(rows))
        hint = "Enter types it · ← → go through " if not self._is_toggled else "Enter or → next: "
        hint += ", ".join(map(shown, self.row_here.choices))
        why = self.wrapped(self.row_here.why, width, below - 1) if below > 1 else []
        return [*rows, *why, self.row(width).add(hint, self.style_of("dim")).strip()][:height]

    @property
    def _is_toggled(self) -> bool:
        return self.row_here.is_switch or self.row_here.is_word

    def _setting(self, setting: Setting, is_cursor: bool, snapshot: Snapshot, width: int) -> Strip:
        row = self.row(width)
        if is_cursor:
            row.base += self.style_of("mark" if self.has_focus else "title")
        now = getattr(snapshot.settings, setting.name)
        coming = getattr(self.wanted, setting.name) if self.wanted else now
        row.add("▶ " if is_cursor else "  ").column(key_of(setting), 2, self.style_of("accent"))
        row.column(setting.title, TITLE)
        value = shown(now) if coming == now else f"→ {shown(coming)}"
        is_default = now == getattr(Settings(), setting.name)
        style = self.style_of("warn" if coming != now else "dim" if is_default else "strong")
        return row.column(value, VALUE, style).add(setting.why, self.style_of("dim")).strip()

    def move(self, down: int, right: int) -> None:
        if right:
            self.post_message(self.Switched(self.row_here.name, right))
            return
        before, self.cursor = self.cursor, within(self.cursor + down, len(TABLE))
        self.went(before, self.cursor, len(TABLE), "setting")
        self.refresh()

    def edge(self, end: bool) -> None:
        self.cursor = len(TABLE) - 1 if end else 0
        self.refresh()

    def action_enter(self) -> None:
        if self._is_toggled:
            self.post_message(self.Switched(self.row_here.name, 1))
        else:
            self.post_message(self.Typing(self.row_here.name))

    def clicked(self, x: int, y: int) -> None:
        """A click on a name chooses the row, one on its value switches it."""
        index = self._top + y
        if index < len(TABLE) and y < self._room:
            self.cursor = index
            self.refresh()
            if NAME <= x < NAME + VALUE:
                self.post_message(self.Switched(self.row_here.name, 1))


def key_of(setting: Setting) -> str:
    """The key that switches it; none for those that have only their row here."""
    return shown_key(BY_ID[setting.name].keys[0]) if setting.name in BY_ID else ""
