"""`tie_embeddings`: the output projection reads the embedding's own matrix, and the model has one matrix less.

Press and Wolf 2017, Using the Output Embedding to Improve Language Models, arXiv:1608.05859. Exact only where the two
matrices are equal; else it is another model, and `distance` says how far away.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.program import Program, Weights

EMBEDDING, OUTPUT = "embed.weight", "unembed.weight"


def tie_embeddings(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Every line that read the output's matrix reads the embedding; both are (V, D). A tied program stays as it is."""
    lines = (
        replace(line, ins=tuple(EMBEDDING if name == OUTPUT else name for name in line.ins)) for line in program.lines
    )
    return program.with_lines(lines), weights


def distance(program: Program, weights: Weights) -> float:
    """How much the output's matrix differs from the embedding, relative to itself; 0 where they are equal or tied."""
    if OUTPUT not in program.params:
        return 0.0
    own = weights[OUTPUT]
    size = float(np.linalg.norm(own))
    return float(np.linalg.norm(own - weights[EMBEDDING])) / size if size else float(bool(weights[EMBEDDING].any()))
