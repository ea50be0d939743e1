"""What is true in a story: the events in the order they happened, and who holds what and what lies where after them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PARAMETERS = {  # what each event says, in order: A is who did it
    "own": "who what",
    "lie": "what where",
    "find": "who what where",
    "take": "who what where",
    "put": "who what where",
    "give": "who what whom",
    "carry": "what where",
    "go": "who where",
    "act": "who deed",
}
STATES = frozenset({"own", "lie", "carry"})  # nobody in the story does these


@dataclass(frozen=True)
class Event:
    """One thing that happened. `own` and `lie` say how things were at first; `carry` is done by wind or water."""

    verb: str
    who: str = ""
    what: str = ""
    where: str = ""
    whom: str = ""
    deed: str = ""

    @property
    def clause(self) -> str:
        """What was done, as a question or an answer says it: "gave the kite to Tom". `where` comes with "in the"."""
        return {
            "find": f"found the {self.what}",
            "take": f"took the {self.what}",
            "put": f"put the {self.what} {self.where}",
            "give": f"gave the {self.what} to {self.whom}",
            "go": f"went to the {self.where.partition(' the ')[2]}",
            "act": self.deed,
        }[self.verb]


@dataclass
class State:
    """Each thing is with somebody or somewhere, never both."""

    holder: dict[str, str] = field(default_factory=dict)
    place: dict[str, str] = field(default_factory=dict)

    def follow(self, event: Event) -> None:
        """Let one event happen. An event that cannot happen here is a mistake in the plot."""
        if event.verb in ("put", "give"):
            assert self.holder.get(event.what) == event.who, event
        if event.verb == "take":
            assert event.what in self.place or self.holder.get(event.what, event.who) != event.who, event
        if event.verb == "find":
            assert self.place.get(event.what, event.where) == event.where and event.what not in self.holder, event
        if event.verb in ("own", "take", "find"):
            self._hold(event.what, event.who)
        elif event.verb == "give":
            self._hold(event.what, event.whom)
        elif event.verb in ("put", "lie", "carry"):
            self.holder.pop(event.what, None)
            self.place[event.what] = event.where

    def _hold(self, thing: str, person: str) -> None:
        self.place.pop(thing, None)
        self.holder[thing] = person


def replayed(events: Iterable[Event]) -> State:
    """The state at the end of the story."""
    state = State()
    for event in events:
        state.follow(event)
    return state
