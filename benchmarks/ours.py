"""Our side of a speed comparison, as one process: the PyTorch peer's work, one JSON line on standard output.

    python benchmarks/ours.py decode  SHAPE THREADS [DEPTH] [TOKENS] [--full]    tokens/s after a prompt of DEPTH (16)
    python benchmarks/ours.py prefill SHAPE THREADS [LENGTH]                     tokens/s, last logits only
    python benchmarks/ours.py outside SHAPE THREADS                              calls per token, time outside of them

Decoding goes through the lowered, compiled program with every layer's attention pattern kept, and takes the greedy
token. `--full` goes through `Session.generate` instead: sampling with every stage kept, predictions and entropies for
each token, and a snapshot 30 times a second.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from threadpoolctl import threadpool_limits

from engine.compile import compile_program
from engine.decoder import Decoder
from engine.kv_cache import KVCache
from engine.model import Model, open_model
from engine.prepare import prepare
from engine.rewrites.cache_kv import cache_slots
from engine.settings import Settings


def decode_rates(model: Model, depth: int, count: int) -> list[float]:
    """Tokens per second of the bare token loop, one rate per repetition (the first, a warm-up, left out)."""
    config, generator = model.config, np.random.default_rng(0)
    prepared = prepare(config, model.weights, Settings())
    prompt = compile_program(*prepared.prompt_last, prepared.keep)
    step = compile_program(*prepared.step, prepared.keep)
    cache = KVCache(cache_slots(prepared.prompt[0]), config.kv_heads, config.head_size, config.context)
    rates = []
    for _ in range(6):
        cache.rewind(0)
        ids = generator.integers(0, config.vocab, (1, depth))
        token = int(prompt({"tokens": ids, **cache.claim(depth)})["logits"].argmax())
        started = perf_counter()
        for _ in range(count):
            inputs = cache.claim(1)
            inputs["tokens"] = np.array([[token]])
            token = int(step(inputs)["logits"].argmax())
        rates.append(count / (perf_counter() - started))
    return rates[1:]


def prefill_rates(model: Model, length: int) -> list[float]:
    """Tokens per second of a prompt, in the chunks that the decoder uses; nothing but the last logits is kept."""
    decoder = Decoder(prepare(model.config, model.weights, Settings(), keep=()))
    generator, rates = np.random.default_rng(0), []
    for _ in range(10):
        decoder.rewind(0)
        ids = generator.integers(0, model.config.vocab, length).tolist()
        started = perf_counter()
        for fed in decoder.feed(ids, last_only=True):
            token = int(fed.logits[-1].argmax())
        assert token >= 0
        rates.append(length / (perf_counter() - started))
    return rates[2:]


def outside_numpy(model: Model) -> dict[str, float]:
    """How many calls the compiled token step makes, and the time it takes when each of them does nothing.

    Every function the step calls is replaced by one that returns at once; slices and reshapes stay, so the time is an
    upper bound of what Python adds to NumPy.
    """
    config = model.config
    prepared = prepare(config, model.weights, Settings())
    step = compile_program(*prepared.step, prepared.keep)
    cache = KVCache(cache_slots(prepared.prompt[0]), config.kv_heads, config.head_size, config.context)
    for _ in range(17):
        inputs = cache.claim(1) | {"tokens": np.array([[1]])}
        step(inputs)
    bound = step.bind(inputs)
    calls, one = [0], np.float32(1)

    def count(*args: object, **named: object) -> np.float32:
        calls[0] += 1
        return one

    def nothing(*args: object, **named: object) -> np.float32:
        return one

    namespace = bound.__globals__
    functions = [name for name, value in namespace.items() if callable(value) and name.startswith("v")]
    arguments = [inputs[name] for name in step._arguments]
    for stand_in in (count, nothing):
        namespace.update(dict.fromkeys(functions, stand_in))
        times = []
        for _ in range(500):
            started = perf_counter()
            bound(*arguments)
            times.append(perf_counter() - started)
        if stand_in is count:
            per_token = calls[0] / 500
    return {"calls": per_token, "outside_us": round(statistics.median(times) * 1e6, 1)}


def full_rates(model: Model, depth: int, count: int) -> list[float]:
    """Tokens per second of what the terminal app does: sampling stages, predictions, snapshots."""
    from engine.sampling import Sampler
    from engine.session import Session
    from engine.views import SnapshotMaker

    session = Session(model, sampler=Sampler(temperature=0.8, top_k=50, top_p=0.95))
    maker, generator, rates = SnapshotMaker(session), np.random.default_rng(0), []
    for _ in range(4):
        session.prompt(ids=generator.integers(0, model.config.vocab, depth).tolist())
        started = shown = perf_counter()
        for _ in session.generate(count, ignore_eos=True):
            if perf_counter() - shown > 1 / 30:
                maker.make()
                shown = perf_counter()
        rates.append(count / (perf_counter() - started))
    return rates[1:]


def main() -> None:
    """Read the command line of the peer, print its kind of line."""
    full = "--full" in sys.argv
    what, shape, threads, *rest = [word for word in sys.argv[1:] if word != "--full"]
    numbers = [int(word) for word in rest]
    with threadpool_limits(int(threads)):
        model = open_model(f"random:{shape}")
        if what == "outside":
            print(json.dumps({"shape": shape} | outside_numpy(model)))
            return
        depth = numbers[0] if numbers else (16 if what == "decode" else 128)
        if what == "decode":
            count = numbers[1] if len(numbers) > 1 else 64
            rates = full_rates(model, depth, count) if full else decode_rates(model, depth, count)
        else:
            rates = prefill_rates(model, depth)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    row = {"ours": "minigpt", "what": what, "shape": shape, "threads": int(threads), "depth": depth}
    print(
        json.dumps(
            row | {"tokens_per_s": round(statistics.median(rates), 1), "best": round(max(rates), 1), "peak_mib": peak}
        )
    )


if __name__ == "__main__":
    main()
