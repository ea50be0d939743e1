"""What each setting costs against float32, as ratios within one process: a generated token, a prompt, a toggle.

    python benchmarks/settings.py [MODEL ...] [--tokens N] [--length N] [--rounds N]

The settings take turns, so that a busy machine is unfair to all of them alike; of each the fastest time counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from engine.decoder import Decoder
from engine.lane import with_words
from engine.model import open_model
from engine.prepare import prepare
from engine.session import Session
from engine.settings import Settings

WORDS = ("", "int8=attention", "int8=mlp", "int8=all", "int8=all,int8-embedding", "int8-cache", "rank=32",
         "rank=32,int8=all", "optimize=off", "fuse-qkv,optimize=off")  # fmt: skip
MODELS = ("shakespeare", "random:gpt2-2x240", "random:gpt2-124m")


def seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def toggled(session: Session, settings: Settings) -> float:
    """Seconds from a change of settings to the next token."""
    started = perf_counter()
    session.change(settings)
    session.next_token()
    return perf_counter() - started


def measure(spec: str, tokens: int, length: int, rounds: int) -> None:
    """Print one line per setting: milliseconds, and how many times those of float32."""
    model = open_model(spec)
    length = min(length, model.config.context - tokens)
    ids = np.random.default_rng(0).integers(0, model.config.vocab, length).tolist()
    session = Session(model)
    session.prompt(ids=ids[: length // 2])
    toggles, decoders = {}, {}
    for words in WORDS:
        settings = with_words(Settings(), words)
        session.change(Settings())
        toggles[words] = toggled(session, settings)
        session.take_back()
        made = prepare(model.config, model.weights, settings, keep=(), factors=model.factors)
        decoders[words] = Decoder(made)
    prompts, steps = dict.fromkeys(WORDS, np.inf), dict.fromkeys(WORDS, np.inf)
    for _ in range(rounds):
        for words, decoder in decoders.items():
            decoder.rewind(0)
            prompts[words] = min(prompts[words], seconds(lambda d=decoder: list(d.feed(ids, last_only=True))))  # type: ignore[misc]
            for id in ids[:tokens]:
                steps[words] = min(steps[words], seconds(lambda d=decoder, id=id: list(d.feed([id]))))  # type: ignore[misc]
    print(f"{model.name}, a prompt of {length} and {tokens} tokens after it")
    for words in WORDS:
        ratios = (f"{1e3 * t[words]:10.3f} ms x{t[words] / t['']:.2f}" for t in (steps, prompts))
        print(f"  {words or 'float32':<24}", "token", *ratios, f"  toggle {1e3 * toggles[words]:6.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    for name in args.models:
        measure(name, args.tokens, args.length, args.rounds)
