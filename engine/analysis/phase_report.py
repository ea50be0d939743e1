"""The evolution report as files: a table for a spreadsheet, one for a person, and what is worth saying about them.

Where a formula says what a figure should be, it stands in brackets beside the measurement. Whatever a stage makes worse
is said in words.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise

from engine.analysis.phase_metrics import Measured, Number
from engine.analysis.phases import LOW_RANK, PLAIN, TIED
from engine.text import visible

SAME = 1e-3  # relative change of perplexity below which a stage changes nothing worth a word
INT8_SHARE, LAST_SHARE = 0.26, 1 / 3  # of float32, scales included; of the first stage


@dataclass(frozen=True)
class Facts:
    """What the report says of itself.

    source    the model, or what was trained       trained   for each trained variant how far, by its name; else empty
    text      what quality was measured on         tokens    length of the text that bytes, time and work are of
    machine   processor threads and libraries
    """

    source: str
    trained: Mapping[str, str]
    text: str
    tokens: int
    machine: str


def _count(value: Number) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _digits(places: int) -> Callable[[Number], str]:
    return lambda value: "-" if value is None else f"{value:,.{places}f}"


COLUMNS: dict[str, tuple[str, Callable[[Number], str]]] = {
    "parameters": ("parameters", _count),
    "attention_bytes": ("attention weights, bytes", _count),
    "mlp_bytes": ("MLP weights, bytes", _count),
    "embedding_bytes": ("embedding weights, bytes", _count),
    "weight_bytes": ("all weights, bytes", _count),
    "cache_bytes": ("cache, bytes", _count),
    "peak_bytes": ("peak activations, bytes", _count),
    "total_bytes": ("weights + cache + peak, bytes", _count),
    "arena_bytes": ("activation buffers allocated, bytes", _count),
    "held_bytes": ("held to be looked at, bytes", _count),
    "mean_logprob": ("mean logprob, nats", _digits(4)),
    "perplexity": ("perplexity", _digits(3)),
    "attention_entropy": ("attention entropy, nats", _digits(3)),
    "specialization": ("head specialization", _digits(4)),
    "ms": ("ms per token, median", _digits(3)),
    "ms_low": ("ms, lower quartile", _digits(3)),
    "ms_high": ("ms, upper quartile", _digits(3)),
    "timed_tokens": ("tokens timed", _count),
    "products": ("matrix products per token", _count),
    "flops": ("FLOPs per token", _count),
}
TABLES = {
    "Size": ("parameters", "attention_bytes", "mlp_bytes", "embedding_bytes", "weight_bytes", "cache_bytes",
             "peak_bytes", "total_bytes", "arena_bytes", "held_bytes"),
    "Quality and heads": ("mean_logprob", "perplexity", "attention_entropy", "specialization"),
    "Time and work": ("ms", "ms_low", "ms_high", "timed_tokens", "products", "flops"),
}  # fmt: skip


def phases_csv(rows: Sequence[Measured]) -> bytes:
    """One row per stage; each figure, and beside it `<name>_expected` where there is a formula."""
    expected = [name for name in COLUMNS if rows and name in rows[0].expected]
    heads = [head for name in COLUMNS for head in (name, *([f"{name}_expected"] if name in expected else []))]
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["stage", "settings", "variant", "watches", *heads])
    for row in rows:
        cells = {**row.figures, **{f"{name}_expected": value for name, value in row.expected.items()}}
        stage = row.stage
        writer.writerow([stage.name, " ".join(stage.settings.flags()), stage.variant, stage.watches,
                         *("" if cells[head] is None else cells[head] for head in heads)])  # fmt: skip
    return file.getvalue().encode("utf-8")


def phases_markdown(rows: Sequence[Measured], facts: Facts) -> bytes:
    """The report for a person."""
    lines = ["# Evolution of a model in ten stages", "",
             f"Of {_inert(facts.source)}. {len(rows)} of 10 stages were measured. "
             "In brackets: what the formula says, from the configuration and the settings alone.", ""]  # fmt: skip
    for title, names in TABLES.items():
        lines += [f"## {title}", "", *_table(rows, names), ""]
    lines += ["## What each stage is", ""]
    lines += [f"{i}. **{row.stage.name}** {row.stage.sentence} `{_flags(row)}`" for i, row in enumerate(rows, 1)]
    lines += ["", "## What it costs in quality", "", *(f"- {words}" for words in quality(rows, facts))]
    lines += ["", "## Against what was foretold", "", *(f"- {words}" for words in claims(rows))]
    lines += ["", "## What looking costs", "", *(f"- {words}" for words in looking(rows))]
    lines += ["", "## How it was measured", "", *(f"- {words}" for words in _method(facts)), ""]
    return "\n".join(lines).encode("utf-8")


def quality(rows: Sequence[Measured], facts: Facts) -> list[str]:
    """A sentence for each stage that made the text less or more foreseeable than the stage before."""
    if not facts.text:
        return ["Not measured: the model has no tokenizer, so it cannot read a text."]
    said = []
    for before, row in pairwise(rows):
        old, new, other = before.figures["perplexity"], row.figures["perplexity"], ""
        if facts.trained and before.stage.variant != row.stage.variant:
            other = ", where each was trained on its own"
        elif row.stage.settings.tie_embeddings and not before.stage.settings.tie_embeddings:
            other = "; two matrices that were not equal, read as one, are another model"
        if not old or not new:
            said.append(f"{row.stage.name}: **worse**, beyond what a number holds{other}.")
        elif abs(new - old) > SAME * old:
            word = "**worse**" if new > old else "better"
            said.append(f"{row.stage.name}: {word}, perplexity {old:,.3f} -> {new:,.3f} ({new / old - 1:+.1%}){other}.")
    return [*said, f"No {'other ' * bool(said)}stage changed the perplexity by more than {SAME:.1%}."]


def claims(rows: Sequence[Measured]) -> list[str]:
    """The figures that were promised, each against its bound, as measured."""
    named, said = {row.stage.name: row for row in rows}, []

    def value(stage: str, figure: str) -> float:
        return float(named[stage].figures[figure] or 0)

    for stage in ("tied weights", "low-rank MLP"):
        if stage in named:
            now, first = value(stage, "parameters"), value("FP32", "parameters")
            said.append(f"{stage}: {now:,.0f} parameters of {first:,.0f} ({now / first - 1:+.1%}).")
    for stage, before, part in (("INT8 attention", "tied weights", "attention"), ("INT8 MLP", "INT8 attention", "mlp")):
        if stage in named:
            share = value(stage, f"{part}_bytes") / value(before, f"{part}_bytes")
            said.append(f"{stage}: {share:.1%} of the bytes in float32, scales included ({_holds(share, INT8_SHARE)}).")
    if "entropy" in named:
        first, last, held = (value(*at) for at in (("FP32", "total_bytes"), ("entropy", "total_bytes"),
                                                   ("entropy", "held_bytes")))  # fmt: skip
        said.append(f"weights + cache + peak activations of the last stage: {last / first:.1%} of the first "
                    f"({_holds(last / first, LAST_SHARE)}); with what is held to be looked at "
                    f"{(last + held) / first:.1%}.")  # fmt: skip
    return said


def looking(rows: Sequence[Measured]) -> list[str]:
    """What the stages of observation cost against the stage before; these are the only ones that look."""
    said = []
    for before, row in pairwise(rows):
        if row.stage.watches:
            held, old, new = (row.figures["held_bytes"], before.figures["ms"], row.figures["ms"])
            said.append(f"{row.stage.name}: {_digits(3)(old)} -> {_digits(3)(new)} ms per token, {_count(held)} bytes "
                        "held.")  # fmt: skip
    return said


def _method(facts: Facts) -> list[str]:
    trained = [f"{name}: {how}" for name, how in facts.trained.items()]
    said = [f"Trained on their own, from the same seed and text, for as long: {'; '.join(trained)}."] if trained else []
    said += [f"Stages 1 to 3 are of `{PLAIN}`, 4 to 6 of `{TIED}`, 7 to 10 of `{LOW_RANK}`."] if trained else []
    return [
        *said,
        f"Quality: {_inert(facts.text)}, in windows that do not overlap." if facts.text else "Quality: not measured.",
        f"Bytes, time and work are of a text of {facts.tokens:,} tokens: of the pass that makes its last token, which "
        "without a cache is over the whole text. A prompt run at once needs more activations than its last token.",
        "Weights and cache are the arrays that exist; parameters are the numbers in them, scales not counted; peak "
        "activations are what that pass must hold at once, and the buffers are what the compiled pass has allocated.",
        "A token is timed alone, its pass compiled before; the operation log is not compiled, but runs line by line.",
        "FLOPs are those of every operation; their formula counts the matrix products only.",
        "Head specialization is 1 minus the mean cosine between the attention of two heads of a layer.",
        "Operation log, head views and entropy change nothing in the model: they measure what looking costs.",
        _inert(facts.machine),
    ]


def _table(rows: Sequence[Measured], names: Sequence[str]) -> list[str]:
    head = ["stage", *(COLUMNS[name][0] for name in names)]
    body = [[row.stage.name, *(_cell(row, name) for name in names)] for row in rows]
    return [_row(head), _row(["---", *["---:"] * len(names)]), *map(_row, body)]


def _cell(row: Measured, name: str) -> str:
    show = COLUMNS[name][1]
    return show(row.figures[name]) + (f" ({show(row.expected[name])})" if name in row.expected else "")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _flags(row: Measured) -> str:
    return " ".join(row.stage.settings.flags())


def _holds(share: float, most: float) -> str:
    return f"at most {most:.1%}: {'holds' if share <= most else 'does not hold'}"


def _inert(text: str) -> str:
    """A foreign text in Markdown: visible, and nothing in it is obeyed."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#!&" else c for c in visible(text))
