"""Measuring one stage: its bytes, its quality, its heads, its time and its work, each from what exists or was run.

bytes      of the arrays that the program reads and that the cache holds; activations as the pass for the next token
           needs them at once, and the arena that was allocated for them
quality    of a held-out text, in windows that do not overlap (`evaluate`)
heads      over the first windows of that text
time       of tokens at the end of one window, each run on its own; compiling is done before and not counted
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from engine.analysis.evaluate import Evaluation, evaluate
from engine.analysis.phase_formulas import expected_flops, expected_parameters, expected_products
from engine.analysis.phases import ENTROPY, LOG, PATTERNS, Stage
from engine.analysis.readings import attention_entropy, head_similarity, mean_over_tokens, specialization
from engine.cost import price, total
from engine.decoder import Decoder, Fed
from engine.memory import LayerMemory, held_bytes
from engine.memory_report import MemoryMeter, address_of, generating, shapes_of
from engine.model import Model
from engine.ops.attend import attend
from engine.ops.attention import scores, weighted_sum
from engine.ops.int8 import embed_int8, linear_int8
from engine.ops.linear import linear
from engine.prepare import patterns, prepare
from engine.program import Program, Weights
from engine.run import Run

Array = np.ndarray
Number = int | float | None
Figures = dict[str, Number]
PRODUCTS = {linear: 1, linear_int8: 1, scores: 1, weighted_sum: 1, attend: 2}
WATCHED_WINDOWS = 8
MOST_TIMED, FEWEST_TIMED, TIMED_S = 48, 5, 8.0  # tokens; tokens and seconds where each runs the whole text
EMBEDDINGS = ("embed", "unembed")


@dataclass(frozen=True)
class Sample:
    """What every stage is measured on.

    text      held-out text, None where the model cannot read any
    windows   ids, each at most as long as the context; the first is also what is timed
    """

    text: str | None
    windows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Measured:
    """The figures of one stage by name, None where there is none, and what the formulas say of some of them."""

    stage: Stage
    figures: Mapping[str, Number]
    expected: Mapping[str, Number]


def measure(stage: Stage, model: Model, sample: Sample, report: Callable[[int, int], None] | None = None) -> Measured:
    """All figures of a stage. `report` is told (done, total) tokens while the text is scored."""
    keep = patterns(model.config) if stage.watches in (PATTERNS, ENTROPY) else ()
    prepared = prepare(model.config, model.weights, stage.settings, keep, model.factors)
    ids = sample.windows[0]
    decoder, figures = Decoder(prepared), Figures()
    figures |= timed(stage, decoder, ids)
    sizes, expected = sizes_of(decoder, len(ids))
    figures |= sizes | work_of(decoder, len(ids)) | heads_of(model, stage, sample.windows)
    figures |= quality_of(model, stage, sample.text, report)
    expected["parameters"] = expected_parameters(model.config, stage.settings)
    expected["products"] = expected_products(model.config, stage.settings)
    expected["flops"] = expected_flops(model.config, stage.settings, len(ids))
    return Measured(stage, figures, expected)


def sizes_of(decoder: Decoder, tokens: int) -> tuple[Figures, Figures]:
    """Parameters and bytes as they are, and bytes as the formula has them, after so many tokens."""
    report = MemoryMeter().report(decoder, None, tokens)
    program, weights = generating(decoder.prepared)
    found = _bytes(report.parts, report.peak_needed_bytes)
    found |= {"parameters": parameter_count(program, weights), "arena_bytes": decoder.arena_bytes}
    expected = _bytes(report.expected, max(part.activation_needed_bytes for part in report.expected))
    return found, expected


def _bytes(parts: Sequence[LayerMemory], peak: int) -> Figures:
    def weights(*names: str) -> int:
        return sum(part.weights_bytes for part in parts if part.part in names)

    whole, cache = weights("attention", "mlp", "norms", *EMBEDDINGS), sum(part.cache_allocated_bytes for part in parts)
    return {
        "attention_bytes": weights("attention"),
        "mlp_bytes": weights("mlp"),
        "embedding_bytes": weights(*EMBEDDINGS),
        "weight_bytes": whole,
        "cache_bytes": cache,
        "peak_bytes": peak,
        "total_bytes": whole + cache + peak,
    }


def parameter_count(program: Program, weights: Weights) -> int:
    """How many numbers a program reads as weights, each memory once; scales of whole numbers are none."""
    scales = {line.ins[2] for line in program.lines if line.op in (linear_int8, embed_int8)}
    arrays = (weights[name] for name in program.params if name not in scales)
    return sum({address_of(array): array.size for array in arrays}.values())


def work_of(decoder: Decoder, tokens: int) -> Figures:
    """Matrix products and FLOPs of the pass that follows so many tokens less one, from the costs of its lines."""
    program, weights = generating(decoder.prepared)
    shapes = shapes_of(program, weights, decoder.cache, tokens)
    products = sum(PRODUCTS.get(line.op, 0) for line in program.lines)
    return {"products": products, "flops": total(price(program, shapes)).flops}


def heads_of(model: Model, stage: Stage, windows: Sequence[Sequence[int]]) -> Figures:
    """Mean entropy (nats) of all heads' attention, and how unlike the heads of a layer are, over some windows."""
    config = model.config
    decoder = Decoder(prepare(config, model.weights, stage.settings, patterns(config), model.factors))
    entropies, unlike, counts = [], [], []
    for ids in windows[:WATCHED_WINDOWS]:
        decoder.rewind(0)
        for fed in decoder.feed(ids):
            counts.append(fed.patterns[0].shape[1])
            entropies.append(float(mean_over_tokens(attention_entropy(fed.patterns)).mean()))
            unlike.append(float(specialization(head_similarity(fed.patterns), config.heads).mean()))
    means = (float(np.average(values, weights=counts)) for values in (entropies, unlike))
    return dict(zip(("attention_entropy", "specialization"), map(_or_none, means), strict=True))


