"""Byte pair encoding: common neighbours become one token.

Adds to `bytes` and `patterns` the merges: within a word, the pair that was learned first is joined first, until no
pair is left that was learned.

Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units, arXiv:1508.07909; on bytes:
Radford et al. 2019, Language Models are Unsupervised Multitask Learners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Any

from engine.errors import InputError
from engine.tokenizer.base import REPLACEMENT, Tokenizer, well_formed
from engine.tokenizer.bytes import BYTE_ORDER, spell
from engine.tokenizer.document import byte_level, document
from engine.tokenizer.patterns import GPT2, split

Pair = tuple[bytes, bytes]
NOTHING = -1
LONGEST_CACHED, CACHED_WORDS = 32, 1 << 16  # in characters; in words


class BPETokenizer(Tokenizer):
    """tokens       bytes -> id; all 256 single bytes are among them
    merges       pairs of tokens, the one learned first at the front
    pattern      cuts text into words; None: the text is one word
    specials     special token -> id
    whole_words  a word that is a token is taken as it is, whatever the merges say
    """

    def __init__(
        self,
        tokens: Mapping[bytes, int],
        merges: Sequence[Pair],
        pattern: str | None = GPT2,
        *,
        specials: Mapping[str, int] | None = None,
        beginning: tuple[int, ...] = (),
        whole_words: bool = False,
    ) -> None:
        self.tokens, self.merges, self.pattern = dict(tokens), list(merges), pattern
        self.specials, self.beginning, self.whole_words = dict(specials or {}), beginning, whole_words
        self._bytes = {id: data for data, id in self.tokens.items()}
        self._bytes |= {id: text.encode() for text, id in self.specials.items()}
        self.vocabulary_size = max(self._bytes) + 1
        self._byte_ids = [self._id(bytes([byte])) for byte in range(256)]
        self._ranks = {(self._id(a), self._id(b)): rank for rank, (a, b) in enumerate(self.merges)}
        self._joined = [self._id(a + b) for a, b in self.merges]
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls,
        text: str,
        vocabulary_size: int,
        specials: Iterable[str] = (),
        pattern: str | None = GPT2,
        progress: Callable[[int, int], None] | None = None,
    ) -> BPETokenizer:
        """Ids in order: `specials`, the 256 bytes, one token per merge, until `vocabulary_size` or no pair is left.

        `progress(done, all)` is called before each merge; what it raises ends the training.
        """
        from engine.tokenizer.bpe_training import count_words, learn_merges

        names = list(dict.fromkeys(specials))
        if short := [name for name in names if len(name.encode("utf-8", "replace")) < 2]:
            raise InputError(f"special token {short[0]!r}: expected at least 2 bytes, as each single byte is a token")
        merge_count = vocabulary_size - 256 - len(names)
        if merge_count < 0:
            raise InputError(f"vocabulary: expected at least {256 + len(names)} tokens, got {vocabulary_size}")
        words = count_words(well_formed(text), names, pattern)
        merges = learn_merges(words, merge_count, progress)
        tokens = [*(bytes([byte]) for byte in BYTE_ORDER), *(a + b for a, b in merges)]
        ids = {token: id for id, token in enumerate(tokens, len(names))}
        return cls(ids, merges, pattern, specials={name: id for id, name in enumerate(names)})

    def token_bytes(self, id: int) -> bytes:
        return self._bytes.get(id, REPLACEMENT.encode())

    def to_json(self) -> dict[str, Any]:
        return document(
            {spell(data): id for data, id in self.tokens.items()} | self.specials,
            [(spell(a), spell(b)) for a, b in self.merges],
            specials=self.specials,
            beginning=self.beginning,
            whole_words=self.whole_words,
            **byte_level(self.pattern),
        )

    def _id(self, token: bytes) -> int:
        try:
            return self.tokens[token]
        except KeyError:
            raise InputError(f"the vocabulary lacks {spell(token)!r}, which a merge or a byte needs") from None

    def _ordinary(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in split(text, self.pattern):
            ids += self._cache.get(word) or self._word(word)
        return ids

    def _word(self, word: str) -> list[int]:
        data = word.encode("utf-8", "surrogateescape")
        if self.whole_words and data in self.tokens:
            ids = [self.tokens[data]]
        else:
            ids = self._merge([self._byte_ids[byte] for byte in data])
        if len(word) <= LONGEST_CACHED:
            if len(self._cache) >= CACHED_WORDS:
                self._cache.clear()
            self._cache[word] = ids
        return ids

    def _merge(self, ids: list[int]) -> list[int]:
        """Join pairs, the lowest rank first and of equals the leftmost, in O(n log n) time for n ids.

        The ids are a linked list, so that joining moves nothing, and a heap holds the pairs that can be joined. A heap
        entry whose pair is gone is known by its rank. `NOTHING` stands at both ends: at n, and so also at -1.
        """
        ranks, n = self._ranks, len(ids)
        ids = [*ids, NOTHING]
        left, right = list(range(-1, n)), list(range(1, n + 2))
        heap = [(ranks[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in ranks]
        heapify(heap)
        while heap:
            rank, i = heappop(heap)
            j = right[i]
            if ranks.get((ids[i], ids[j])) != rank:
                continue
            ids[i], ids[j] = self._joined[rank], NOTHING
            right[i] = right[j]
            left[right[j]] = i
            for k in (left[i], i):
                if k >= 0 and (next_rank := ranks.get((ids[k], ids[right[k]]))) is not None:
                    heappush(heap, (next_rank, k))
        return [id for id in ids if id != NOTHING]
