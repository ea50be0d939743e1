"""Settings on the main screen: asked for at once, applied by the worker, and what that did shown until it is closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.screens.layers import AskLayer
from app.screens.looking import Looking
from app.widgets.panel import Panel
from app.widgets.settings_panel import SettingsPanel
from engine.errors import MiniGPTError
from engine.settings import TABLE, Settings, row_of, shown
from engine.snapshot import Snapshot

ENDED = ("stopped", "error", "internal error")  # how a notice begins where what was asked for did not come


class Changing(Looking):
    """Names after `action_` are the ids of the table of actions.

    `wanted` are the settings asked for; each further key goes on from them, and takes the place of what is still being
    applied, so that quick keys need not wait for each other.
    """

    wanted: Settings | None = None
    shown_switch = 0  # the number of the change that was shown last

    def switch(self, name: str, by: int = 1) -> None:
        """Go to the next value of a setting, or by so many."""
        if self.snapshot is None:
            self.say("The model is still being opened.")
            return
        row, settings = row_of(name), self.wanted or self.snapshot.settings
        now = getattr(settings, name)
        at = row.choices.index(now) if now in row.choices else (-1 if by > 0 else 0)
        self.apply(name, row.choices[(at + by) % len(row.choices)])

    def apply(self, name: str, value: object) -> None:
        """Ask for one setting to have this value; what runs is stopped, and what it made is kept."""
        if self.snapshot is None:
            return
        now = self.snapshot.settings
        try:
            wanted = replace(self.wanted or now, **{name: value})  # type: ignore[arg-type]
        except MiniGPTError as error:
            self.say(f"error: {error}")
            return
        if self.busy:
            self.cancel()
        self._await(wanted)
        differing = {row.name: getattr(wanted, row.name) for row in TABLE}
        self.send("configure", **{key: v for key, v in differing.items() if v != getattr(now, key) or key == name})
        self.say(f"applying {row_of(name).title} {shown(value)} …   Esc stops it")

    def _await(self, wanted: Settings | None) -> None:
        self.wanted = wanted
        panel = self.panel("settings")
        assert isinstance(panel, SettingsPanel)
        panel.await_settings(wanted)

    def took(self, snapshot: Snapshot) -> None:
        """A snapshot came: settings that were asked for may be there, or have failed; a change is to be shown."""
        if self.wanted is not None and snapshot.busy is None:
            failed = snapshot.notice is not None and snapshot.notice.startswith(ENDED)
            if failed or snapshot.settings == self.wanted:
                self._await(None)
                self.say("")
        if snapshot.switch is not None and snapshot.switch.number > self.shown_switch:
            self.shown_switch = snapshot.switch.number
            if snapshot.switch.changed:
                self._offer_changes()

    def _offer_changes(self) -> None:
        """Bring the difference to the front, unless the settings themselves are being gone through in its place."""
        panel, focused = self.panel("changes"), self.focused
        panel.offered = True
        shared = self.arrangement.place_of("changes").panels if self.arrangement else ()
        here = focused.id if isinstance(focused, Panel) and focused.id in shared else None
        if here == "settings":
            self.arrangement = None  # the new tab is to be drawn
            self.lay_out()
        else:
            self.bring("changes", focus=here is not None)

    def close_changes(self) -> bool:
        """Put the difference away; whether there was one."""
        return self.put_away("changes")

    def put_away(self, name: str) -> bool:
        """Take a panel that was asked for off the screen; whether it was there."""
        panel = self.panel(name)
        if not panel.offered:
            return False
        had_focus = panel.has_focus
        panel.offered = False
        self.recent = tuple(other for other in self.recent if other != name)
        self.arrangement = None
        self.lay_out()
        self.draw()
        if had_focus:
            self.bring("program" if self.panel("program").display else self.recent[0])
        return True

    def action_changes(self) -> None:
        if self.snapshot is None or self.snapshot.switch is None:
            self.say("No setting was changed yet: their keys, or S, change one.")
        elif self.panel("changes").display:
            self.close_changes()
        else:
            self.panel("changes").offered = True
            self.bring("changes")

    def action_settings_panel(self) -> None:
        self.bring("settings")

    def on_settings_panel_switched(self, message: SettingsPanel.Switched) -> None:
        self.switch(message.name, message.by)

    def on_settings_panel_typing(self, message: SettingsPanel.Typing) -> None:
        row = row_of(message.name)
        value = shown(getattr(self.wanted or self.snapshot.settings, row.name)) if self.snapshot else ""

        def typed(words: str | None) -> None:
            if words is None:
                return
            try:
                self.apply(row.name, row.read(words.strip() or "none"))
            except MiniGPTError as error:
                self.say(f"error: {error}")

        self.app.push_screen(AskLayer(row.title, f"{row.expected}, or none · Enter applies · Esc leaves", value), typed)


def _switching(name: str) -> Callable[[Changing], None]:
    """The handler of one setting's key."""
    return lambda screen: screen.switch(name)


for _row in TABLE:  # one action for each row that has a key, as in the table of actions
    if _row.key:
        setattr(Changing, f"action_{_row.name}", _switching(_row.name))
