"""Where the bytes are: weights, cache and activations, per layer, measured from the arrays that exist.

Liveness is counted per storage, not per name: a view extends the life of its root, and each root counts once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.listing import block_of
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.program import Program, Shape


@dataclass(frozen=True)
class LayerMemory:
    """Bytes of one place: a block, or what lies before and after the blocks.

    weights_bytes           what the program references; shared matrices count where they are first read
    cache_allocated_bytes   slots that exist          cache_used_bytes   slots that hold a token
    activation_needed_bytes the most that a run without stepping holds at any line of this place
    activation_held_bytes   what exists now, kept for stepping back
    """

    name: str
    weights_bytes: int
    cache_allocated_bytes: int
    cache_used_bytes: int
    activation_needed_bytes: int
    activation_held_bytes: int


@dataclass(frozen=True)
class MemoryReport:
    """All places in order, and how the weights lie: bytes mapped from the file and bytes in memory of our own."""

    layers: tuple[LayerMemory, ...]
    mapped_bytes: int
    owned_bytes: int
    peak_needed_bytes: int

    def total(self, part: str) -> int:
        """The sum of one column over all places, for example `total("weights_bytes")`."""
        return sum(getattr(layer, part) for layer in self.layers)


def root_of(program: Program) -> dict[str, str]:
    """For each value, the name whose memory it lies in: itself, or for a view what it was taken from."""
    roots = {name: name for name in (*program.inputs, *program.params)}
    for line in program.lines:
        roots[line.out] = roots[line.ins[0]] if line.op.is_view else line.out
    return roots


def last_uses(program: Program, keep: frozenset[str] = frozenset()) -> dict[str, int]:
    """For each storage, the index of the last line that reads it through any name; outputs live to the end."""
    roots = root_of(program)
    last = {roots[line.out]: i for i, line in enumerate(program.lines)}
    for i, line in enumerate(program.lines):
        for name in (*line.ins, line.out):
            last[roots[name]] = i
    for name in (*program.outputs, *keep):
        last[roots[name]] = len(program)
    return last


def needed_bytes(program: Program, shapes: Mapping[str, Shape]) -> list[int]:
    """For each line, the activation bytes that a run without stepping holds while it is done, by storage.

    An operation that may overwrite a dead input takes that input's memory.
    """
    roots, last = root_of(program), last_uses(program)
    outer = {*program.inputs, *program.params}
    size = {line.out: FLOAT_BYTES * elements(shapes[line.out]) for line in program.lines}
    needed, live = [], 0
    for i, line in enumerate(program.lines):
        dying = {roots[n] for n in (*line.ins, line.out) if last[roots[n]] == i and roots[n] not in outer}
        reused = line.op.overwrites
        takes = reused is not None and roots[line.ins[reused]] in dying and shapes[line.ins[reused]] == shapes[line.out]
        if roots[line.out] == line.out:
            live += size[line.out]
        needed.append(live - (size[line.out] if takes else 0))
        live -= sum(size[name] for name in dying)
    return needed


def place_of(address: str) -> str:
    """The row of the memory panel an address belongs to."""
    first = re.split(r"[.@]", address)[0]
    return block_of(address) or ("unembed" if first in ("logits", "final", "unembed") else "embed")


def held_bytes(values: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Bytes of the arrays that exist, per place, each storage once."""
    seen: set[int] = set()
    held: dict[str, int] = {}
    for address, array in values.items():
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        if id(root) not in seen:
            seen.add(id(root))
            held[place_of(address)] = held.get(place_of(address), 0) + root.nbytes
    return held
