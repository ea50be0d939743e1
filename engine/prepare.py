"""From a model and settings to programs that can be run: every rewrite, in the one canonical order.

Settings are always applied to the plain program and its base weights, so going back to other settings is exact.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from engine.models import build
from engine.models.config import ModelConfig
from engine.program import Program, Weights
from engine.rewrites.cache_kv import cache_kv, limit_window
from engine.rewrites.drop import last_logits
from engine.rewrites.fuse import fuse_attention
from engine.rewrites.lower import lower, lower_step
from engine.settings import Settings


def patterns(config: ModelConfig) -> tuple[str, ...]:
    """The addresses of every layer's attention, which generation keeps so that heads can be watched live."""
    return tuple(f"blocks.{i}.attn.pattern" for i in range(config.layers))


@dataclass(frozen=True, eq=False)
class Prepared:
    """The programs of one model under some settings. `keep` are the addresses that lowering leaves as they are."""

    config: ModelConfig
    base: Weights
    settings: Settings
    keep: tuple[str, ...]

    @cached_property
    def _rewritten(self) -> tuple[Program, Weights]:
        program, weights = limit_window(build(self.config), self.base, self.settings.kv_window)
        return lower(program, weights, self.config.context, self.keep) if self.settings.optimize else (program, weights)

    @cached_property
    def prompt(self) -> tuple[Program, Weights]:
        """For any number of tokens; logits of all of them."""
        return self._with_cache(*self._many())

    @cached_property
    def prompt_last(self) -> tuple[Program, Weights]:
        """For any number of tokens; logits of the last only."""
        return self._with_cache(*last_logits(*self._many(), self.keep))

    @cached_property
    def step(self) -> tuple[Program, Weights]:
        """For one token after a cache."""
        if not (self.settings.kv_cache and self.settings.optimize):
            return self.prompt
        return self._with_cache(*lower_step(*self._rewritten, self.keep))

    def _many(self) -> tuple[Program, Weights]:
        """For many tokens: where nobody looks inside, attention in one line."""
        return fuse_attention(*self._rewritten, self.keep) if self.settings.optimize else self._rewritten

    def _with_cache(self, program: Program, weights: Weights) -> tuple[Program, Weights]:
        return cache_kv(program, weights) if self.settings.kv_cache else (program, weights)


def prepare(config: ModelConfig, weights: Weights, settings: Settings, keep: Collection[str] | None = None) -> Prepared:
    """Programs of a model under `settings`. By default every layer's attention pattern is kept."""
    return Prepared(config, weights, settings, patterns(config) if keep is None else tuple(keep))
