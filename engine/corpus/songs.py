"""Songs: verses of words in any order, said again and again. Nothing but their first telling foretells them.

A model that reads them learns to repeat what it saw, which it needs for who has what in the stories. That is soonest
learned where little else stands between a word and its return, so short songs are for the beginning and long sheets
for later. Half of the songs are of made-up words, so that whatever a tokenizer cuts a word into comes back somewhere.
On long sheets there are songs of names, of things or of places too: what a model never handed on it does not hand on
in a story. No two of these are on one sheet: songs give no (name, thing, place) of a held-out story away.

Olsson et al. 2022, In-context Learning and Induction Heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from engine.corpus.banks import COUNTING
from engine.corpus.words import PERSONS, PLACES, THINGS, TRACKED

SHORTEST_VERSE, LONGEST_VERSE = 3, 24  # words; short ones are more frequent
SHEET_WORDS = 110  # from here on a sheet of songs ends
TIMES = (2, 4)  # how often a verse is said, at least and at most
MADE_UP_SHARE, TRACKED_SHARE = 0.5, 0.7  # of the songs, and of the others where there is something tracked
KINDS = tuple(tuple(words) for words in (
    (person.name for person in PERSONS), (thing.noun for thing in THINGS), (place.noun for place in PLACES)
))  # fmt: skip
ENDS = (".", ",", "!", "")
JOINTS = ("\n", "\n", " ", " and ")  # between a verse and its return, on sheets long enough to mix them
MIXED = 2 * LONGEST_VERSE  # words of such a sheet
FIRSTS, VOWELS, LASTS = "bdfghjklmnprstvwz", "aeiou", ("", "", "l", "m", "n", "r", "s", "t")

T = TypeVar("T")
Draw = Callable[[], float]  # a number from 0 to 1, 1 left out


def song_at(seed: int, number: int, words: int = SHEET_WORDS) -> str:
    """The sheet of songs of that number: song after song until there are so many words."""
    draw = Random(f"songs {seed} {number} {words}").random
    longest = max(SHORTEST_VERSE, min(LONGEST_VERSE, words // TIMES[0]))
    is_mixed = words >= MIXED
    tracked = _one_of(KINDS, draw) if is_mixed else ()
    songs: list[str] = []
    sung = 0
    while sung < words:
        length = int(SHORTEST_VERSE * ((longest + 1) / SHORTEST_VERSE) ** draw())
        times = TIMES[0] + int(draw() * (TIMES[1] - TIMES[0] + 1))
        joint = _one_of(JOINTS, draw) if is_mixed else JOINTS[0]
        songs.append(joint.join([_verse(length, draw, tracked)] * times))
        sung += length * times
    return "\n".join(songs) + "\n"


def _verse(length: int, draw: Draw, tracked: Sequence[str]) -> str:
    """A verse of made-up words, of words for counting, or, where there are any, of the sheet's `tracked` ones."""
    is_made_up = draw() < MADE_UP_SHARE
    bank = tracked if tracked and draw() < TRACKED_SHARE else COUNTING
    words = [_made_up(draw) if is_made_up else _one_of(bank, draw) for _ in range(length)]
    return words[0].capitalize() + " ".join(["", *words[1:]]) + _one_of(ENDS, draw)


def _made_up(draw: Draw) -> str:
    """A word of one or two syllables, no name, thing or place by chance."""
    word = "".join(
        _one_of(FIRSTS, draw) + _one_of(VOWELS, draw) + _one_of(LASTS, draw) for _ in range(_one_of((1, 2), draw))
    )
    return _made_up(draw) if word in TRACKED else word


def _one_of(all_of: Sequence[T], draw: Draw) -> T:
    return all_of[int(draw() * len(all_of))]
