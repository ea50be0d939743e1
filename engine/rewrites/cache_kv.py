"""`cache_kv`: keys and values come from a cache, so that a new token costs one row instead of the whole text.

After this rewrite one program serves a prompt of 512 tokens and a step of 1: the queries are the new tokens, the keys
all that are in the cache. A layer with a sliding window gets a ring a little longer than that window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.listing import block_of
from engine.ops.attend import attend
from engine.ops.attention import causal_mask, scores, weighted_sum
from engine.ops.cache import append
from engine.program import Line, Program, Weights

READS = {scores: {1: "k"}, weighted_sum: {1: "v"}, attend: {1: "k", 2: "v"}}
"""Which inputs of which operations are keys or values of all tokens seen."""


@dataclass(frozen=True)
class CacheSlot:
    """One cached value of a program: the input that holds it, the input with its positions, its window if it has one."""

    name: str
    key_position_ids: str
    window: int | None

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


def cache_kv(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Insert an `append` line before each reader of keys or values; masks compare with the cached positions."""
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
            positions = _positions(windows[line.out])
            inputs[positions] = None
            line = replace(line, ins=(line.ins[0], positions))
        elif line.op in READS:
            window = line.attrs["window"] if line.op is attend else window_of.get(block_of(line.out))
            kept = [_append(line, at, kind, window) for at, kind in READS[line.op].items()]
            inputs |= dict.fromkeys(name for made in kept for name in (made.ins[3], made.ins[0]))
            lines += kept
            rest = line.ins[1 + len(kept) : -1] + (_positions(window),) if line.op is attend else ()
            line = replace(line, ins=(line.ins[0], *(made.out for made in kept), *rest))
        lines.append(line)
    return program.with_lines(lines, inputs=tuple(inputs)), weights


def cache_slots(program: Program) -> tuple[CacheSlot, ...]:
    """The caches a program reads, in order."""
    return tuple(
        CacheSlot(line.ins[0], line.ins[3], line.attrs["window"]) for line in program.lines if line.op is append
    )


def _append(reader: Line, at: int, kind: str, window: int | None) -> Line:
    """`attn.k_seen = append(attn.cache_k, k, ...)` for the input `at` of a line that reads keys or values."""
    place = f"{block_of(reader.out)}.attn"
    ins = (f"{place}.cache_{kind}", reader.ins[at], "position_ids", _positions(window))
    return Line(f"{place}.{kind}_seen", append, ins, {"window": window}, reader.where)


def _positions(window: int | None) -> str:
    return "key_position_ids" if window is None else f"key_position_ids.window{window}"
