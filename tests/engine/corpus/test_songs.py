"""Songs repeat themselves, the same seed sings the same, and no word of theirs belongs to a story's world."""

from __future__ import annotations

import re

from engine.corpus.songs import SONG_WORDS, song_at
from engine.corpus.tales import END, write_corpus
from engine.corpus.words import TRACKED


def test_every_song_says_its_lines_again_and_again():
    for number in range(200):
        lines = song_at(3, number).splitlines()
        period = len(set(lines))
        assert 1 <= period <= 3
        assert all(line == lines[i % period] for i, line in enumerate(lines))
        assert sum(len(line.split()) for line in lines) >= SONG_WORDS


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
