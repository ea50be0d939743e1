"""Look at a model while it learns: let it go on with a prompt, and keep its attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.decoder import Decoder, Fed
from engine.models.config import ModelConfig
from engine.prepare import prepare
from engine.rewritten import saved_settings
from engine.sampling import Sampler, sample
from engine.tokenizer import Tokenizer
from engine.training.learned import LearnedWeights
from engine.training.report import Glimpse

PROMPT_TOKENS = 24  # of the validation text, where no prompt was given


def take_glimpse(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    tokenizer: Tokenizer,
    prompt: Sequence[int],
    length: int,
    sampler: Sampler,
    seed: int,
) -> Glimpse:
    """Run the prompt and draw tokens until there are `length`; the same weights and seed give the same text."""
    decoder = Decoder(prepare(config, LearnedWeights(config, weights), saved_settings(config)))
    generator = np.random.default_rng(seed)
    ids = list(prompt)
    fed = list(decoder.feed(ids))
    patterns = tuple(_whole(fed, layer, len(ids)) for layer in range(config.layers))
    logits = fed[-1].logits[-1]
    while len(ids) < length:
        token = sample(logits, sampler, generator, ids).token
        if token in config.eos:
            break
        ids.append(token)
        if len(ids) < length:
            logits = next(iter(decoder.feed([token], last_only=True))).logits[-1]
    return Glimpse(tokenizer.decode(ids, special=False), tuple(ids), len(prompt), patterns)


def pinned_prompt(prompt: str | None, tokenizer: Tokenizer, validation: np.ndarray, context: int) -> list[int]:
    """The ids of the prompt; without one, how the validation text begins. At least one, at most half of the context."""
    most = max(1, context // 2)
    begun = [*tokenizer.beginning, *validation[:PROMPT_TOKENS].tolist()]
    ids = tokenizer.encode_prompt(prompt) if prompt else begun
    return ids[:most] or [0]


def _whole(fed: Sequence[Fed], layer: int, length: int) -> np.ndarray:
    """A layer's attention over the prompt, put together from the chunks it was run in: (H, T, T)."""
    pattern = np.zeros((fed[0].patterns[layer].shape[0], length, length), np.float32)
    for part in fed:
        rows, keys = part.patterns[layer], part.keys[layer]
        for slot in np.flatnonzero(keys >= 0):
            pattern[:, part.first : part.first + rows.shape[1], keys[slot]] = rows[:, :, slot]
    pattern.flags.writeable = False
    return pattern
