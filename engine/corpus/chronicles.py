"""Chronicles: what became of two or three things, told barely, and then all that can be asked about it.

In a story most sentences change nothing that is asked about. In a chronicle nearly every sentence does: things are put
down, found, taken and given away with the sentences the stories use, in any order that can happen. They teach to follow
where a thing is and who did what next, thickly.
"""

from __future__ import annotations

from functools import cache
from random import Random

from engine.corpus.banks import BANKS, MACROS
from engine.corpus.cast import choose_cast
from engine.corpus.plot import Beat, read_beat
from engine.corpus.questions import drill
from engine.corpus.split import Watch
from engine.corpus.telling import Teller, tell
from engine.corpus.words import ACTS, THINGS

FEWEST, MOST = 2, 8  # things that happen after each has its place
CASTS = (2, 2, 3)
LIE_SHARE = 0.3  # of things that nobody has at first
DEEDS = ("act", "act", "go", "move", "move", "move", "move", "move")  # what may happen next
GIVE_SHARE = 0.35  # of moves of a thing somebody holds: the others are put down
KINDS = " ".join(dict.fromkeys(thing.kind for thing in THINGS))


def chronicle_at(seed: int, number: int) -> str:
    """The chronicle of that number, with its questions: a function of both alone."""
    rng = Random(f"chronicle {seed} {number}")
    while True:
        if text := _attempt(rng):
            return text


def _attempt(rng: Random) -> str | None:
    things = "XYZ"[: rng.choice(CASTS)]
    teller = Teller(choose_cast(rng.random, "train", dict.fromkeys(things, KINDS)), {}, rng.random)
    told = tell(teller, _beats(things, "ABC"[: rng.choice(CASTS)], rng), Watch("train"))
    if told is None:
        return None
    body = " ".join(text for text, _ in told)
    questions = drill(body, teller.cast, tuple(event for _, events in told for event in events), rng.random)
    return "\n".join([body, *(question.line for question in questions), ""]) if questions else None


def _beats(things: str, persons: str, rng: Random) -> list[Beat]:
    """A chain of events in which every thing is somewhere first, and each may follow from those before it."""
    where: dict[str, str] = {}  # the role of whoever has it, or of the place
    lines = []
    for thing in things:
        if rng.random() < LIE_SHARE:
            where[thing] = rng.choice("PQRSU")
            lines.append(f"lie {thing} {where[thing]}")
        else:
            where[thing] = rng.choice(persons)
            lines.append(f"own {where[thing]} {thing}")
    for _ in range(rng.randint(FEWEST, MOST)):
        lines.append(_next(where, persons, rng))
    return [_beat(line) for line in lines]


def _next(where: dict[str, str], persons: str, rng: Random) -> str:
    """One more line; `where` follows it."""
    match rng.choice(DEEDS):
        case "act":
            return f"act {rng.choice(persons)} {rng.choice(list(ACTS))}"
        case "go":
            return f"go {rng.choice(persons)} {rng.choice('PQR')}"
    thing = rng.choice(list(where))
    at = where[thing]
    if at not in persons:
        where[thing] = rng.choice(persons)
        return f"{rng.choice(('find', 'take'))} {where[thing]} {thing} {at}"
    if rng.random() < GIVE_SHARE:
        where[thing] = rng.choice(persons.replace(at, ""))
        return f"give {at} {thing} {where[thing]}"
    where[thing] = rng.choice([place for place in "PQRSU"])
    return f"put {at} {thing} {where[thing]}"


@cache
def _beat(line: str) -> Beat:
    return read_beat(f"= {line}", BANKS, MACROS)
