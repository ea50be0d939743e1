"""The command palette: every action of the table by its title, and the little that has no key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider

from viewers.actions import ACTIONS, EVERYWHERE, Action, shown


class Entry(NamedTuple):
    """One row: what it is called, what it says of itself, what it does."""

    title: str
    help: str
    run: Callable


class ActionCommands(Provider):
    """Titles match, keys stand beside them."""

    @property
    def entries(self) -> list[Entry]:
        found = [
            Entry(label(action), action.help, self._runner(action))
            for action in getattr(self.screen, "actions", ACTIONS)
            if action.where == EVERYWHERE and action.id != "palette"
        ]
        save = "Writes this screen as an SVG picture into the present directory."
        found.append(Entry("Save the screen", save, lambda: self.app.set_timer(0.2, self._save)))  # once this is closed
        return [*found, Entry("Theme", "Other colours, also the next time.", self.app.action_change_theme)]

    def _runner(self, action: Action) -> Callable:
        return lambda: self.screen.run_action(action.id)

    async def _save(self) -> None:
        await self.screen.run_action("save_screen")

    async def discover(self) -> AsyncIterator[DiscoveryHit]:
        for entry in self.entries:
            yield DiscoveryHit(entry.title, entry.run, help=entry.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for entry in self.entries:
            score = matcher.match(entry.title)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.title), entry.run, help=entry.help)


def label(action: Action) -> str:
    return f"{action.title}  ({' '.join(map(shown, action.keys))})"
