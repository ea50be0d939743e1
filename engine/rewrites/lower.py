"""`lower`: the same results in fewer and larger steps.

Norm gains, biases and the attention scale go into the next matrix; q, k and v are one product, gate and up another;
position codes come from a table; what does nothing is dropped. Every part is a rewrite of its own that can be listed
and compared, and every address in `keep` survives with its value.
"""

from __future__ import annotations

from collections.abc import Collection

from engine.program import Program, Weights
from engine.rewrites.drop import drop_identities, drop_masks
from engine.rewrites.fold import fold_norms, fold_scale
from engine.rewrites.fold_activation import fold_activations
from engine.rewrites.join import join_linears
from engine.rewrites.lay_out import lay_out_matrices, tabulate_positions
from engine.rewrites.overlay import made


def lower(program: Program, weights: Weights, context: int, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """All parts that hold for any number of tokens. `context` is the longest text, for the position tables."""
    program, weights = fold_norms(program, weights, keep)
    program, weights = fold_scale(program, weights, keep)
    program, weights = fold_activations(program, weights, keep)
    program, weights = join_linears(program, weights)
    program, weights = tabulate_positions(program, weights, context)
    program, weights = lay_out_matrices(program, weights)
    program, weights = drop_identities(program, weights, keep)
    return program, made(program, weights)


def lower_step(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """What holds in addition for one new token after a cache: masks that hide nothing are dropped."""
    return drop_masks(program, weights, keep)
