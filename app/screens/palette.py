"""The command palette: every action of the table by its title."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from viewers.actions import ACTIONS, EVERYWHERE, Action, shown


class ActionCommands(Provider):
    """Titles match, keys stand beside them."""

    @property
    def actions(self) -> list[Action]:
        return [action for action in ACTIONS if action.where == EVERYWHERE and action.id != "palette"]

    def run(self, action: Action) -> partial:
        return partial(self.screen.run_action, action.id)

    async def discover(self) -> AsyncIterator[DiscoveryHit]:
        for action in self.actions:
            yield DiscoveryHit(label(action), self.run(action), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self.actions:
            score = matcher.match(label(action))
            if score > 0:
                yield Hit(score, matcher.highlight(label(action)), self.run(action), help=action.help)


def label(action: Action) -> str:
    return f"{action.title}  ({' '.join(map(shown, action.keys))})"
