"""`cache_kv`: keys and values come from a cache, so that a new token costs one row instead of the whole text.

After this rewrite one program serves a prompt of 512 tokens and a step of 1: the queries are the new tokens, the keys
all that are in the cache. A layer with a sliding window gets a ring a little longer than that window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.listing import block_of
from engine.ops.attend import attend
from engine.ops.attention import causal_mask, scores, weighted_sum
from engine.ops.cache import APPENDS, append, append_int8, caches_of, widen
from engine.program import Line, Program, Weights

READS = {scores: {1: "k"}, weighted_sum: {1: "v"}, attend: {1: "k", 2: "v"}}
"""Which inputs of which operations are keys or values of all tokens seen."""


@dataclass(frozen=True)
class CacheSlot:
    """One cached value of a program: the input that holds it, the input with its positions, and its window.

    scales   the input with a scale for each token and head, where the cache is INT8
    """

    name: str
    key_position_ids: str
    window: int | None
    scales: str | None = None

    @property
    def is_key(self) -> bool:
        return self.name.endswith("cache_k")


def limit_window(program: Program, weights: Weights, window: int | None) -> tuple[Program, Weights]:
    """Let every query see at most `window` keys, itself included. Narrower windows of the model stay."""

    def narrowed(line: Line) -> Line:
        if window is None or line.op is not causal_mask:
            return line
        return replace(line, attrs={**line.attrs, "window": min(window, line.attrs.get("window") or window)})

    return program.with_lines(map(narrowed, program.lines)), weights


def cache_kv(program: Program, weights: Weights, int8: bool = False) -> tuple[Program, Weights]:
    """Insert an `append` line before each reader of keys or values; masks compare with the cached positions.

    int8   keep keys and values as whole numbers of a byte; a `widen` line makes them float32 for its reader
    """
    windows: dict[str, int | None] = {}
    for line in program.lines:
        if line.op is causal_mask:
            windows[line.out] = line.attrs.get("window")
        elif line.op.is_view and line.ins[0] in windows:
            windows[line.out] = windows[line.ins[0]]
    window_of = {block_of(line.out): windows[name] for line in program.lines for name in line.ins if name in windows}
    inputs: dict[str, None] = dict.fromkeys(program.inputs)
    lines: list[Line] = []
    for line in program.lines:
        if line.op is causal_mask:
            new = [replace(line, ins=(line.ins[0], _positions(windows[line.out])))]
        elif line.op in READS:
            window = line.attrs["window"] if line.op is attend else window_of.get(block_of(line.out))
            new = _reading_cache(line, window, int8)
        else:
            new = [line]
        lines += new
        inputs |= dict.fromkeys(name for other in new for name in _cached(other))
    return program.with_lines(lines, inputs=tuple(inputs)), weights


def cache_slots(program: Program) -> tuple[CacheSlot, ...]:
    """The caches a program reads, in order."""
    return tuple(
        CacheSlot(line.ins[0], line.ins[3], line.attrs["window"], next(iter(caches_of(line)[1:]), None))
        for line in program.lines
        if line.op in APPENDS
    )


def _reading_cache(reader: Line, window: int | None, int8: bool) -> list[Line]:
    """The `append` lines for the keys or values that a line reads, and the line reading their results."""
    place, positions = f"{block_of(reader.out)}.attn", _positions(window)
    ins = list(reader.ins)
    lines: list[Line] = []
    for at, kind in READS[reader.op].items():
        cache, seen, attrs = f"{place}.cache_{kind}", f"{place}.{kind}_seen", {"window": window}
        appended = (cache, ins[at], "position_ids", positions)
        if int8:
            scales = f"{cache}.scale"
            lines.append(Line(f"{seen}.int8", append_int8, (*appended, scales), attrs, reader.where))
            lines.append(Line(seen, widen, (lines[-1].out, scales), {}, reader.where))
        else:
            lines.append(Line(seen, append, appended, attrs, reader.where))
        ins[at] = seen
    if reader.op is attend:
        ins[-1] = positions
    return [*lines, replace(reader, ins=tuple(ins))]


def _cached(line: Line) -> tuple[str, ...]:
    """The inputs that a line needs beside the program's own."""
    if line.op is causal_mask:
        return (line.ins[1],)
    return (line.ins[3], *caches_of(line)) if line.op in APPENDS else ()


def _positions(window: int | None) -> str:
    return "key_position_ids" if window is None else f"key_position_ids.window{window}"
