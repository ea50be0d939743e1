"""The configuration in one line: model, settings, sampling, tokens, memory, speed."""

from __future__ import annotations

from engine.settings import shown
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.numbers import bytes_text


def strip_words(s: Snapshot) -> str:
    """As the terminal app's strip says it, in one line."""
    settings, sampler, memory = s.settings, s.sampler, s.memory
    parts = [
        visible(s.model_name), s.dtype,
        f"KV {shown(settings.kv_cache)}", f"INT8 {settings.int8}", f"rank {shown(settings.low_rank_mlp)}",
        f"seed {s.seed}", f"temperature {sampler.temperature:g}", f"top-k {sampler.top_k or 'all'}",
        f"top-p {sampler.top_p:g}", f"{len(s.tokens)} of {s.context} tokens",
        f"weights {bytes_text(memory.total('weights_bytes'))}",
        f"cache {bytes_text(memory.total('cache_used_bytes'))}",
    ]  # fmt: skip
    if settings.kv_window:
        parts.insert(3, f"window {settings.kv_window}")
    if s.tokens_per_s:
        parts.append(f"{s.tokens_per_s:.0f} tokens/s")
    if s.speed_limit:
        parts.append(f"at most {s.speed_limit:g}/s")
    return "  ·  ".join([*parts, visible(s.model_line)])  # what never changes is cut first
