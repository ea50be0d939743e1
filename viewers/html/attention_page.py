"""The interactive attention page: every layer and head of one pass, what the model expected, and where the bytes were.

What the file holds, besides markup, style and script: `about` (JSON: names, texts, memory), `numbers` (float32 and
int32 by token, layer and head), and one block of attention per layer, unpacked when it is first looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.analysis.readings import attention_entropy, memory_by_place
from engine.errors import Cancelled, ProgramError
from engine.memory import place_of
from engine.recording import never
from engine.text import visible
from engine.trace import Trace
from viewers import palette
from viewers.exports import Options
from viewers.html.packing import packed, packed_attention, shuffled
from viewers.html.page import (
    assembled,
    bytes_block,
    json_block,
    origin_html,
    part,
    reproducing,
    scripts,
    settings_text,
)

Array = np.ndarray
PACKAGE = "viewers.html.attention"
SCRIPTS = ("data", "numbers", "colours", "state", "heads", "map", "text", "token", "entropy", "memory", "keys", "start")


def attention_page(trace: Trace, *, exact: bool = False, command: str = "", stop: Callable[[], bool] = never,
                   report: Callable[[int, int], None] | None = None) -> bytes:  # fmt: skip
    """The page of a recorded pass, as the bytes of an HTML file: the same trace gives the same bytes.

    exact    hold attention as float32, whatever the size; else in 256 steps of each row's largest number
    command  what makes the page again; made from the trace where none is given

    Raises ProgramError if no layer's attention was recorded, Cancelled.
    """
    about = trace.about
    entropies = np.full((about.layers, about.heads, len(trace.tokens)), np.nan, np.float32)
    blocks, recorded = [], []
    for i in range(about.layers):
        if stop():
            raise Cancelled("stopped before the page was made; nothing was written")
        pattern = whole_pattern(trace, i)
        recorded.append(pattern is not None)
        if pattern is not None:
            blocks.append(bytes_block(f"layer-{i}", packed_attention(pattern, exact)))
            entropies[i] = attention_entropy([pattern])[0]
        if report:
            report(i + 1, about.layers)
    if not any(recorded):
        raise ProgramError("this trace holds no attention: record it without --optimize, or with a larger budget")
    numbers, sections = _numbers(trace, entropies)
    data = json_block("about", _about(trace, exact, recorded, sections))
    return assembled(
        part(PACKAGE, "page.html"),
        title=f"Attention of {about.name}",
        style=part(PACKAGE, "style.css"),
        script=scripts(PACKAGE, SCRIPTS),
        parts={
            "data": "\n".join([data, bytes_block("numbers", numbers), *blocks]),
            "origin": origin_html(trace, command or reproducing(trace, "page", Options(exact=exact))),
        },
    )


def exported(trace: Trace, options: Options, format: str) -> bytes:
    """The row of the table of exports."""
    return attention_page(trace, exact=options.exact)


def whole_pattern(trace: Trace, layer: int) -> Array | None:
    """A layer's attention as (H, T, T) over the whole text, NaN in rows that were not recorded; None if none was."""
    address, tokens = f"blocks.{layer}.attn.pattern", len(trace.tokens)
    if address not in trace or trace[address].shape[-1] != tokens:
        return None
    recorded = trace[address][0]
    if recorded.shape[1] == tokens:
        return recorded
    whole = np.full((recorded.shape[0], tokens, tokens), np.nan, np.float32)
    whole[:, tokens - recorded.shape[1] :] = recorded  # the queries are the last of the text
    return whole


def _numbers(trace: Trace, entropies: Array) -> tuple[bytes, list[list[Any]]]:
    """Everything that is kept in full, and where it lies: (name, kind, count) in order."""
    foreseen = trace.foreseen
    arrays = {
        "logprobs": foreseen.logprobs.astype(np.float32),
        "entropies": foreseen.entropies.astype(np.float32),
        "ranks": foreseen.ranks.astype(np.int32),
        "candidate_ids": foreseen.candidate_ids.astype(np.int32),
        "candidate_logprobs": foreseen.candidate_logprobs.astype(np.float32),
        "attention_entropies": entropies,
        "contributions": trace.head_contributions.astype(np.float32),
    }
    sections = [[name, array.dtype.kind, array.size] for name, array in arrays.items()]
    return packed(*map(shuffled, arrays.values())), sections


def _about(trace: Trace, exact: bool, recorded: list[bool], sections: list[list[Any]]) -> dict[str, Any]:
    about = trace.about
    candidate_texts = {str(id): visible(text, spaces=True) for id, text in sorted(trace.candidate_texts.items())}
    return {
        "name": visible(about.name),
        "line": visible(about.line),
        "settings": visible(settings_text(trace)),
        "layers": about.layers,
        "heads": about.heads,
        "windows": _windows(trace),
        "texts": [visible(text, spaces=True) for text in about.texts],
        "ids": list(trace.tokens),
        "promptLength": about.prompt_length,
        "hasTokenizer": about.has_tokenizer,
        "candidates": trace.candidate_ids.shape[1],
        "candidateTexts": candidate_texts,
        "exact": exact,
        "recorded": recorded,
        "sections": sections,
        "memory": _memory(trace),
        "palettes": {"dark": palette.SEQUENTIAL, "light": palette.ON_PAPER},
    }


def _windows(trace: Trace) -> list[int | None]:
    """How many keys a query sees in each layer, itself included; the cache's window narrows the model's."""
    return [min(filter(None, (own, trace.settings.kv_window)), default=None) for own in trace.about.windows]


def _memory(trace: Trace) -> dict[str, Any]:
    """Bytes per place and per line; a row is (name, ..) so that the file stays small."""
    weights: dict[str, int] = {}
    for row in trace.rows:
        place = place_of(row.address)
        weights[place] = weights.get(place, 0) + row.weight_bytes
    places = [[p.name, weights.get(p.name, 0), p.needed_bytes, p.made_bytes] for p in memory_by_place(trace.rows)]
    lines = [
        [row.address, row.op, row.needed_bytes, 0 if row.is_view else row.cost.bytes_written, row.weight_bytes]
        for row in trace.rows
    ]
    return {"places": places, "lines": lines}
