"""Architectures: plain functions from a config to a program."""

from __future__ import annotations

from engine.models.config import ModelConfig
from engine.program import Program


def build(config: ModelConfig) -> Program:
    """The plain program of a model: tokens (B, T), position_ids (T,) -> logits (B, T, V)."""
    from engine.models.gpt2 import gpt2
    from engine.models.llama import llama
    from engine.models.sinusoidal import sinusoidal_decoder

    return {"gpt2": gpt2, "llama": llama, "sinusoidal": sinusoidal_decoder}[config.family](config)
