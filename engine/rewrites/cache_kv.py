"""`cache_kv`: keys and values come from a cache, so that a new token costs one row instead of the whole text.

After this rewrite one program serves a prompt of 512 tokens and a step of 1: the queries are the new tokens, the keys
all that are in the cache. A layer with a sliding window gets a ring a little longer than that window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.listing import block_of
from engine.ops.attention import causal_mask, scores, weighted_sum
from engine.ops.cache import append
from engine.program import Line, Program, Weights


@dataclass(frozen=True)
class CacheSlot:
    """One cached value of a program: the input that holds it, the input with its positions, its window if it has one."""

    name: str
    key_position_ids: str
    window: int | None


def limit_window(program: Program, weights: Weights, window: int | None) -> tuple[Program, Weights]:
    """Let every query see at most `window` keys, itself included. Narrower windows of the model stay."""

    def narrowed(line: Line) -> Line:
        if window is None or line.op is not causal_mask:
            return line
        return replace(line, attrs={**line.attrs, "window": min(window, line.attrs.get("window") or window)})

    return program.with_lines(map(narrowed, program.lines)), weights


def cache_kv(program: Program, weights: Weights) -> tuple[Program, Weights]:
    """Insert an `append` line before each reader of keys or values; masks compare with the cached positions."""
    windows = {line.out: line.attrs.get("window") for line in program.lines if line.op is causal_mask}
    window_of = {block_of(line.out): windows[name] for line in program.lines for name in line.ins if name in windows}
    inputs: dict[str, None] = dict.fromkeys(program.inputs)
    lines: list[Line] = []
    for line in program.lines:
        if line.op is causal_mask:
            positions = _positions(windows[line.out])
            inputs[positions] = None
            line = replace(line, ins=(line.ins[0], positions))
        elif line.op in (scores, weighted_sum):
            kept = _append(line, window_of.get(block_of(line.out)))
            inputs |= dict.fromkeys((kept.ins[3], kept.ins[0]))
            lines.append(kept)
            line = replace(line, ins=(line.ins[0], kept.out))
        lines.append(line)
    return program.with_lines(lines, inputs=tuple(inputs)), weights


def cache_slots(program: Program) -> tuple[CacheSlot, ...]:
    """The caches a program reads, in order."""
    return tuple(
        CacheSlot(line.ins[0], line.ins[3], line.attrs["window"]) for line in program.lines if line.op is append
    )


def _append(reader: Line, window: int | None) -> Line:
    """`attn.k_seen = append(attn.cache_k, k, ...)` for a line that reads keys, `v_seen` for one that reads values."""
    kind = "k" if reader.op is scores else "v"
    place = f"{block_of(reader.out)}.attn"
    ins = (f"{place}.cache_{kind}", reader.ins[1], "position_ids", _positions(window))
    return Line(f"{place}.{kind}_seen", append, ins, {"window": window}, reader.where)


def _positions(window: int | None) -> str:
    return "key_position_ids" if window is None else f"key_position_ids.window{window}"
