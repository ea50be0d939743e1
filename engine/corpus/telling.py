"""Words for roles: when a name becomes a pronoun, when a thing becomes "it", and which refrain comes back.

A pronoun is used only where one person can be meant: mentioned in this beat or the last, and nobody else of the same
pronoun there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.corpus.cast import Cast
from engine.corpus.plot import Beat
from engine.corpus.split import Watch
from engine.corpus.template import Nodes, compile_template, draw, tidied
from engine.corpus.words import ACTS, Person, Place, Thing
from engine.corpus.world import PARAMETERS, Event

NEVER = -9
PRONOUN_SHARE, IT_SHARE = 0.7, 0.35
DEEDS = {kind: [compile_template(deed) for deed in text.replace("\n", "|").split("|")] for kind, text in ACTS.items()}
VOWELS = "aeiou"
DRAFTS = 8  # of one beat, before the beat before it is told anew
BUDGET = {"train": 100, "held_out": 600}  # of drafts, before the telling is given up

Telling = list[tuple[str, tuple[Event, ...]]]  # of each beat, its words and what they say happened
Memory = tuple[int, dict[str, int]]  # beats told, and in which of them each role was mentioned last


class Teller:
    """Turns beats into sentences. A draft may be thrown away: `memory` changes only when the caller sets it."""

    def __init__(self, cast: Cast, refrains: Mapping[str, Nodes], random: Callable[[], float]) -> None:
        self.cast, self.random = cast, random
        self.roles: Mapping[str, Person | Thing | Place] = {**cast.persons, **cast.things, **cast.places}
        self.memory: Memory = (0, dict.fromkeys([*cast.persons, *cast.things], NEVER))
        self.clock, self.last = 0, dict(self.memory[1])
        self.deed = ""
        self.refrains: dict[str, str] = {}
        for name, nodes in refrains.items():
            out: list[str] = []
            draw(nodes, random, self.fill, out)
            self.refrains[name] = "".join(out)

    def draft(self, beat: Beat) -> tuple[str, tuple[Event, ...]]:
        """One way to tell `beat`, and what it says happened."""
        self.clock, self.last = self.memory[0], dict(self.memory[1])
        for verb, *roles in beat.events:
            if verb == "act":
                self.deed = self._deed(*roles)
        out: list[str] = []
        draw(beat.text, self.random, self.fill, out)
        return tidied("".join(out)), tuple(self._event(event) for event in beat.events)

    def kept(self) -> Memory:
        """The memory once this draft is told: what it mentioned can be referred to."""
        return self.clock + 1, self.last

    def fill(self, role: str, form: str) -> str:
        if role == "deed":
            return self.deed
        if role in self.refrains:
            return self.refrains[role]
        if role == "forget":  # after a stranger was named, everybody needs a name again
            self.last = dict.fromkeys(self.last, NEVER)
            return ""
        who = self.roles[role]
        if isinstance(who, Person):
            return self._person(role, who, form)
        if isinstance(who, Thing):
            return self._thing(role, who, form)
        return {"": f"the {who.noun}", "at": who.at, "away": who.away, "n": who.noun}[form]

    def _deed(self, role: str, kind: str) -> str:
        deeds, out = DEEDS[kind], list[str]()
        who = self.cast.persons[role]
        draw(deeds[int(self.random() * len(deeds))], self.random, lambda _, form: str(getattr(who, form)), out)
        return "".join(out)

    def _person(self, role: str, who: Person, form: str) -> str:
        if form in ("he", "him", "his"):
            return str(getattr(who, form))
        if form == "kind":
            return who.kind
        may_pronoun = form in ("", "o", "s") and self._is_clear(role, who) and self.random() < PRONOUN_SHARE
        self.last[role] = self.clock
        if may_pronoun:
            return {"": who.he, "o": who.him, "s": who.his}[form]
        return f"{who.name}'s" if form in ("s", "names") else who.name

    def _is_clear(self, role: str, who: Person) -> bool:
        since = self.clock - 1
        if self.last[role] < since:
            return False
        others = (other for key, other in self.cast.persons.items() if key != role and self.last[key] >= since)
        return all(other.he != who.he for other in others)

    def _thing(self, role: str, thing: Thing, form: str) -> str:
        if form == "it":
            near = [key for key in self.cast.things if self.last[key] >= self.clock - 1]
            self_is_near = near == [role]
            self.last[role] = self.clock
            return "it" if self_is_near and self.random() < IT_SHARE else f"the {thing.noun}"
        if form != "n":
            self.last[role] = self.clock
        full = f"{thing.adjective} {thing.noun}"
        return {
            "": f"the {thing.noun}",
            "n": thing.noun,
            "the": f"the {full}",
            "adj": thing.adjective,
            "full": full,
            "a": f"{_article(full)} {full}",
            "an": f"{_article(thing.noun)} {thing.noun}",
        }[form]

    def _event(self, event: tuple[str, ...]) -> Event:
        verb, *roles = event
        values = {}
        for parameter, role in zip(PARAMETERS[verb].split(), roles, strict=False):  # a take may leave out where
            values[parameter] = self.deed if parameter == "deed" else _plain(self.roles[role])
        return Event(verb, **values)


def tell(teller: Teller, beats: Sequence[Beat], watch: Watch) -> Telling | None:
    """Tell the beats one by one; where none of a few drafts fits the split, tell the beat before it anew."""
    told: Telling = []
    before = [(watch, teller.memory)]  # what was known when each beat began
    left = BUDGET[watch.split]
    while len(told) < len(beats):
        watch, teller.memory = before[-1]
        for _ in range(DRAFTS):
            left -= 1
            text, events = teller.draft(beats[len(told)])
            if after := watch.after(text):
                told.append((text, events))
                before.append((after, teller.kept()))
                break
        else:
            if left < 0 or not told:
                return None
            told.pop()
            before.pop()
    return told


def _plain(entity: Person | Thing | Place) -> str:
    return entity.name if isinstance(entity, Person) else entity.at if isinstance(entity, Place) else entity.noun


def _article(words: str) -> str:
    return "an" if words[0] in VOWELS else "a"
