"""Small traces made by hand, so that every number a picture should show is known."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pytest

from engine.program import Cost
from engine.settings import Settings
from engine.trace import About, Foreseen, Trace, TraceRow

WORDS = (" the", " cat", " sat", ",", " unbelievable", "\n", "ry", ".")


def made(
    tokens: int, layers: int = 2, heads: int = 3, prompt: int | None = None, texts: tuple[str, ...] | None = None,
    window: int | None = None,
) -> Trace:  # fmt: skip
    rng = np.random.default_rng(tokens)
    back = np.arange(tokens)[:, None] - np.arange(tokens)
    seen = (back >= 0) & (back < (window or tokens))
    values = {}
    for i in range(layers):
        shares = rng.random((1, heads, tokens, tokens)) ** 8 * seen
        values[f"blocks.{i}.attn.pattern"] = (shares / shares.sum(-1, keepdims=True)).astype(np.float32)
    ids = rng.integers(0, len(WORDS), tokens)
    rows = [
        TraceRow(f"blocks.{i}.{name}", op, f"{op}(x)", "y = x", "", "x.py:1", (1, tokens, 8),
                 Cost(flops, 1000, 500), 1e-3, needed, weights, False)
        for i in range(layers)
        for name, op, flops, needed, weights in [
            ("attn.q", "linear", 10**9, 3000 + i, 4096), ("resid_post", "add", 10, 2000, 0),
        ]
    ]  # fmt: skip
    logprobs = -rng.exponential(2, tokens).astype(np.float32)
    logprobs[0] = np.nan
    foreseen = Foreseen(np.zeros((tokens, 1), np.int32), np.zeros((tokens, 1), np.float32), MappingProxyType({0: "a"}),
                        rng.random(tokens).astype(np.float32), logprobs, np.ones(tokens, np.int32))  # fmt: skip
    about = About("tiny", f"llama, {layers} layers x {heads} heads", layers, heads, heads, 4, 100, (window,) * layers,
                  texts or tuple(WORDS[i] for i in ids), tokens if prompt is None else prompt,
                  None if prompt is None else 7, "9.9.9", True, "float32")  # fmt: skip
    contributions = rng.random((layers, heads, tokens)).astype(np.float32)
    return Trace("0123456789abcdef", Settings(kv_cache=False), about, tuple(ids.tolist()), tuple(rows),
                 MappingProxyType(values), (), foreseen, contributions)  # fmt: skip


@pytest.fixture(scope="session")
def make_trace() -> Callable[..., Trace]:
    """`make_trace(tokens, layers=2, heads=3, prompt=None, texts=None, window=None)`."""
    return made


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Machine peaks are measured once for all tests, small, and kept nowhere else."""
    from engine.analysis import machine_peaks
    from viewers.figures import timeline

    monkeypatch.setattr(timeline, "known_peaks", lambda: machine_peaks.Peaks(1e12, 1e9))
