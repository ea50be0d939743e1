"""Questions at the end of a story, one of each kind where there is one, answered from the state of the story's world.

The answer is rarely what was mentioned last: a question whose answer was, is kept only now and then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from engine.corpus.cast import Cast
from engine.corpus.world import STATES, Event, replayed

Kind = Literal["who", "where", "next"]
KINDS: tuple[Kind, ...] = ("who", "where", "next")
KEPT_IF_LAST = {"who": 0.9, "where": 0.6, "next": 0.4}
DRILL_WORDS = 215  # fit into the 288 tokens of the model of stories
FULL_SHARE = 0.4  # of questions that say "the red kite" rather than "the kite"


@dataclass(frozen=True)
class Question:
    """`distractors` are the other answers the story could suggest; `last` is the fitting one it mentions last."""

    kind: Kind
    question: str
    answer: str
    distractors: tuple[str, ...]
    last: str

    @property
    def line(self) -> str:
        return f"Q: {self.question} A: {self.answer}"


def ask(body: str, cast: Cast, events: Sequence[Event], random: Callable[[], float]) -> tuple[Question, ...]:
    """At most one question of each kind, in any order."""
    chosen = []
    for fitting in _fitting(body, cast, events, random):
        if fitting:
            chosen.append((random(), fitting[int(random() * len(fitting))]))
    return tuple(question for _, question in sorted(chosen, key=lambda pair: pair[0]))


def drill(body: str, cast: Cast, events: Sequence[Event], random: Callable[[], float]) -> tuple[Question, ...]:
    """Every question that can be asked, in any order, as long as story and questions are no longer than DRILL_WORDS."""
    every = [(random(), question) for fitting in _fitting(body, cast, events, random) for question in fitting]
    words = len(body.split())
    chosen: list[Question] = []
    for _, question in sorted(every, key=lambda pair: pair[0]):
        words += len(question.line.split())
        if chosen and words > DRILL_WORDS:
            break
        chosen.append(question)
    return tuple(chosen)


def _fitting(body: str, cast: Cast, events: Sequence[Event], random: Callable[[], float]) -> Iterator[list[Question]]:
    """The questions of each kind, fewer of those whose answer was mentioned last."""
    for kind, found in (("who", _who), ("where", _where), ("next", _next)):
        candidates = found(body, cast, events, random)
        yield [q for q in candidates if q.answer != q.last or random() < KEPT_IF_LAST[kind]]


def _said(body: str, words: Sequence[str]) -> list[str]:
    """Which of `words` the body has, the last mentioned last."""
    at = {word: max((m.end() for m in re.finditer(rf"\b{word}\b", body)), default=-1) for word in words}
    return sorted((word for word in words if at[word] >= 0), key=at.__getitem__)


def _named(noun: str, cast: Cast, random: Callable[[], float]) -> str:
    thing = next(thing for thing in cast.things.values() if thing.noun == noun)
    return f"the {thing.adjective} {noun}" if random() < FULL_SHARE else f"the {noun}"


def _who(body: str, cast: Cast, events: Sequence[Event], random: Callable[[], float]) -> list[Question]:
    names = _said(body, [person.name for person in cast.persons.values()])
    return [
        Question(
            "who", f"Who has {_named(thing, cast, random)}?", f"{holder}.", _others(names, holder), f"{names[-1]}."
        )
        for thing, holder in replayed(events).holder.items()
    ]


def _where(body: str, cast: Cast, events: Sequence[Event], random: Callable[[], float]) -> list[Question]:
    at = {place.noun: place.at for place in cast.places.values()}
    spots = [at[noun] for noun in _said(body, list(at))]
    found = []
    for thing, place in replayed(events).place.items():
        question = f"Where is {_named(thing, cast, random)}?"
        others = _others(spots, place, _sentence)
        found.append(Question("where", question, _sentence(place), others, _sentence(spots[-1])))
    return found


def _next(body: str, cast: Cast, events: Sequence[Event], random: Callable[[], float]) -> list[Question]:
    found = []
    for person in cast.persons.values():
        deeds = [event.clause for event in events if event.who == person.name and event.verb not in STATES]
        he = person.he
        tell = lambda clause, he=he: f"{he.capitalize()} {clause}."  # noqa: E731
        for before, after in pairwise(deeds):
            if deeds.count(before) == deeds.count(after) == 1:
                question = f"What did {person.name} do after {he} {before}?"
                last = next(deed for deed in reversed(deeds) if deed != before)
                found.append(Question("next", question, tell(after), _others(deeds, after, tell), tell(last)))
    return found


def _others(all_of: Sequence[str], but: str, tell: Callable[[str], str] = "{}.".format) -> tuple[str, ...]:
    return tuple(tell(one) for one in dict.fromkeys(all_of) if one != but)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
