"""Rounds: a few lines about two or three names, or things, or places, which come again in no order that could be known.

A song teaches to go on as before. In a story a name comes back somewhere else: all that is known is that it will be one
of those that are there. Rounds teach that alone, thickly: more than every fourth word is one of the two or three, and
most words between are any. Like a sheet of songs, a round has names or things or places, never two of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from engine.corpus.banks import COUNTING
from engine.corpus.songs import KINDS

WORDS = 24  # of a round, about
KIND_OF_ROUND = "NNTP"  # names are what stories repeat most
CASTS = (2, 2, 3)
BANKS = dict(zip("NTP", KINDS, strict=True))
LINES = {  # N, T, P: one of the round's own; w: any word; W: any, with a capital
    "N": (
        '"W w," said N.', "N and N w w.", "w w N.", '"W, N," said N.', "N w the w.", '"W w N," w N.',
        "N was w, and N was w.", "The w w N.", 'N said, "W."', "N had a w w.",
    ),
    "T": (
        "The T w w.", "w w a T and a T.", "w w the T w.", "A T w the w.", "The T and the T w.", "Here is the T.",
        "w the T w w.",
    ),
    "P": (
        "w w in the P.", "W by the P and in the P.", "w went to the P.", "The P w w.", "w is at the P.",
        "From the P to the P w w.", "w w behind the P.",
    ),
}  # fmt: skip


def rounds(seed: int, count: int) -> Iterator[str]:
    """The first `count` rounds of a seed."""
    random = Random(seed)
    return islice(iter(lambda: _round(random), None), count)


def _round(random: Random) -> str:
    kind = random.choice(KIND_OF_ROUND)
    size = random.choice(CASTS)
    cast = random.sample(BANKS[kind], size)
    words: list[str] = []
    while len(words) < WORDS:
        line = random.choice(LINES[kind]).split(" ")
        words += [_filled(word, kind, cast, i == 0, random) for i, word in enumerate(line)]
    return " ".join(words) + "\n"


def _filled(word: str, kind: str, cast: list[str], is_first: bool, random: Random) -> str:
    """A word of a line with its letter replaced, its punctuation kept."""
    letter = word.strip('",.')
    if letter == kind:
        return word.replace(letter, random.choice(cast))
    if letter in ("w", "W"):
        chosen = random.choice(COUNTING)
        return word.replace(letter, chosen.capitalize() if is_first or letter == "W" else chosen)
    return word
