"""Which functions read and write the configuration of each model type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.models import config_gpt2, config_llama, config_sinusoidal
from engine.models.config import ModelConfig


@dataclass(frozen=True)
class ModelType:
    """How one model type's configuration is read (object, file name, generation file) and written."""

    read: Callable[[Mapping[str, Any], str, object], ModelConfig]
    write: Callable[[ModelConfig], dict[str, Any]]


MODEL_TYPES = {
    "gpt2": ModelType(config_gpt2.read_gpt2, config_gpt2.write_gpt2),
    "llama": ModelType(config_llama.read_llama, config_llama.write_llama),
    "mistral": ModelType(config_llama.read_mistral, config_llama.write_mistral),
    "qwen2": ModelType(config_llama.read_qwen2, config_llama.write_qwen2),
    "sinusoidal": ModelType(config_sinusoidal.read_sinusoidal, config_sinusoidal.write_sinusoidal),
}
