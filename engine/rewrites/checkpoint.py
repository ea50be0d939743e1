"""`checkpoint`: recompute the inside of some blocks in the backward pass instead of keeping it.

Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from engine.listing import block_of
from engine.program import Line, Program, Weights
from engine.rewrites.differentiate import PREFIX

AGAIN = "again."


def checkpoint(program: Program, weights: Weights, blocks: Collection[int]) -> tuple[Program, Weights]:
    """In a differentiated program, clone the forward lines of `blocks` as `again.<address>`, each block's before its
    first gradient line that needs them.

    Gradient lines then read the clones; the originals end their lives with the forward pass. What enters the block is
    kept. Clones keep their settings, so that dropout repeats its mask.
    """
    forward = [line for line in program.lines if not line.out.startswith(PREFIX)]
    inside = {line.out: line for line in forward if block_of(line.out) in {f"blocks.{i}" for i in blocks}}
    inside = {name: line for name, line in inside.items() if not name.endswith((".resid_pre", ".resid_post"))}
    lines: list[Line] = []
    cloned: set[str] = set()
    for line in program.lines:
        if line.out.startswith(PREFIX):
            lines += _clones([name for name in line.ins if name in inside], inside, cloned)
            line = replace(line, ins=tuple(AGAIN + name if name in inside else name for name in line.ins))  # noqa: PLW2901
        lines.append(line)
    return program.with_lines(lines), weights


def _clones(wanted: list[str], inside: dict[str, Line], cloned: set[str]) -> list[Line]:
    """The lines that compute `wanted` again and everything inside the block that they need, in order."""
    needed: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in inside and name not in needed | cloned:
            needed.add(name)
            wanted += inside[name].ins
    cloned |= needed
    return [
        replace(line, out=AGAIN + name, ins=tuple(AGAIN + n if n in inside else n for n in line.ins))
        for name, line in inside.items()
        if name in needed
    ]
