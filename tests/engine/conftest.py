"""Small random models of every architecture, wide enough that a forgotten gain, bias or scale shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.model import Model
from engine.models.config import read_config
from engine.prepare import Prepared, prepare
from engine.program import Line, Op, Program
from engine.rewrites.cache_kv import limit_window
from engine.run import Run
from engine.settings import Settings

CONTEXT, VOCAB = 48, 19
GPT2 = {"model_type": "gpt2", "vocab_size": VOCAB, "n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": CONTEXT}
LLAMA = {"model_type": "llama", "vocab_size": VOCAB, "hidden_size": 12, "intermediate_size": 20,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
         "max_position_embeddings": CONTEXT, "eos_token_id": []}  # fmt: skip
LLAMA3_ROPE = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 20, "rope_theta": 100.0}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": GPT2 | {"activation_function": "gelu_new"},
    "gpt2-erf-untied": GPT2 | {"activation_function": "gelu", "tie_word_embeddings": False, "n_inner": 20},
    "llama": LLAMA | {"attention_bias": True, "mlp_bias": True},
    "llama3-rope": LLAMA | {"rope_parameters": LLAMA3_ROPE, "num_key_value_heads": 1},
    "mistral": LLAMA | {"model_type": "mistral", "sliding_window": 5},
    "qwen2-mixed": LLAMA | {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 6,
                            "max_window_layers": 1, "num_hidden_layers": 3, "head_dim": None, "hidden_size": 16},
    "sinusoidal": {"model_type": "sinusoidal", "vocab_size": VOCAB, "hidden_size": 12, "intermediate_size": 20,
                   "num_hidden_layers": 2, "num_attention_heads": 3, "head_dim": 5, "max_position_embeddings": CONTEXT},
}  # fmt: skip


@cache
def made(name: str, seed: int, changes: tuple[tuple[str, Any], ...]) -> Model:
    raw = {k: v for k, v in (CONFIGS[name] | dict(changes)).items() if v is not None}
    config, rng = read_config(raw), np.random.default_rng(seed)
    weights = {}
    for address, shape in config.parameters().items():
        gain = len(shape) == 1 and address.endswith("weight")
        weights[address] = rng.normal(1.0 if gain else 0.0, 0.3, shape).astype(np.float32)
        weights[address].flags.writeable = False
    return Model(name, config, weights, None, "float32", f"{name}:{seed}:{changes}")


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Model]:
    """Make a tiny random model; further keys change its configuration."""
    return lambda name="llama", seed=0, **changes: made(name, seed, tuple(changes.items()))


@pytest.fixture(scope="session", params=CONFIGS)
def model(request: pytest.FixtureRequest) -> Model:
    """Each architecture in turn."""
    return made(request.param, 0, ())


@pytest.fixture(scope="session")
def plain_run() -> Callable[..., Run]:
    """The reference: the plain program, line by line over a whole text, without a cache or a rewrite but the window."""

    def run(model: Model, ids: Sequence[int], window: int | None = None) -> Run:
        program, weights = limit_window(model.program, model.weights, window)
        return Run(program, weights, {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))}).run()

    return run


@pytest.fixture(scope="session")
def prepared() -> Callable[..., Prepared]:
    """The programs of a model under settings given by name."""
    return lambda model, keep=None, **settings: prepare(model.config, model.weights, Settings(**settings), keep)


@pytest.fixture(scope="session")
def text() -> Callable[..., list[int]]:
    """Random ids that every tiny model knows."""
    return lambda length, seed=0: np.random.default_rng(seed).integers(0, VOCAB, length).tolist()


@pytest.fixture(scope="session")
def program_of() -> Callable[..., Program]:
    """A program from (out, op, ins) rows, unchecked: inputs `x`, parameters `w`, the last line its output."""

    def make(*rows: tuple[str, Op, Sequence[str]], inputs: Sequence[str] = ("x",), params: Sequence[str] = ("w",),
             outputs: Sequence[str] | None = None) -> Program:  # fmt: skip
        lines = tuple(Line(out, op, tuple(ins), where="test.py:1") for out, op, ins in rows)
        return Program(tuple(inputs), tuple(params), lines, tuple(outputs or (rows[-1][0],)))

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public inputs, where it is present."""
    path = Path(__file__).resolve().parents[3] / "shared"
    if not path.is_dir():
        pytest.skip("the folder of public inputs (../shared) is not here")
    return path
