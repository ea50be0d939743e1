"""Hand-made snapshots and a driver that only writes down what it is told, for tests of the screens."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from app.screens.application import MiniGPTApp
from app.screens.opening import Opening
from engine.memory import LayerMemory, MemoryReport
from engine.program import Cost
from engine.sampling import Sampler
from engine.settings import Settings
from engine.snapshot import AttentionRows, Branch, Candidate, ListingRow, Snapshot, Stepping, TokenView

LAYERS, HEADS, KV_HEADS, WIDTH, VOCAB = 2, 4, 2, 16, 50
WORDS = ("<s>", " The", " cat", " sat", "\n", "on", " it")
HOSTILE = (
    "[/]",
    "[@click=app.quit]x[/]",
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J",
    "\u202eabc",
    "\ud800",
    "\x9b31m",
    "[bold]",
    "\x00",
)


def snapshot(words: tuple[str, ...] = WORDS, version: int = 1, done: int | None = None, **changes: Any) -> Snapshot:
    """A small model's state over these tokens; every number comes from a fixed seed."""
    rng = np.random.default_rng(7)
    count = len(words)
    weights = np.tril(rng.random((LAYERS, HEADS, count, count)) ** 3 + 1e-3).astype(np.float32)
    patterns = weights / weights.sum(-1, keepdims=True)
    entropies = -(patterns * np.log(np.where(patterns > 0, patterns, 1))).sum(-1)
    rows = AttentionRows(0, tuple(patterns), tuple(np.arange(count) for _ in range(LAYERS)))
    logprobs = [None, *(-float(x) for x in rng.exponential(2.0, count - 1))]
    tokens = tuple(
        TokenView(i + 3, word, logprobs[i], None if i == 0 else i, None if i == 0 else 1.5, i > 3)
        for i, word in enumerate(words)
    )
    base = Snapshot(
        version=version, model_name="tiny", model_line="llama, 2 layers x 4 heads", layers=LAYERS, heads=HEADS,
        kv_heads=KV_HEADS, vocab=VOCAB, context=32, dtype="float32", settings=Settings(), sampler=Sampler(), seed=5,
        tokens=tokens, tokens_per_s=123.4, ended=None, busy=None, progress=None, notice=None,
        stepping=stepping(patterns, tokens, done), memory=memory(), attention_rows=(rows,),
        entropy_rows=(entropies.astype(np.float32),), candidate_rows=tuple(candidates(words) for _ in words),
    )  # fmt: skip
    return replace(base, **changes)


def candidates(words: tuple[str, ...]) -> tuple[Candidate, ...]:
    """Guesses that halve, the last of them removed by sampling."""
    chosen = (*words, "tail")
    return tuple(
        Candidate(i + 3, text, float(np.log(p)), p, 0 if i == len(words) else p, i + 1)
        for i, (text, p) in enumerate((text, 0.5 ** (i + 1)) for i, text in enumerate(chosen))
    )


def stepping(patterns: np.ndarray, tokens: tuple[TokenView, ...], done: int | None) -> Stepping:
    """A pass of eleven lines, two blocks of them."""
    rng, count = np.random.default_rng(3), len(tokens)
    values: dict[str, np.ndarray] = {"embed": rng.standard_normal((1, count, WIDTH))}
    for i in range(LAYERS):
        values[f"blocks.{i}.attn.q"] = rng.standard_normal((1, HEADS, count, 4))
        values[f"blocks.{i}.attn.k"] = rng.standard_normal((1, KV_HEADS, count, 4))
        values[f"blocks.{i}.attn.pattern"] = patterns[i][None]
        values[f"blocks.{i}.mlp.post"] = rng.standard_normal((1, count, 24))
    values["final.normed"] = rng.standard_normal((1, count, WIDTH))
    values["logits"] = rng.standard_normal((1, count, VOCAB))
    cursor = len(values) if done is None else done
    rows = tuple(
        ListingRow(name, "softmax" if "pattern" in name else "linear", f"op({name})", "y = x W", "It explains.", "",
                   "llama.py:1", values[name].shape, Cost(1000 * (i + 1), 10, 10),
                   2e-5 * (i + 1) if i < cursor else None, False, False)
        for i, name in enumerate(values)
    )  # fmt: skip
    bound = {name: value.astype(np.float32) for name, value in list(values.items())[:cursor]}
    bound |= {"tokens": np.array([[token.id for token in tokens]]), "position_ids": np.arange(count)}
    ids = tuple(token.id for token in tokens)
    return Stepping(f"plain program, all {count} tokens", "line", rows, cursor, bound, ids=ids)


def memory() -> MemoryReport:
    places = (
        LayerMemory("embed", 4096, 0, 0, 1024, 2048), LayerMemory("blocks.0", 20480, 8192, 2048, 3072, 512),
        LayerMemory("blocks.1", 20480, 8192, 2048, 3072, 0), LayerMemory("unembed", 2048, 0, 0, 512, 0),
    )  # fmt: skip
    return MemoryReport(places, 30000, 17104, 3072)


def branches() -> tuple[Branch, ...]:
    return Branch("branch 1", "The cat sat", 4, 4, True), Branch("branch 2", "The dog [/] \x1b[2J", 3, 2, False)


class FakeDriver:
    """Holds a snapshot; remembers commands."""

    def __init__(self, latest: Snapshot) -> None:
        self.latest = latest
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.cancelled = 0
        self.failure: BaseException | None = None

    def send(self, command: str, **arguments: Any) -> None:
        self.sent.append((command, arguments))

    def cancel(self) -> None:
        self.cancelled += 1

    def close(self) -> None:
        pass


def application(
    latest: Snapshot | None = None, prompt: str | None = "The cat", ids: list[int] | None = None
) -> MiniGPTApp:
    """The app over a fake driver; nothing is opened."""
    opening = Opening("some/model", prompt=prompt, ids=ids)
    opening.driver = FakeDriver(latest or snapshot())  # type: ignore[assignment]
    return MiniGPTApp(opening)


def driver_of(app: MiniGPTApp) -> FakeDriver:
    return app.opening.driver  # type: ignore[return-value]


def give(app: MiniGPTApp, latest: Snapshot) -> None:
    """Publish a snapshot and let the screen see it."""
    driver_of(app).latest = latest
    app.explore.poll()


def plane(app: MiniGPTApp) -> list[str]:
    """The characters on the screen, line by line, as they would be sent to the terminal."""
    return ["".join(segment.text for segment in strip) for strip in strips(app)]


def strips(app: MiniGPTApp) -> list:
    screen = app.screen
    return [strip.crop(0, app.size.width) for strip in screen._compositor.render_strips()]


def picture(app: MiniGPTApp) -> str:
    """Text plane and a digest of the colours of each line: what a snapshot test compares."""
    lines = []
    for strip in strips(app):
        colours = hashlib.sha256(repr([(s.cell_length, str(s.style)) for s in strip]).encode()).hexdigest()[:6]
        lines.append(f"{colours} |{''.join(s.text for s in strip).rstrip()}")
    return "\n".join(lines) + "\n"