def quality_of(
    model: Model, stage: Stage, text: str | None, report: Callable[[int, int], None] | None = None
) -> Figures:
    """Mean log probability (nats per token) and perplexity of the text; None where there is none."""
    done: Evaluation | None = None
    for done in evaluate(model, text, stage.settings) if text is not None else ():
        if report:
            report(done.tokens, done.total)
    if done is None:
        return {"mean_logprob": None, "perplexity": None}
    return {"mean_logprob": -done.nats_per_token, "perplexity": _or_none(done.perplexity)}


def timed(stage: Stage, decoder: Decoder, ids: Sequence[int]) -> Figures:
    """Median and quartiles of the milliseconds that a token takes at the end of a text, and the bytes looking holds."""
    runs = _logged if stage.watches == LOG else _whole if decoder.cache is None else _fed
    spent, held, started = list[float](), 0, perf_counter()
    for seconds, looked_at in runs(stage, decoder, ids):
        spent.append(1e3 * seconds)
        by_number = {str(i): array for i, array in enumerate(looked_at)}
        held = max(held, sum(held_bytes(by_number, lambda _: "all").values()))
        if decoder.cache is None and len(spent) >= FEWEST_TIMED and perf_counter() - started > TIMED_S:
            break
    for _ in decoder.feed(ids[len(decoder.ids) :]):  # so that bytes are told of the whole text
        pass
    low, middle, high = np.percentile(spent, (25, 50, 75)).tolist()
    return {"ms": middle, "ms_low": low, "ms_high": high, "timed_tokens": len(spent), "held_bytes": held}


def _fed(stage: Stage, decoder: Decoder, ids: Sequence[int]) -> Iterator[tuple[float, list[Array]]]:
    """Feed one token after the other; for the last ones yields seconds, and all that was kept to be looked at."""
    first, kept = _first_timed(ids), list[Array]()
    for at, id in enumerate(ids):
        started = perf_counter()
        fed = _last(decoder, [id])
        kept += fed.patterns
        if stage.watches == ENTROPY:
            kept.append(attention_entropy(fed.patterns))
        seconds = perf_counter() - started
        if at >= first:
            yield seconds, kept


def _whole(_: Stage, decoder: Decoder, ids: Sequence[int]) -> Iterator[tuple[float, list[Array]]]:
    """The pass that makes each of the last tokens, over the whole text before it, the last token first."""
    for length in range(len(ids), _first_timed(ids), -1):
        decoder.rewind(0)
        _last(decoder, ids[:length])  # each length is compiled on its own, beforehand
        decoder.rewind(0)
        started = perf_counter()
        _last(decoder, ids[:length])
        yield perf_counter() - started, []


def _logged(_: Stage, decoder: Decoder, ids: Sequence[int]) -> Iterator[tuple[float, list[Array]]]:
    """The same passes line by line, timing every line and keeping every value."""
    program, weights = decoder.prepared.prompt
    for length in range(len(ids), _first_timed(ids), -1):
        started = perf_counter()
        run = Run(program, weights, {"tokens": np.array([ids[:length]]), "position_ids": np.arange(length)}).run()
        yield perf_counter() - started, [run.values[line.out] for line in program.lines]


def _last(decoder: Decoder, part: Sequence[int]) -> Fed:
    return next(iter(decoder.feed(part, last_only=True)))


def _first_timed(ids: Sequence[int]) -> int:
    return len(ids) - min(MOST_TIMED, max(1, len(ids) // 2))


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
