"""The memory report: what the arrays of a decoder and of a stepped pass take, measured, and the formula beside it.

Everything is told by nature: a weight is whatever array the program reads, a cache whatever array the cache holds. So
int8 matrices, their scales and low-rank factors are counted without being known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from engine.cost import infer_shapes
from engine.decoder import Decoder
from engine.kv_cache import KVCache, Track
from engine.memory import (
    LayerMemory,
    MemoryReport,
    Slots,
    by_place,
    held_bytes,
    live_storages,
    needed_bytes,
    part_of,
    place_of,
)
from engine.memory_formula import expected_parts, plain_memory
from engine.models.config import ModelConfig
from engine.prepare import Prepared
from engine.program import Program, Shape, Weights
from engine.stepper import Stepper

Part = tuple[str, str]  # place and component


def key_of(address: str) -> Part:
    """The row of the report that an address belongs to."""
    return place_of(address), part_of(address)


def rows_of(config: ModelConfig) -> tuple[Part, ...]:
    """Every row, in order."""
    blocks = ((f"blocks.{i}", part) for i in range(config.layers) for part in ("norms", "attention", "mlp"))
    return (("embed", "embed"), *blocks, ("unembed", "norms"), ("unembed", "unembed"))


class Stored(NamedTuple):
    """Bytes of the weights a program reads by row, how they lie, and of the base what else is there."""

    parts: dict[Part, int]
    mapped: int
    owned: int
    base_mapped: int
    base_kept: int


class Walked(NamedTuple):
    """What a run without stepping would hold at each line of a pass, by storage, and all storages together."""

    lines: tuple[dict[str, int], ...]
    needed: tuple[int, ...]
    peaks: dict[Part, int]


class MemoryMeter:
    """Measures what decodes a text, remembering what has not changed since the last report."""

    def __init__(self) -> None:
        self._key: object = None
        self._report: MemoryReport | None = None
        self._stored: tuple[Prepared, Stored] | None = None
        self._walked: tuple[Stepper, Walked] | None = None

    def report(self, decoder: Decoder, stepper: Stepper | None, tokens: int) -> MemoryReport:
        """The report for a text of so many tokens. Without a stepped pass the activations are of the next token's."""
        cache = decoder.cache
        sizes = (cache.allocated_bytes, cache.length, cache.version, id(cache)) if cache else ()
        key = (decoder.prepared, tokens, id(stepper), stepper and stepper.run.cursor, sizes)
        if key != self._key or self._report is None:
            self._key, self._report = key, self._measure(decoder, stepper, tokens)
        return self._report

    def _measure(self, decoder: Decoder, stepper: Stepper | None, tokens: int) -> MemoryReport:
        prepared, cache = decoder.prepared, decoder.cache
        config, settings = prepared.config, prepared.settings
        stored = self._weights(prepared)
        program, weights = generating(prepared)
        shapes = shapes_of(program, weights, cache, tokens)
        walked = self._pass(stepper) if stepper else walk(program, shapes)
        cursor = stepper.run.cursor if stepper else 0
        now = walked.lines[cursor - 1] if cursor else {}
        allocated, used = cache_bytes(cache)
        columns = {"weights": stored.parts, "allocated": allocated, "used": used, "needed": walked.peaks}
        columns |= {"held": held_bytes(stepper.run.values, key_of) if stepper else {}, "now": _by_row(now)}
        parts = tuple(_row(row, columns) for row in rows_of(config))
        kind = stepper.kind if stepper else "generating"
        return MemoryReport(
            layers=by_place(parts),
            mapped_bytes=stored.mapped,
            owned_bytes=stored.owned,
            peak_needed_bytes=max(needed_bytes(program, shapes), default=0),
            parts=parts,
            expected=() if kind == "training" else expected_parts(config, settings, tokens, kind == "plain"),
            plain=plain_memory(config, tokens),
            base_mapped_bytes=stored.base_mapped,
            base_kept_bytes=stored.base_kept,
            what=stepper.what if stepper else "the next token",
            line=stepper.run.program.lines[cursor - 1].out if stepper and cursor else "",
            now_bytes=sum(now.values()),
            pass_peak_bytes=max(walked.needed, default=0),
            along=walked.needed,
            slots=slots_of(cache),
        )

    def _weights(self, prepared: Prepared) -> Stored:
        if self._stored is None or self._stored[0] is not prepared:
            self._stored = prepared, stored_weights(*generating(prepared), prepared.config, prepared.base)
        return self._stored[1]

    def _pass(self, stepper: Stepper) -> Walked:
        if self._walked is None or self._walked[0] is not stepper:
            self._walked = stepper, walk(stepper.run.program, stepper.shapes)
        return self._walked[1]


