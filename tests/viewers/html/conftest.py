"""Recorded passes to make pages of, among them one whose tokens are an attack; and a reader of what a page holds."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.model import Model, open_model
from engine.models.config import read_config
from engine.recording import record_text
from engine.trace import Trace

HOSTILE = (
    "</script>", "<!--", "<img src=x onerror=alert(1)>", "\"'`&amp;", "\u202eevil\u202c", "\x1b[2J\x07\x00",
    "\u2028\u2029", "$\\evil$", "]]>", "<script>", "\ud800", "a b\n\tc", "\u05d0\u05d1 \u0627", "x" * 300,
)  # fmt: skip
SHAKESPEARE = "First Citizen:\nBefore we proceed any further, hear me speak."
ROOT = Path(__file__).resolve().parents[3]


def random_model(layers: int, heads: int, context: int, seed: int = 0, window: int | None = None) -> Model:
    """Wide random weights, so that attention is sharp in some heads and even in others."""
    config = read_config({
        "model_type": "mistral" if window else "llama", "vocab_size": 37, "hidden_size": 8 * heads, "head_dim": 8,
        "intermediate_size": 16, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": heads, "max_position_embeddings": context, "eos_token_id": [],
    } | ({"sliding_window": window} if window else {}))  # fmt: skip
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(1.0 if len(shape) == 1 else 0.0, 0.3, shape).astype(np.float32)
        for name, shape in config.parameters().items()
    }
    return Model("random", config, weights, None, "float32", f"hash{seed}")


def trace_of(layers: int, heads: int, tokens: int, seed: int = 0, **options: Any) -> Trace:
    model = random_model(layers, heads, max(tokens, 16), seed, **options)
    ids = np.random.default_rng(seed).integers(0, 37, tokens).tolist()
    return record_text(model, ids, prompt_length=max(1, tokens * 3 // 4), seed=3, budget_bytes=1 << 30)


@pytest.fixture(scope="session")
def make_trace() -> Callable[..., Trace]:
    """Make a pass of a random model: layers, heads, tokens."""
    return trace_of


@pytest.fixture(scope="session")
def trace() -> Trace:
    """A pass of the shipped character model."""
    model = open_model("shakespeare")
    assert model.tokenizer
    return record_text(model, model.tokenizer.encode_prompt(SHAKESPEARE), prompt_length=40, seed=7)


@pytest.fixture(scope="session")
def hostile_trace() -> Trace:
    """A pass whose token texts, candidates and model name try to get out of the page's data."""
    made = trace_of(2, 2, len(HOSTILE), window=5)
    about = replace(made.about, texts=HOSTILE, name="</title><script>alert(1)</script>\u202e", line="<b>&\x1b[0m")
    texts = {id: HOSTILE[id % len(HOSTILE)] for id in range(37)}
    return replace(made, about=about, foreseen=replace(made.foreseen, candidate_texts=texts))


class Held:
    """What a page holds, read without the page's scripts."""

    def __init__(self, page: bytes) -> None:
        self.text = page.decode("utf-8")
        self.about = json.loads(self._block("about"))
        self.count = len(self.about["texts"])

    def _block(self, name: str) -> str:
        found = re.search(rf'<script type="[a-z/-]+" id="{name}">(.*?)</script>', self.text, re.S)
        assert found, name
        return found[1]

    def bytes_of(self, name: str) -> bytes:
        return gzip.decompress(base64.b64decode(self._block(name)))

    def numbers(self, wanted: str) -> np.ndarray:
        data, start = self.bytes_of("numbers"), 0
        for name, kind, size in self.about["sections"]:
            if name == wanted:
                planes = np.frombuffer(data[start : start + 4 * size], np.uint8).reshape(4, size)
                return np.ascontiguousarray(planes.T).view("<f4" if kind == "f" else "<i4").reshape(-1)
            start += 4 * size
        raise KeyError(wanted)

    def attention(self, layer: int) -> tuple[np.ndarray, np.ndarray]:
        """(H, T, T) as the page has it, 0 above the diagonal, and the stated error of each row (H, T)."""
        heads, n, data = self.about["heads"], self.count, self.bytes_of(f"layer-{layer}")
        result = np.zeros((heads, n, n))
        size = heads * n * (n + 1) // 2
        first = size if self.about["exact"] else heads * n
        floats = np.ascontiguousarray(np.frombuffer(data[: 4 * first], np.uint8).reshape(4, first).T).view("<f4")
        flat = floats.reshape(-1) if self.about["exact"] else np.frombuffer(data[4 * first :], np.uint8)
        assert flat.size == size
        place = 0
        for head in range(heads):
            for query in range(n):
                result[head, query, : query + 1] = flat[place : place + query + 1]
                place += query + 1
        if self.about["exact"]:
            return result, np.zeros((heads, n))
        peaks = floats.reshape(heads, n).astype(np.float64)
        return result * peaks[..., None] / 255, peaks / 510


@pytest.fixture(scope="session")
def held() -> Callable[[bytes], Held]:
    return Held
