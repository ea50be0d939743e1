"""A round repeats two or three of its own words among any others, and gives nothing of a held-out story away."""

from __future__ import annotations

import re
from itertools import islice

from engine.corpus.banks import COUNTING
from engine.corpus.rounds import WORDS, rounds
from engine.corpus.tales import END, write_corpus
from engine.corpus.words import PERSONS, PLACES, THINGS

KINDS = [{person.name for person in PERSONS}, {thing.noun for thing in THINGS}, {place.noun for place in PLACES}]


def test_a_round_is_of_two_or_three_of_one_kind():
    told = [0, 0, 0]
    for text in rounds(7, 400):
        words = re.findall("[A-Za-z]+", text)
        found = [[word for word in words if word in kind] for kind in KINDS]
        assert sum(map(bool, found)) == 1
        of_it = next(filter(None, found))
        assert len(set(of_it)) <= 3 and len(of_it) >= 4
        assert WORDS <= len(words) < WORDS + 10
        told = [count + bool(here) for count, here in zip(told, found, strict=True)]
    assert told[0] > told[1] > 50 and told[2] > 50


def test_nothing_but_the_cast_foretells_a_word():
    """The words between are any: of many rounds, no such word is a tenth of them."""
    words = [word.lower() for text in rounds(3, 500) for word in re.findall("[A-Za-z]+", text)]
    any_words = [word for word in words if word in COUNTING]
    assert len(set(any_words)) > 0.9 * len(COUNTING)
    assert max(map(any_words.count, set(any_words))) < len(any_words) / 10


def test_rounds_come_last_and_the_same_seed_tells_the_same(tmp_path):
    path = tmp_path / "rounds.txt"
    write_corpus(path, 0, 5, rounds=3)
    assert path.read_text() == "".join(f"{text}{END}\n" for text in rounds(5, 3))
    assert list(rounds(5, 3)) == list(islice(rounds(5, 100), 3)) != list(rounds(6, 3))
