"""`prune`: lines whose results nobody reads go, and the weights that only they read go with them.

Rewrites that put something in place of something else, or follow the gradient only where it is wanted, end with it.
"""

from __future__ import annotations

from collections.abc import Collection

from engine.program import Line, Program, Weights


def prune(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Keep the lines that an output or an address in `keep` is computed from, in their order, and no others."""
    wanted = {*keep, *program.outputs}
    kept: list[Line] = []
    for line in reversed(program.lines):
        if line.out in wanted:
            wanted.update(line.ins)
            kept.append(line)
    return program.with_lines(reversed(kept)), weights
