"""Songs repeat themselves, the same seed sings the same, and no word of theirs belongs to a story's world."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from engine.corpus.banks import COUNTING
from engine.corpus.songs import SHEET_WORDS, song_at
from engine.corpus.tales import END, write_corpus
from engine.corpus.words import PERSONS, PLACES, THINGS, TRACKED


def times_said(line):
    """How often a line says the same verse, joined by a space or by "and"."""
    words = line.split()
    for joint in ([], ["and"]):
        for length in range(3, len(words) // 2 + 1):
            verse = words[:length]
            times = (len(words) + len(joint)) // (length + len(joint))
            if words == (verse + joint) * (times - 1) + verse:
                return times
    return 1


@pytest.mark.parametrize("words", [12, SHEET_WORDS])
def test_every_verse_comes_back_at_once(words):
    for number in range(200):
        lines = song_at(3, number, words).splitlines()
        said = [len(list(same)) * times_said(line) for line, same in groupby(lines)]
        assert min(said) >= 2
        assert words <= sum(len(line.split()) for line in lines) < words + 4 * 25
        if words < SHEET_WORDS:
            assert all(times_said(line) == 1 for line in lines)  # short songs keep to lines


def test_verses_are_of_words_or_of_made_up_ones():
    verses = {line.lower().strip(".,!") for number in range(300) for line in song_at(4, number, 14).splitlines()}
    of_words = sum(all(word in COUNTING for word in verse.split()) for verse in verses)
    assert 0.4 < of_words / len(verses) < 0.6


def test_a_sheet_gives_no_name_thing_and_place_together():
    kinds = [{p.name.lower() for p in PERSONS}, {t.noun for t in THINGS}, {p.noun for p in PLACES}]
    met = [0, 0, 0]
    for number in range(500):
        words = set(re.findall("[a-z]+", song_at(1, number).lower()))
        on_it = [bool(words & kind) for kind in kinds]
        assert sum(on_it) <= 1
        met = [count + here for count, here in zip(met, on_it, strict=True)]
        assert not set(re.findall("[a-z]+", song_at(1, number, 14).lower())) & TRACKED
    assert min(met) > 50


def test_songs_come_after_the_stories(tmp_path):
    plain, sung = tmp_path / "plain.txt", tmp_path / "sung.txt"
    write_corpus(plain, 3, 5)
    size = write_corpus(sung, 3, 5, songs=2)
    songs = "".join(f"{song_at(5, number)}{END}\n" for number in range(2))
    assert sung.read_text() == plain.read_text() + songs
    assert size == len(sung.read_bytes())
