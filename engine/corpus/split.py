"""Which stories may be trained on, decided by what they say: no list of stories is kept, so every seed is safe.

Every name, thing and place belongs to one of nine groups. Two rules, both functions of the words alone:

- Pairs. All names, things and places of a held-out story share one group. In a training story every name and every
  thing has a group of its own, and no place shares it. So whatever two of them (but for two places) a held-out story
  mentions together, no training story does: no pair is shared, hence no triple (name, thing, place).
- Marks. A window of 12 words without such a pair is held out if it holds a marked run: 5 words, at least one of them a
  name, a thing or a place, whose hash falls below a threshold. A training story holds no such window, and in a held-out
  story every window without a pair is one. So no window of 12 words is in both.

Words are runs of the letters a to z, without case: the finest way to count them, so any coarser one is covered too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from engine.corpus.words import GROUP_OF, PLACES, TRACKED

Split = Literal["train", "held_out"]
WINDOW, RUN = 12, 5
MARKED = int(0.08 * 2**32)
_SCATTER = 2654435761  # Knuth's multiplier: neighbouring checksums fall far apart
_PLACES = frozenset(place.noun for place in PLACES)

words_of = re.compile(r"[a-z]+").findall


def is_held_out(name: str, thing: str, place: str) -> bool:
    """Whether stories with this triple are never trained on."""
    return GROUP_OF[name] == GROUP_OF[thing] == GROUP_OF[place]


def is_marked(run: Sequence[str]) -> bool:
    """Whether this run of five words, in a window without a pair, is kept from training."""
    return not TRACKED.isdisjoint(run) and (crc32(" ".join(run).encode()) * _SCATTER & 0xFFFFFFFF) < MARKED


def holds_pair(window: Sequence[str]) -> bool:
    """Whether two different names, things or places are in it, not both places."""
    found = TRACKED.intersection(window)
    return len(found) > 1 and not found <= _PLACES


@dataclass(frozen=True)
class Watch:
    """What the rule of marks has to remember between sentences: the last words."""

    split: Split
    tail: tuple[str, ...] = ()

    def after(self, text: str) -> Watch | None:
        """The watch after `text` too, or None if `text` breaks the rule here."""
        words = (*self.tail, *words_of(text.lower()))
        for start in range(len(words) - WINDOW + 1):
            window = words[start : start + WINDOW]
            if not holds_pair(window) and has_mark(window) == (self.split == "train"):
                return None
        return Watch(self.split, words[-(WINDOW - 1) :])


def has_mark(window: Sequence[str]) -> bool:
    """Whether one of its runs of five words is marked."""
    return any(is_marked(window[start : start + RUN]) for start in range(len(window) - RUN + 1))
