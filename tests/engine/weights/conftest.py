"""Tiny models to damage, and the check that a refusal is one short and harmless line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import LONGEST_MESSAGE, FileError
from engine.models.config import ModelConfig, read_config
from engine.text import visible
from engine.weights import open_checkpoint, save_checkpoint

SIZES = {
    "vocab_size": 11,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": {"model_type": "gpt2", "vocab_size": 11, "n_positions": 16, "n_embd": 8, "n_layer": 2, "n_head": 2},
    "llama": SIZES | {"model_type": "llama", "num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True},
    "mistral": SIZES | {"model_type": "mistral", "num_key_value_heads": 1, "sliding_window": 4},
    "qwen2": SIZES | {"model_type": "qwen2", "num_key_value_heads": 2},
    "sinusoidal": SIZES | {"model_type": "sinusoidal", "head_dim": 3, "tie_word_embeddings": False},
}
Raw = dict[str, np.ndarray]


@pytest.fixture
def tiny() -> Callable[..., tuple[ModelConfig, Raw]]:
    """Make the configuration and random weights of a tiny model; further keys change its configuration."""

    def make(model_type: str = "gpt2", seed: int = 0, **changes: object) -> tuple[ModelConfig, Raw]:
        config = read_config(CONFIGS[model_type] | changes)
        rng = np.random.default_rng(seed)
        shapes = config.parameters().items()
        return config, {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes}

    return make


@pytest.fixture
def saved(tmp_path: Path, tiny: Callable[..., tuple[ModelConfig, Raw]]) -> Callable[..., Path]:
    """Make a directory with a tiny model of a model type; further keys change its configuration."""

    def save(model_type: str = "gpt2", shard_bytes: int | None = None, **changes: object) -> Path:
        config, weights = tiny(model_type, **changes)
        save_checkpoint(tmp_path / model_type, config, weights, shard_bytes=shard_bytes)
        return tmp_path / model_type

    return save


@pytest.fixture
def refusal() -> Callable[..., str]:
    """The message with which a path (or another reader's argument) is refused."""

    def message_of(path: object, reader: Callable[[Any], object] = open_checkpoint) -> str:
        with pytest.raises(FileError) as caught:
            reader(path)
        message = str(caught.value)
        assert type(caught.value) is FileError
        assert len(message) <= LONGEST_MESSAGE and visible(message) == message
        return message

    return message_of


@pytest.fixture
def rewritten() -> Callable[..., None]:
    """Change the tensors of a saved model: `change` gets them by name, and may return another dictionary."""

    def rewrite(path: Path, change: Callable[[Raw], Raw | None]) -> None:
        from safetensors.numpy import load_file, save_file

        tensors = load_file(path)
        save_file(change(tensors) or tensors, path, {"format": "pt"})

    return rewrite
