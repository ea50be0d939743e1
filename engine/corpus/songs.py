"""Songs: verses of words in any order, said again and again. Nothing but their first telling foretells them.

A model that reads them learns to repeat what it saw, which it needs for who has what in the stories. The words are none
of the names, things and places of the stories, so songs give nothing of a held-out story away.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from engine.corpus.banks import COUNTING

VERSE_WORDS = (4, 24)  # the shortest and the longest verse
SONG_WORDS = 110  # from here on a song ends
ENDS = (".", ",", "!", "")


def song_at(seed: int, number: int) -> str:
    """The song of that number: one to three verses, in an order that comes back."""
    random = Random(f"songs {seed} {number}").random
    shortest, longest = VERSE_WORDS
    verses = [_verse(shortest + int(random() * (longest - shortest + 1)), random) for _ in range(1 + int(random() * 3))]
    end = ENDS[int(random() * len(ENDS))]
    lines: list[str] = []
    words = 0
    while words < SONG_WORDS:
        verse = verses[len(lines) % len(verses)]
        lines.append(verse + end)
        words += len(verse.split())
    return "\n".join(lines) + "\n"


def _verse(length: int, random: Callable[[], float]) -> str:
    words = [COUNTING[int(random() * len(COUNTING))] for _ in range(length)]
    return " ".join(words).capitalize()
