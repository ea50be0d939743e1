"""`KVCache`: the keys and values of one text, in the slots that a cached program reads and writes.

A cache without a window grows in steps; one with a window is a ring a little longer than the window, so that a prompt
can be fed in chunks and the last few tokens can be taken back. Rewinding only forgets how much is used. Taking another
token afterwards would overwrite what an older branch still needs, so a branch that is left behind keeps a `copy`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.rewrites.cache_kv import CacheSlot

GROWTH = 256  # tokens
RING_SLACK = 64  # slots beyond the window: the longest chunk of a prompt, and how far a ring can be rewound
EMPTY = -1


@dataclass
class Track:
    """The slots shared by all layers of one window: which position lies where."""

    window: int | None
    slots: int
    positions: np.ndarray  # (slots,) int64, EMPTY where nothing was written

    def used(self, length: int) -> int:
        return min(length, self.slots)

    def holds(self, length: int) -> bool:
        """Whether all keys before `length` that its window reaches are still there."""
        if self.window is None:
            return True
        needed = np.arange(max(0, length - self.window + 1), length)
        return bool((self.positions[needed % self.slots] == needed).all())


class KVCache:
    """Keys and values of `length` tokens for all layers.

    arrays   by the program's input name, (1, G, slots, d) float32; or int8, with (1, G, slots) float32 scales
    tracks   by the name of the positions input
    """

    def __init__(self, slots: Iterable[CacheSlot], kv_heads: int, head_size: int, context: int) -> None:
        self.slots = tuple(slots)
        self.context = context
        self.length = 0
        self.version = 0  # grows when the arrays are other arrays, so that whoever bound them binds again
        self._row = (kv_heads, head_size)
        self.tracks: dict[str, Track] = {}
        self.arrays: dict[str, np.ndarray] = {}
        for slot in self.slots:
            count = min(GROWTH, context) if slot.window is None else slot.window + RING_SLACK
            track = self.tracks.setdefault(slot.key_position_ids, Track(slot.window, count, np.full(count, EMPTY)))
            self.arrays |= self._empty(slot, track.slots)

    @property
    def longest_chunk(self) -> int | None:
        """The most tokens one call may add; None if there is no ring."""
        return RING_SLACK if any(track.window is not None for track in self.tracks.values()) else None

    @property
    def allocated_bytes(self) -> int:
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def used_bytes(self) -> int:
        return sum(self.bytes_of(slot)[1] for slot in self.slots)

    def bytes_of(self, slot: CacheSlot) -> tuple[int, int]:
        """Bytes allocated and used for one slot of the program, scales included."""
        used = self.tracks[slot.key_position_ids].used(self.length)
        arrays = [self.arrays[name] for name in (slot.name, slot.scales) if name is not None]
        return sum(array.nbytes for array in arrays), sum(array[:, :, :used].nbytes for array in arrays)

    def claim(self, count: int) -> dict[str, np.ndarray]:
        """Make room for `count` more tokens; return the program's inputs for them, tokens aside.

        The caller then runs the program, which writes the slots; `length` counts the tokens as there from now on.
        """
        first, last = self.length, self.length + count
        if last > self.context:
            raise InputError(f"the text would have {last} tokens, but the model's context ends at {self.context}")
        self._grow(last)
        position_ids = np.arange(first, last)
        inputs: dict[str, np.ndarray] = {"position_ids": position_ids, **self.arrays}
        for name, track in self.tracks.items():
            track.positions[position_ids % track.slots] = position_ids
            inputs[name] = track.positions[: track.used(last)]
        self.length = last
        return inputs

    def can_rewind(self, length: int) -> bool:
        """Whether every key that a token at `length` may see is still in its slot."""
        return all(track.holds(length) for track in self.tracks.values())

    def rewind(self, length: int) -> None:
        """Forget all tokens from `length` on. Raises InputError where a ring has lost what would be needed."""
        if not self.can_rewind(length):
            raise InputError(f"the ring no longer holds what token {length} would see; the text must be run again")
        for track in self.tracks.values():
            track.positions[track.positions >= length] = EMPTY
        self.length = length

    def copy(self) -> KVCache:
        """A cache with the same content in memory of its own."""
        other = KVCache.__new__(KVCache)
        other.slots, other.context, other.length, other._row = self.slots, self.context, self.length, self._row
        other.version = 0
        other.tracks = {n: Track(t.window, t.slots, t.positions.copy()) for n, t in self.tracks.items()}
        other.arrays = {name: array.copy(order="K") for name, array in self.arrays.items()}
        return other

    def _grow(self, length: int) -> None:
        for name, track in self.tracks.items():
            if track.window is not None or length <= track.slots:
                continue
            more = min(-(-length // GROWTH) * GROWTH, self.context)
            track.positions = np.concatenate([track.positions, np.full(more - track.slots, EMPTY)])
            for slot in self.slots:
                if slot.key_position_ids == name:
                    for array_name, grown in self._empty(slot, more).items():
                        grown[:, :, : track.slots] = self.arrays[array_name]
                        self.arrays[array_name] = grown
            track.slots = more
            self.version += 1

    def _empty(self, slot: CacheSlot, count: int) -> dict[str, np.ndarray]:
        """A slot's arrays. Keys of float32 lie in memory as (G, d, slots): a query then meets each of its channels in
        one run of numbers; those of int8 are widened row by row first."""
        kv_heads, head_size = self._row
        if slot.scales is not None:
            numbers = np.zeros((1, kv_heads, count, head_size), np.int8)
            return {slot.name: numbers, slot.scales: np.zeros((1, kv_heads, count), np.float32)}
        if slot.is_key:
            return {slot.name: np.zeros((1, kv_heads, head_size, count), np.float32).swapaxes(2, 3)}
        return {slot.name: np.zeros((1, kv_heads, count, head_size), np.float32)}
