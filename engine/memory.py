"""Where the bytes are: weights, cache and activations, per layer, measured from the arrays that exist.

Liveness is counted per storage, not per name: a view extends the life of its root, and each root counts once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import numpy as np

from engine.listing import block_of, subject_of
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.program import Program, Shape

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class LayerMemory:
    """Bytes of one place (a block, or what lies before and after the blocks), or of one part of it.

    weights_bytes           what the program references; shared matrices count where they are first read
    cache_allocated_bytes   slots that exist          cache_used_bytes   slots that hold a token
    activation_needed_bytes the most that a run without stepping holds at any line of this place
    activation_held_bytes   what exists now, kept for stepping back
    activation_now_bytes    what of this place a run without stepping would still hold at the stepped line
    part                    "attention", "mlp", "norms", "embed" or "unembed"; empty for a whole place
    """

    name: str
    weights_bytes: int
    cache_allocated_bytes: int
    cache_used_bytes: int
    activation_needed_bytes: int
    activation_held_bytes: int
    activation_now_bytes: int = 0
    part: str = ""

    def plus(self, other: LayerMemory, part: str = "") -> LayerMemory:
        """Both together: bytes that exist side by side add up, of two peaks the higher one counts."""
        return LayerMemory(
            self.name,
            self.weights_bytes + other.weights_bytes,
            self.cache_allocated_bytes + other.cache_allocated_bytes,
            self.cache_used_bytes + other.cache_used_bytes,
            max(self.activation_needed_bytes, other.activation_needed_bytes),
            self.activation_held_bytes + other.activation_held_bytes,
            self.activation_now_bytes + other.activation_now_bytes,
            part,
        )


@dataclass(frozen=True)
class Slots:
    """The cache slots of layers that are filled alike.

    window, positions  of a ring: how far a query looks back, and which position lies in each slot (-1: none yet);
                       without a window slot p holds position p, and `positions` is empty
    count, used        how many slots there are, and how many hold a token
    write              the slot of the next token; None where the cache must grow first
    slot_bytes         keys and values of one token in one layer, scales included
    """

    layers: tuple[int, ...]
    window: int | None
    count: int
    used: int
    positions: tuple[int, ...]
    write: int | None
    slot_bytes: int


@dataclass(frozen=True)
class MemoryReport:
    """All places in order, and how the weights lie: bytes mapped from the file and bytes in memory of our own.

    peak_needed_bytes   the most that generation's own next pass holds at once
    parts               the places cut into components; their sums are `layers`
    expected            the same parts as the formula predicts them, from configuration and settings alone
    plain               one row: the model in float32 with its own cache, nothing rewritten, over the same text
    base_mapped_bytes   pages of the model's file that are mapped, whether the program reads them or not
    base_kept_bytes     base weights turned into float32 in memory of our own that this program does not read
    what, line          the pass that the activations are of, and the line done last in it ("" before the first)
    now_bytes           what a run without stepping would hold there; `pass_peak_bytes` the most at any line of it
    along               the same at every line of that pass, in order
    """

    layers: tuple[LayerMemory, ...]
    mapped_bytes: int
    owned_bytes: int
    peak_needed_bytes: int
    parts: tuple[LayerMemory, ...] = ()
    expected: tuple[LayerMemory, ...] = ()
    plain: LayerMemory | None = None
    base_mapped_bytes: int = 0
    base_kept_bytes: int = 0
    what: str = ""
    line: str = ""
    now_bytes: int = 0
    pass_peak_bytes: int = 0
    along: tuple[int, ...] = ()
    slots: tuple[Slots, ...] = ()

    def total(self, part: str) -> int:
        """The sum of one column over all places, for example `total("weights_bytes")`."""
        return sum(getattr(layer, part) for layer in self.layers)


def summed(name: str, rows: Iterable[LayerMemory]) -> LayerMemory:
    """Several rows as one of this name."""
    return reduce(LayerMemory.plus, rows, LayerMemory(name, 0, 0, 0, 0, 0))


def by_place(parts: Iterable[LayerMemory]) -> tuple[LayerMemory, ...]:
    """Parts put together again into their places, in order."""
    parts = tuple(parts)
    return tuple(summed(name, (p for p in parts if p.name == name)) for name in dict.fromkeys(p.name for p in parts))


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
    return [sum(storages.values()) for storages in live_storages(program, shapes)]


def live_storages(program: Program, shapes: Mapping[str, Shape]) -> Iterator[dict[str, int]]:
    """For each line, what a run without stepping holds while it is done: the bytes of each storage, by its name."""
    roots, last = root_of(program), last_uses(program)
    outer = {*program.inputs, *program.params}
    live: dict[str, int] = {}
    for i, line in enumerate(program.lines):
        dying = {roots[n] for n in (*line.ins, line.out) if last[roots[n]] == i and roots[n] not in outer}
        reused = line.op.overwrites
        takes = reused is not None and roots[line.ins[reused]] in dying and shapes[line.ins[reused]] == shapes[line.out]
        own = {line.out: FLOAT_BYTES * elements(shapes[line.out])} if roots[line.out] == line.out else {}
        yield live if takes else live | own
        live = {name: size for name, size in (live | own).items() if name not in dying}


def place_of(address: str) -> str:
    """The row of the memory panel an address belongs to; a gradient or an update to that of what it is about."""
    address = subject_of(address)
    first = re.split(r"[.@]", address)[0]
    return block_of(address) or ("unembed" if first in ("logits", "final", "unembed", "loss") else "embed")


def part_of(address: str) -> str:
    """The component an address belongs to: "attention", "mlp" or "norms" of a block, "embed", "unembed".

    The sums of the residual stream belong to what they add.
    """
    address = subject_of(address)
    place, block = place_of(address), block_of(address)
    if not block:
        return "norms" if address.startswith("final.") else place
    words = address.removeprefix(block + ".").split(".")
    if words[-1].startswith("norm") or (len(words) > 1 and words[1].startswith("norm")):
        return "norms"
    return "mlp" if words[0] == "mlp" or words[0].startswith("resid_post") else "attention"


def held_bytes(values: Mapping[str, np.ndarray], of: Callable[[str], K]) -> dict[K, int]:
    """Bytes of the arrays that exist, summed by what `of` says of an address; each storage once."""
    seen: set[int] = set()
    held: dict[K, int] = {}
    for address, array in values.items():
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        if id(root) not in seen:
            seen.add(id(root))
            held[of(address)] = held.get(of(address), 0) + root.nbytes
    return held
