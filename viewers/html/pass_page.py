"""The page of a stepped pass: every operation with its equation, what it means, what it cost and what came out.

A page to hand out. It folds by block and part, prints what is open, and needs no script for reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from engine.errors import Cancelled, ProgramError
from engine.listing import block_of
from engine.memory import place_of
from engine.ops.mathml import mathml
from engine.recording import never
from engine.text import visible
from engine.trace import Trace, TraceRow
from viewers.exports import Options
from viewers.html.page import assembled, escaped, origin_html, part, reproducing, scripts
from viewers.html.quantities import count_text, percent_text
from viewers.html.values import axes_text, cell_style, legend_html, value_html
from viewers.numbers import bytes_text, seconds_text

PACKAGE = "viewers.html.stepped"
PARTS = {"attn": "Attention", "mlp": "MLP"}
PLACES = {"embed": "Before the blocks", "unembed": "After the blocks"}
OPEN_BLOCKS = ("embed", "blocks.0")
LETTERS = (
    ("T", "tokens now"), ("S", "tokens seen"), ("D", "width"), ("H", "query heads"), ("G", "key and value heads"),
    ("d", "head size"), ("F", "hidden width of the MLP"), ("V", "vocabulary"),
)  # fmt: skip


def exported(trace: Trace, options: Options, format: str) -> bytes:
    """The row of the table of exports."""
    return pass_page(trace)


def pass_page(trace: Trace, *, command: str = "", stop: Callable[[], bool] = never,
              report: Callable[[int, int], None] | None = None) -> bytes:  # fmt: skip
    """The page of a recorded pass, as the bytes of an HTML file: the same trace gives the same bytes.

    Raises ProgramError if the trace does not say which lines were run, Cancelled.
    """
    if not trace.rows:
        raise ProgramError("this trace does not say which operations were run")
    numbers = {row.address: i for i, row in enumerate(trace.rows, 1)}
    blocks = []
    for place, rows in groupby(trace.rows, lambda row: place_of(row.address)):
        if stop():
            raise Cancelled("stopped before the page was made; nothing was written")
        held = list(rows)
        blocks.append(_block(trace, place, held, numbers))
        if report:
            report(numbers[held[-1].address], len(trace.rows))
    return assembled(
        part(PACKAGE, "page.html"),
        title=f"One pass of {trace.about.name}",
        style=part(PACKAGE, "style.css") + cell_style(),
        script=scripts(PACKAGE, ["fold"]),
        parts={
            "heading": escaped(f"One pass of {trace.about.name}, operation by operation"),
            "lead": _lead(trace),
            "body": _text(trace) + _letters() + legend_html() + "".join(blocks) + _next(trace),
            "origin": origin_html(trace, command or reproducing(trace, "pass")),
        },
    )


def _lead(trace: Trace) -> str:
    flops = sum(row.cost.flops for row in trace.rows)
    return escaped(
        f"{trace.about.line}. {len(trace.tokens)} tokens, {len(trace.rows)} operations, {count_text(flops)} "
        f"floating point operations, {seconds_text(trace.elapsed_s)}. "
        "Times are of one run that was stepped, line by line."
    )


def _text(trace: Trace) -> str:
    tokens = (
        f"<span>{escaped(visible(text, spaces=True))}</span><sub>{i}</sub> " for i, text in enumerate(trace.about.texts)
    )
    return f'<p class="text">{"".join(tokens)}</p>'


def _letters() -> str:
    return f'<dl class="words">{"".join(f"<div><dt>{name}</dt><dd>{said}</dd></div>" for name, said in LETTERS)}</dl>'


def _block(trace: Trace, place: str, rows: list[TraceRow], numbers: dict[str, int]) -> str:
    title = PLACES.get(place) or f"Block {place.rsplit('.', 1)[-1]}"
    body = "".join(_part(trace, name, held, numbers) for name, held in _parts(rows))
    is_open = " open" if place in OPEN_BLOCKS else ""
    return f'<details class="block"{is_open}><summary>{escaped(title)}{_totals(rows)}</summary>{body}</details>'


def _parts(rows: list[TraceRow]) -> Iterator[tuple[str, list[TraceRow]]]:
    """Neighbouring lines of one part of a block; lines of the residual stream stand by themselves."""
    for name, held in groupby(rows, lambda row: _part_of(row.address)):
        yield name, list(held)


def _part_of(address: str) -> str:
    block = block_of(address)
    word = address.removeprefix(block + ".").split(".")[0] if block else ""
    return PARTS.get(word, "Residual stream" if block else "")


def _part(trace: Trace, name: str, rows: list[TraceRow], numbers: dict[str, int]) -> str:
    body = "".join(_operation(trace, row, numbers[row.address]) for row in rows)
    if not name:
        return body
    return f'<details class="part" open><summary>{name}{_totals(rows)}</summary>{body}</details>'


def _totals(rows: list[TraceRow]) -> str:
    elapsed = sum(row.elapsed_s or 0.0 for row in rows)
    flops = count_text(sum(row.cost.flops for row in rows))
    count = f"{len(rows)} operation{'' if len(rows) == 1 else 's'}"
    return f"<small>{count} · {flops} FLOPs · {seconds_text(elapsed)}</small>"


def _operation(trace: Trace, row: TraceRow, number: int) -> str:
    equation = mathml(row.op) or f"<code>{escaped(row.equation)}</code>"
    facts = [
        ("shape", axes_text(row.address, row.shape)),
        ("FLOPs", count_text(row.cost.flops)),
        ("reads", bytes_text(row.cost.bytes_read)),
        ("writes", "a view, nothing" if row.is_view else bytes_text(row.cost.bytes_written)),
        ("memory needed", bytes_text(row.needed_bytes)),
        ("time", seconds_text(row.elapsed_s)),
    ]
    told = "".join(f"<div><dt>{name}</dt><dd>{escaped(value)}</dd></div>" for name, value in facts)
    return (
        f'<article id="{escaped(row.address)}"><span class="number">{number}</span>'
        f"<h3>{escaped(row.address)} <small>= {escaped(row.call)}</small></h3>"
        f'<p class="equation">{equation}</p>'
        f'<p class="why">{escaped(row.explanation)}</p><dl class="facts">{told}</dl>'
        f"{_value(trace, row.address)}</article>"
    )


def _value(trace: Trace, address: str) -> str:
    if address in trace:
        return value_html(address, trace[address], trace.about.texts)
    why = "was computed, but not kept" if address in trace.dropped else "the run had not come to it"
    return f'<p class="note">{why}</p>'


def _next(trace: Trace) -> str:
    """What the model expects after the last token."""
    if not trace.candidate_ids.size:
        return ""
    texts = trace.candidate_texts
    rows = "".join(
        f'<tr><th scope="row"><bdi>{escaped(visible(texts.get(int(id), str(id)), spaces=True))}</bdi></th>'
        f"<td>{percent_text(float(logprob))}</td><td>{_signed(float(logprob))} nats</td></tr>"
        for id, logprob in zip(trace.candidate_ids[-1], trace.candidate_logprobs[-1], strict=True)
    )
    return (
        '<details class="block" id="next" open><summary>What comes next</summary><article><p class="why">The likeliest '
        f"tokens after the last one, from softmax of its logits.</p><table>{rows}</table></article></details>"
    )


def _signed(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")