def generating(prepared: Prepared) -> tuple[Program, Weights]:
    """What makes the next token: with a cache the program of one step, without one the whole text again."""
    return prepared.step if prepared.settings.kv_cache else prepared.prompt


def stored_weights(program: Program, weights: Weights, config: ModelConfig, base: Weights) -> Stored:
    """The bytes of every weight that a program reads, each memory once, at the row of its first reader."""
    owner = {name: key_of(line.out) for line in reversed(program.lines) for name in line.ins if name in program.params}
    parts: dict[Part, int] = {}
    seen: set[int] = set()
    mapped = owned = 0
    for name, row in owner.items():
        array = weights[name]
        if (start := address_of(array)) in seen:
            continue
        seen.add(start)
        parts[row] = parts.get(row, 0) + array.nbytes
        mapped, owned = (mapped + array.nbytes, owned) if is_mapped(array) else (mapped, owned + array.nbytes)
    others = {address_of(array): array for array in map(base.__getitem__, config.parameters())}
    base_mapped = sum(array.nbytes for array in others.values() if is_mapped(array))
    kept = sum(array.nbytes for start, array in others.items() if not is_mapped(array) and start not in seen)
    return Stored(parts, mapped, owned, base_mapped, kept)


def address_of(array: np.ndarray) -> int:
    """Where an array's first number lies: two names of one memory have the same."""
    return int(array.__array_interface__["data"][0])


def is_mapped(array: np.ndarray) -> bool:
    """Whether the array lies in a memory-mapped file."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def walk(program: Program, shapes: Mapping[str, Shape]) -> Walked:
    """Liveness of a pass, line by line, and the highest of each row."""
    lines, peaks = tuple(live_storages(program, shapes)), dict[Part, int]()
    for line, storages in zip(program.lines, lines, strict=True):
        row = key_of(line.out)
        peaks[row] = max(peaks.get(row, 0), sum(storages.values()))
    return Walked(lines, tuple(sum(storages.values()) for storages in lines), peaks)


def shapes_of(program: Program, weights: Weights, cache: KVCache | None, tokens: int) -> dict[str, Shape]:
    """Shapes of what generation runs for a token that ends a text of so many."""
    known = {name: np.shape(weights[name]) for name in program.params}
    rows = 1 if cache is not None else max(tokens, 1)
    known |= {"tokens": (1, rows), "position_ids": (rows,)}
    if cache is not None:
        known |= {name: array.shape for name, array in cache.arrays.items()}
        known |= {name: (max(1, track.used(cache.length)),) for name, track in cache.tracks.items()}
    return infer_shapes(program, known)


def cache_bytes(cache: KVCache | None) -> tuple[dict[Part, int], dict[Part, int]]:
    """Bytes of the cache's arrays by row: of all slots, and of those that hold a token."""
    allocated: dict[Part, int] = {}
    used: dict[Part, int] = {}
    for name, array, track, length in _cache_arrays(cache):
        row = key_of(name)
        allocated[row] = allocated.get(row, 0) + array.nbytes
        used[row] = used.get(row, 0) + array.nbytes * track.used(length) // track.slots
    return allocated, used


def slots_of(cache: KVCache | None) -> tuple[Slots, ...]:
    """How the slots are filled, once for all layers that share a plan."""
    found = []
    for track in cache.tracks.values() if cache else ():
        assert cache is not None
        names = {n: a for n, a, t, _ in _cache_arrays(cache) if t is track}
        layers = tuple(dict.fromkeys(int(place_of(name).split(".")[1]) for name in names))
        each = sum(array.nbytes for array in names.values()) // (len(layers) * track.slots)
        is_ring = track.window is not None
        write = cache.length % track.slots if is_ring or cache.length < track.slots else None
        positions = tuple(track.positions.tolist()) if is_ring else ()
        found.append(Slots(layers, track.window, track.slots, track.used(cache.length), positions, write, each))
    return tuple(found)


def _cache_arrays(cache: KVCache | None) -> Iterable[tuple[str, np.ndarray, Track, int]]:
    """Every array of a cache with the track of its layer."""
    if cache is None:
        return
    tracks = {place_of(slot.name): cache.tracks[slot.key_position_ids] for slot in cache.slots}
    for name, array in cache.arrays.items():
        yield name, array, tracks[place_of(name)], cache.length


def _by_row(storages: Mapping[str, int]) -> dict[Part, int]:
    rows: dict[Part, int] = {}
    for name, size in storages.items():
        rows[key_of(name)] = rows.get(key_of(name), 0) + size
    return rows


def _row(row: Part, columns: Mapping[str, Mapping[Part, int]]) -> LayerMemory:
    weights, allocated, used, needed, held, now = (
        columns[name].get(row, 0) for name in ("weights", "allocated", "used", "needed", "held", "now")
    )
    return LayerMemory(row[0], weights, allocated, used, needed, held, now, row[1])
