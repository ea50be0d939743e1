"""`Decoder`: feeds tokens to a model and returns what it computed: logits, and every layer's attention.

With a cache, a call computes the new tokens only; without, the whole text again. Either way the caller sees the rows of
the new tokens, so that the two can be compared, in result and in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.compile import Compiled, compile_program
from engine.errors import InputError
from engine.kv_cache import KVCache
from engine.prepare import Prepared
from engine.rewrites.cache_kv import CacheSlot, cache_slots

Array = np.ndarray
LONGEST_CHUNK = 512  # tokens of a prompt per call
WATCHED_CHUNK = 128  # where attention is kept: later chunks skip the keys ahead of them, and less is held at once


@dataclass(frozen=True)
class Fed:
    """What one call computed for tokens first .. first+T-1.

    logits    (T, V), or (1, V) if only the last was wanted
    patterns  one (H, T, S) per layer
    keys      one (S,) per layer: the position of each key; negative for an empty slot
    """

    first: int
    logits: Array
    patterns: tuple[Array, ...]
    keys: tuple[Array, ...]


class Decoder:
    """One text in the making. `ids` are the tokens fed so far; `stop` is asked in long calls whether to give up."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.ids: list[int] = []
        self.stop: Callable[[], bool] | None = None
        self._functions: dict[str, Compiled] = {}
        self._slots: tuple[CacheSlot, ...] = ()
        if prepared.settings.kv_cache:
            self._slots = cache_slots(prepared.prompt[0])
        self.cache = self._empty_cache()

    def feed(self, ids: Sequence[int], last_only: bool = False) -> Iterator[Fed]:
        """Add tokens, in chunks; yields after each chunk, so that the caller can show progress or stop."""
        config = self.prepared.config
        if len(self.ids) + len(ids) > config.context:
            raise InputError(
                f"the text would have {len(self.ids) + len(ids)} tokens, but the context ends at {config.context}"
            )
        if not all(0 <= i < config.vocab for i in ids):
            wrong = next(i for i in ids if not 0 <= i < config.vocab)
            raise InputError(f"token {wrong}: expected an id from 0 to {config.vocab - 1}")
        if self.cache is None:
            yield self._whole(ids)
            return
        longest = WATCHED_CHUNK if self.prepared.keep else LONGEST_CHUNK
        chunk = min(longest, self.cache.longest_chunk or longest)
        for start in range(0, len(ids), chunk):
            part = ids[start : start + chunk]
            yield self._cached(part, last_only, self.cache)

    def rewind(self, length: int) -> None:
        """Forget all tokens from `length` on; where a ring has lost what is needed, the text is run again."""
        ids = self.ids[:length]
        if self.cache is not None:
            if not self.cache.can_rewind(length):
                self.cache = self._empty_cache()
                self.ids = []
                for _ in self.feed(ids, last_only=True):
                    pass
                return
            self.cache.rewind(length)
        self.ids = ids

    def fork(self) -> Decoder:
        """A decoder of the same text with a cache of its own; this one stays as it is."""
        other = Decoder(self.prepared)
        other.ids = list(self.ids)
        other.cache = self.cache.copy() if self.cache is not None else None
        other._functions = self._functions
        return other

    @property
    def arena_bytes(self) -> int:
        """Memory of the compiled functions' intermediate results."""
        return sum(function.arena_bytes for function in self._functions.values())

    def _cached(self, part: Sequence[int], last_only: bool, cache: KVCache) -> Fed:
        first = cache.length
        inputs = cache.claim(len(part))
        inputs["tokens"] = np.asarray(part, np.int64)[None]
        kind = "step" if len(part) == 1 else "prompt_last" if last_only else "prompt"
        try:
            values = self._function(kind)(inputs)
        except BaseException:
            cache.rewind(first)
            raise
        self.ids.extend(part)
        keys = {name: track.positions[: track.used(cache.length)].copy() for name, track in cache.tracks.items()}
        per_layer = tuple(keys[slot.key_position_ids] for slot in self._slots[::2])
        return self._fed(first, values, per_layer)

    def _whole(self, ids: Sequence[int]) -> Fed:
        first, whole = len(self.ids), [*self.ids, *ids]
        positions = np.arange(len(whole))
        values = self._function("prompt")({"tokens": np.asarray(whole, np.int64)[None], "position_ids": positions})
        self.ids = whole
        fed = self._fed(first, values, (positions,) * self.prepared.config.layers)
        return Fed(first, fed.logits[first:], tuple(p[:, first:] for p in fed.patterns), fed.keys)

    def _fed(self, first: int, values: dict[str, Array], keys: tuple[Array, ...]) -> Fed:
        patterns = tuple(values[address][0] for address in self.prepared.keep)  # (1, H, T, S) -> (H, T, S)
        return Fed(first, values["logits"][0], patterns, keys)

    def _function(self, kind: str) -> Compiled:
        if kind not in self._functions:
            program, weights = getattr(self.prepared, kind)
            self._functions[kind] = compile_program(program, weights, self.prepared.keep)
        self._functions[kind].stop = self.stop
        return self._functions[kind]

    def _empty_cache(self) -> KVCache | None:
        config = self.prepared.config
        return KVCache(self._slots, config.kv_heads, config.head_size, config.context) if self._slots else None
