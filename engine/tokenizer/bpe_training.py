"""Learn the merges of byte pair encoding: join the most frequent pair, count again, repeat.

Adds to `bpe` where the merges come from. Counting again is incremental: an index says where each pair stands, so a
merge touches only the places that it changes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from heapq import heapify, heappop, heappush

from engine.tokenizer.patterns import split

Pair = tuple[bytes, bytes]
BORDER = b""  # stands between words, and in place of a symbol that was joined to its left neighbour


def count_words(text: str, specials: Sequence[str], pattern: str | None) -> Counter[bytes]:
    """How often each word occurs. Special tokens are cut out, and no word reaches across one."""
    cut = "|".join(re.escape(special) for special in sorted(specials, key=len, reverse=True))
    parts = re.split(cut, text) if cut else [text]
    words = Counter(word for part in parts for word in split(part, pattern))
    return Counter({word.encode("utf-8", "surrogateescape"): count for word, count in words.items()})


def learn_merges(
    words: Mapping[bytes, int], merge_count: int, progress: Callable[[int, int], None] | None = None
) -> list[Pair]:
    """At most `merge_count` pairs in the order learned; fewer if every word became one token.

    The most frequent pair is next; of equals, the lexicographically greater pair of bytes.
    """
    index = _PairIndex(words)
    merges: list[Pair] = []
    while len(merges) < merge_count and (pair := index.most_frequent()):
        if progress:
            progress(len(merges), merge_count)
        index.join(pair)
        merges.append(pair)
    return merges


class _PairIndex:
    """All words in one linked list of symbols, and for each pair of neighbours its count and its places.

    A place weighs as much as its word occurs. `places` may hold places that a pair has left, the heap may hold old
    counts: both are checked when they are used.
    """

    def __init__(self, words: Mapping[bytes, int]) -> None:
        self.symbols, self.weights = [BORDER], [0]
        for word, count in words.items():
            self.symbols += [*(bytes([byte]) for byte in word), BORDER]
            self.weights += [count] * (len(word) + 1)
        self.left = list(range(-1, len(self.symbols) - 1))
        self.right = list(range(1, len(self.symbols) + 1))
        self.counts: Counter[Pair] = Counter()
        self.places: defaultdict[Pair, set[int]] = defaultdict(set)
        for i in range(len(self.symbols) - 1):
            self._add(i)
        self.heap = [_priority(pair, count) for pair, count in self.counts.items()]
        heapify(self.heap)

    def most_frequent(self) -> Pair | None:
        while self.heap:
            negative_count, *_, pair = heappop(self.heap)
            count = self.counts[pair]
            if count == -negative_count > 0:
                return pair
            if count > 0:
                heappush(self.heap, _priority(pair, count))
        return None

    def join(self, pair: Pair) -> None:
        """Make one symbol of `pair` wherever it stands, from left to right."""
        fresh: set[Pair] = set()
        for i in sorted(self.places.pop(pair)):
            j = self.right[i]
            if (self.symbols[i], self.symbols[j]) != pair:
                continue
            self._remove(self.left[i])
            self._remove(j)
            self.symbols[i], self.symbols[j] = pair[0] + pair[1], BORDER
            self.right[i] = self.right[j]
            self.left[self.right[j]] = i
            fresh |= {self._add(self.left[i]), self._add(i)}
        del self.counts[pair]
        for new in fresh:
            heappush(self.heap, _priority(new, self.counts[new]))

    def _pair(self, i: int) -> Pair:
        return self.symbols[i], self.symbols[self.right[i]]

    def _add(self, i: int) -> Pair:
        pair = self._pair(i)
        if BORDER not in pair:
            self.counts[pair] += self.weights[i]
            self.places[pair].add(i)
        return pair

    def _remove(self, i: int) -> None:
        pair = self._pair(i)
        if BORDER not in pair:
            self.counts[pair] -= self.weights[i]


def _priority(pair: Pair, count: int) -> tuple[int, tuple[int, ...], tuple[int, ...], Pair]:
    """What the heap sorts by, the smallest first: the greatest count, then the greatest pair."""
    return -count, _descending(pair[0]), _descending(pair[1]), pair


@cache
def _descending(token: bytes) -> tuple[int, ...]:
    """A key that sorts tokens from the greatest to the least; the 1 puts a token behind those that it begins."""
    return (*(-byte for byte in token), 1)
