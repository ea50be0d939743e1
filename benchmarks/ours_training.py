"""Our side of a comparison of training, as one process: the PyTorch peer's work, one JSON line on standard output.

    python benchmarks/ours_training.py SHAPE THREADS BATCH LENGTH [UPDATES]

An update is forward, backward, AdamW, on random texts that are drawn anew each time, as the trainer does it: gradients
by `TrainingStep`, norm and clip, and the optimizer split between threads. The first three are not counted.

`char-4x128`, whose heads are together wider than the stream, is our `char` preset: sinusoids instead of learned
positions and ReLU instead of GELU; every matrix product has the peer's size.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from threadpoolctl import threadpool_limits

from engine.files import read_json
from engine.model import PRESETS
from engine.models.config import ModelConfig, read_config
from engine.ops.optimizer import AdamSettings
from engine.training.optimizer import Adam
from engine.training.parameters import FlatParameters, initial_weights
from engine.training.plan import load_plan
from engine.training.step import TrainingStep

WARM_UP = 3
RATE = 1e-3
CHAR, CHARACTERS = "char-4x128", 65


def config_of(shape: str) -> ModelConfig:
    """The configuration of a shape of the peer's."""
    if shape == CHAR:
        return load_plan("char").config(CHARACTERS)
    return read_config(read_json(PRESETS / f"{shape}.json"))


def rates(shape: str, threads: int, batch: int, length: int, updates: int) -> tuple[list[float], int]:
    """Tokens per second of every counted update, and the bytes of activations."""
    config, generator = config_of(shape), np.random.default_rng(0)
    parameters = FlatParameters(config, initial_weights(config, generator))
    step, adam = TrainingStep(parameters, threads), Adam(parameters, AdamSettings())
    workers = ThreadPoolExecutor(threads) if threads > 1 else None
    found = []
    for _ in range(WARM_UP + updates):
        text = generator.integers(0, config.vocab, (batch, length + 1))
        started = perf_counter()
        result = step.gradients(text[:, :-1], text[:, 1:])
        adam.update(RATE, result.target_count, workers=workers, split=threads)
        found.append(batch * length / (perf_counter() - started))
    return found[WARM_UP:], step.arena_bytes


def main() -> None:
    """Read the command line, print a line like the peer's."""
    shape, threads, batch, length, *rest = sys.argv[1:]
    with threadpool_limits(int(threads)):
        found, arena = rates(shape, int(threads), int(batch), int(length), int(rest[0]) if rest else 10)
    row = {"ours": "minigpt", "what": "train", "shape": shape, "threads": int(threads), "batch": int(batch),
           "length": int(length), "tokens_per_s": round(statistics.median(found), 1), "best": round(max(found), 1),
           "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
           "arena_mib": round(arena / 2**20)}  # fmt: skip
    print(json.dumps(row))


if __name__ == "__main__":
    main()
