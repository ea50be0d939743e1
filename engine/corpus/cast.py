"""Who and what a story is about, chosen so that all they have in common is on one side of the split (see `split`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from engine.corpus.split import Split
from engine.corpus.words import (
    ADJECTIVES,
    ANIMALS,
    GROUP_OF,
    GROUPS,
    PERSONS,
    SITES,
    SPOTS,
    THINGS,
    Person,
    Place,
    Thing,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Cast:
    """Roles: A, B, C are persons; X, Y, Z things; P, Q, R sites; S, U spots in a house."""

    persons: Mapping[str, Person]
    things: Mapping[str, Thing]
    places: Mapping[str, Place]


def choose_cast(random: Callable[[], float], split: Split, wanted: Mapping[str, str]) -> Cast:
    """Draw a cast. `wanted` says of which kinds each thing may be: {"X": "toy gem"}."""
    groups = _some(range(GROUPS), GROUPS, random) if split == "train" else [int(random() * GROUPS)] * GROUPS
    names = _names(groups[:3], random)
    kinds = _some(ANIMALS, 3, random) if random() < 0.3 else ()
    persons = {role: _with_kind(person, kinds, at) for at, (role, person) in enumerate(zip("ABC", names, strict=True))}
    things: dict[str, Thing] = {}
    for group, (role, kind) in zip(groups[3:6], wanted.items(), strict=False):
        things[role] = _thing(random, group, kind.split(), list(things.values()))
    sites = _some([place for place in SITES if GROUP_OF[place.noun] in groups[6:]], 3, random)
    spots = _some([place for place in SPOTS if GROUP_OF[place.noun] in groups[6:]], 2, random)
    return Cast(persons, things, dict(zip("PQRSU", (*sites, *spots), strict=True)))


def _names(groups: Sequence[int], random: Callable[[], float]) -> list[Person]:
    names: list[Person] = []
    for group in groups:
        fitting = [person for person in PERSONS if GROUP_OF[person.name.lower()] == group and person not in names]
        names.append(fitting[int(random() * len(fitting))])
    return names


def _with_kind(person: Person, kinds: Sequence[str], at: int) -> Person:
    return replace(person, kind=kinds[at] if kinds else "boy" if person.he == "he" else "girl")


def _thing(random: Callable[[], float], group: int, kinds: Sequence[str], others: Sequence[Thing]) -> Thing:
    nouns, adjectives = {other.noun for other in others}, {other.adjective for other in others}
    fitting = [t for t in THINGS if t.kind in kinds and GROUP_OF[t.noun] == group and t.noun not in nouns]
    thing = fitting[int(random() * len(fitting))]
    free = [adjective for adjective in ADJECTIVES[thing.kind] if adjective not in adjectives]
    return replace(thing, adjective=free[int(random() * len(free))])


def _some(items: Sequence[T], count: int, random: Callable[[], float]) -> list[T]:
    """`count` different items, in the order drawn."""
    rest, chosen = list(items), []
    for _ in range(count):
        chosen.append(rest.pop(int(random() * len(rest))))
    return chosen
