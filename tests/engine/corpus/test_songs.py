"""Songs repeat themselves, the same seed sings the same, and no word of theirs belongs to a story's world."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from engine.corpus.banks import COUNTING
from engine.corpus.songs import SHEET_WORDS, song_at
from engine.corpus.tales import END, write_corpus
from engine.corpus.words import TRACKED


@pytest.mark.parametrize("words", [12, SHEET_WORDS])
def test_every_verse_comes_back_at_once(words):
    for number in range(200):
        lines = song_at(3, number, words).splitlines()
        counts = [len(list(same)) for _, same in groupby(lines)]
        assert min(counts) >= 2 and all(line.strip() for line in lines)
        longest = max(len(line.split()) for line in lines)
        assert words <= sum(len(line.split()) for line in lines) < words + 4 * longest
        assert min(len(line.split()) for line in lines) >= 3 and longest <= min(24, words // 2)


def test_verses_are_of_words_or_of_made_up_ones():
    verses = {line.lower().strip(".,!") for number in range(300) for line in song_at(4, number).splitlines()}
    of_words = sum(all(word in COUNTING for word in verse.split()) for verse in verses)
    assert 0.4 < of_words / len(verses) < 0.6


def test_a_song_gives_nothing_of_a_held_out_story_away():
    words = {word for number in range(500) for word in re.findall("[a-z]+", song_at(1, number).lower())}
    assert not words & TRACKED


def test_songs_come_after_the_stories(tmp_path):
    plain, sung = tmp_path / "plain.txt", tmp_path / "sung.txt"
    write_corpus(plain, 3, 5)
    size = write_corpus(sung, 3, 5, songs=2)
    songs = "".join(f"{song_at(5, number)}{END}\n" for number in range(2))
    assert sung.read_text() == plain.read_text() + songs
    assert size == len(sung.read_bytes())
