"""From a model and settings to programs that can be run: every rewrite, in the one canonical order.

Tie, low rank, INT8, lower (or fuse q, k, v), cache. Settings are always applied to the plain program and its base
weights, so going back to other settings is exact. INT8 comes before lowering, so that optimizing never changes which
whole numbers a model has: with it or without, now or from a saved file, it is the same model.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property

from engine.models import build
from engine.models.config import ModelConfig
from engine.program import Program, Weights
from engine.rewrites.cache_kv import cache_kv, limit_window
from engine.rewrites.drop import last_logits
from engine.rewrites.factors import FactorStore
from engine.rewrites.fuse import fuse_attention
from engine.rewrites.join import fuse_qkv
from engine.rewrites.low_rank import low_rank
from engine.rewrites.lower import lower, lower_step
from engine.rewrites.overlay import Overlay, made
from engine.rewrites.quantize import EMBEDDING, quantize_int8
from engine.rewrites.tie import tie_embeddings
from engine.settings import Settings

INT8_PARTS = {"none": (), "attention": ("attn",), "mlp": ("mlp",), "all": ("attn", "mlp")}
LOW_RANK_PARTS = ("mlp",)
LATER = ("kv_cache", "int8_cache", "threads")  # settings that come after all weights are made


def patterns(config: ModelConfig) -> tuple[str, ...]:
    """The addresses of every layer's attention, which generation keeps so that heads can be watched live."""
    return tuple(f"blocks.{i}.attn.pattern" for i in range(config.layers))


def int8_targets(settings: Settings) -> tuple[str, ...]:
    """Which parts of a model are INT8."""
    return (*INT8_PARTS[settings.int8], *((EMBEDDING,) if settings.int8_embedding else ()))


@dataclass(frozen=True, eq=False)
class Prepared:
    """The programs of one model under some settings. `keep` are the addresses that lowering leaves as they are.

    factors  of the model's matrices, kept from one rank to the next
    """

    config: ModelConfig
    base: Weights
    settings: Settings
    keep: tuple[str, ...]
    factors: FactorStore = field(default_factory=FactorStore)

    @cached_property
    def changed(self) -> tuple[Program, Weights]:
        """The plain program with what changes its numbers (tied, low rank, INT8), its weights not yet made."""
        settings = self.settings
        program, weights = limit_window(build(self.config), self.base, settings.kv_window)
        if settings.tie_embeddings:
            program, weights = tie_embeddings(program, weights)
        if settings.low_rank_mlp is not None:
            program, weights = low_rank(program, weights, LOW_RANK_PARTS, settings.low_rank_mlp, self.factors)
        if targets := int8_targets(settings):
            program, weights = quantize_int8(program, weights, targets)
        return program, weights

    @cached_property
    def _rewritten(self) -> tuple[Program, Weights]:
        program, weights = self.changed
        if self.settings.optimize:
            return lower(program, weights, self.config.context, self.keep)
        if self.settings.fuse_qkv:
            program, weights = fuse_qkv(program, weights)
        return program, made(program, weights) if isinstance(weights, Overlay) else weights

    def under(self, settings: Settings) -> Prepared:
        """The same model under other settings. Where only the cache or the threads change, the weights stay as made."""
        other = Prepared(self.config, self.base, settings, self.keep, self.factors)
        same = replace(settings, **{name: getattr(self.settings, name) for name in LATER}) == self.settings
        if same and "_rewritten" in self.__dict__:
            other.__dict__["_rewritten"] = self._rewritten
        return other

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
        return cache_kv(program, weights, self.settings.int8_cache) if self.settings.kv_cache else (program, weights)


def prepare(
    config: ModelConfig,
    weights: Weights,
    settings: Settings,
    keep: Collection[str] | None = None,
    factors: FactorStore | None = None,
) -> Prepared:
    """Programs of a model under `settings`. By default every layer's attention pattern is kept."""
    kept = patterns(config) if keep is None else tuple(keep)
    return Prepared(config, weights, settings, kept, factors or FactorStore())
