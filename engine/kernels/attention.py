"""Kernels of attention, rotary positions and the cache, for one text."""

from __future__ import annotations

import math

import numpy as np

from engine.emitter import Emitter, Ref
from engine.kernels import blocks
from engine.kernels.forms import is_flat, item, number
from engine.ops import cache
from engine.ops.int8 import LARGEST, SMALLEST
from engine.program import Line

SAFE_SQUARES = 3600.0  # of the scores of a query, summed: then none is beyond 60, and no exponential overflows


def append_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """Write one row in its slot, or many through the operation; the result is a slice that grows."""
    _, new, position_ids, key_position_ids = ins
    whole = out.cache
    assert whole is not None
    if new.shape[2] == 1 and whole.shape[0] == 1:
        slot = item(e, position_ids)
        if line.attrs.get("window") is not None:
            slot = e.once(f"{slot} % {whole.shape[2]}")
        e.line(f"{e.view(Ref(whole.shape, whole), lambda a: a[0])}[:, {slot}] = {e.view(new, lambda a: a[0, :, 0])}")
    else:
        e.call(cache.append_forward, e.constant(whole), e.whole(new), e.whole(position_ids), e.whole(key_position_ids))
    out.name = e.once(f"{e.constant(whole)}[:, :, :{out.shape[2]}]")
    return True


def append_int8_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """Round one row into its slot, or many through the operation; the result is a slice that grows."""
    _, new, position_ids, key_position_ids, scales = ins
    whole, tops = out.cache, scales.fixed
    assert whole is not None
    if new.shape[2] == 1 and whole.shape[0] == 1:
        x, space, column = (
            e.view(new, lambda a: a[0, :, 0]),
            np.empty(whole.shape[1::2], np.float32),
            tops[0, :, 0].copy(),
        )
        slot = e.once(f"{item(e, position_ids)} % {whole.shape[2]}")
        t, s = e.constant(space), e.constant(column)
        e.call(np.abs, x, t)
        e.call(np.maximum.reduce, t, "-1", "None", s)
        e.call(np.divide, s, number(e, LARGEST), s)
        e.call(np.maximum, s, number(e, SMALLEST), out=s)
        e.call(np.divide, x, e.constant(column[:, None]), t)
        e.call(np.rint, t, t)
        e.line(f"{e.constant(whole[0])}[:, {slot}] = {t}")
        e.line(f"{e.constant(tops[0])}[:, {slot}] = {s}")
    else:
        names = map(e.whole, (new, position_ids, key_position_ids, scales))
        e.call(cache.append_int8_forward, e.constant(whole), *names)
    out.name = e.once(f"{e.constant(whole)}[:, :, :{out.shape[2]}]")
    return True


def scores_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """One query: G products of (H/G, d) and (d, S)."""
    q, k = ins
    if q.shape[2] != 1 or q.shape[0] != 1 or not _is_seen(k) or not out.grows:
        return False
    groups, seen = int(k.shape[1]), k.shape[2]
    per_group = int(q.shape[1]) // groups
    if k.cache is not None:
        keys = e.once(f"{e.view(Ref(k.cache.shape, k.cache), lambda a: a[0].swapaxes(1, 2))}[:, :, :{seen}]")
    else:
        keys = e.once(f"{e.shaped(k, *k.shape[1:])}.swapaxes(1, 2)")
    queries = e.view(q, lambda a: a.reshape(groups, per_group, a.shape[3]))
    e.call(np.matmul, queries, keys, e.shaped(out, groups, per_group, seen))
    return True


def softmax_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """The shift by the maximum is left out where no score is large: exp cannot overflow then.

    The sum of squares bounds every score; with -inf or NaN among them the comparison fails and the shift is made.
    """
    (x,) = ins
    if is_flat(x) and is_flat(out):
        e.call(blocks.softmax, e.rows(x, x.shape[-1]), e.rows(out, x.shape[-1]))
        return True
    if not x.grows or x.array is None or any(isinstance(size, str) for size in x.shape[:-1]):
        return False
    heads, seen = math.prod(int(size) for size in x.shape[:-1]), x.shape[3]
    raw, y = e.flat(x), e.flat(out)
    rows, y_rows = e.shaped(x, heads, seen), e.shaped(out, heads, seen)
    column = np.empty(heads, np.float32)
    flat_column, tall_column = e.constant(column), e.constant(column[:, None])
    ones = e.once(f"{e.constant(np.ones(_capacity(x), np.float32))}[:{seen}]")
    start = e.fresh()
    e.line(f"{start} = {raw}")
    e.line(f"if not {raw}.dot({raw}) <= {SAFE_SQUARES}:")
    e.line(f"    {e.constant(np.maximum.reduce)}({rows}, -1, None, {flat_column})")
    e.line(f"    {e.constant(np.subtract)}({rows}, {tall_column}, {y_rows})")
    e.line(f"    {start} = {y}")
    e.line(f"{e.constant(np.exp)}({start}, {y})")
    e.line(f"{y_rows}.dot({ones}, {flat_column})")
    e.call(np.divide, y_rows, tall_column, y_rows)
    return True


def weighted_sum_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """One query: G products of (H/G, S) and (S, d)."""
    pattern, v = ins
    if not pattern.grows or pattern.shape[2] != 1 or pattern.shape[0] != 1 or not _is_seen(v):
        return False
    groups, seen, size = int(v.shape[1]), v.shape[2], int(v.shape[3])
    per_group = int(pattern.shape[1]) // groups
    if v.cache is not None:
        values = e.once(f"{e.view(Ref(v.cache.shape, v.cache), lambda a: a[0])}[:, :{seen}]")
    else:
        values = e.shaped(v, *v.shape[1:])
    weights = e.shaped(pattern, groups, per_group, seen)
    e.call(np.matmul, weights, values, e.view(out, lambda a: a.reshape(groups, per_group, size)))
    return True


def _is_seen(ref: Ref) -> bool:
    """Whether a value is the keys or values of all tokens: in a cache, or widened into a buffer that grows."""
    return ref.cache is not None or (ref.grows and ref.array is not None)


def rotate_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """One token: x * [cos cos] + swapped x * [-sin sin], over all heads at once."""
    x, cos, sin = ins
    if x.shape[2] != 1 or x.shape[0] != 1 or cos.grows:
        return False
    heads, half = int(x.shape[1]), int(cos.shape[1])
    cosines, sines = _tiled(e, cos, heads, 1), _tiled(e, sin, heads, -1)
    spare = np.empty((heads, 2, half), np.float32)
    swapped = e.view(x, lambda a: a.reshape(heads, 2, half)[:, ::-1])
    y = e.flat(out)
    e.call(np.multiply, e.flat(x), e.view(cosines, lambda a: a.reshape(-1)), y)
    e.call(np.multiply, swapped, e.whole(sines), e.constant(spare))
    e.call(np.add, y, e.constant(spare.reshape(-1)), y)
    return True


def _tiled(e: Emitter, angle: Ref, heads: int, sign: int) -> Ref:
    """The token's cosines (or sines, negative in the first half) once per head, made once per call of the function."""
    memo = e.memo.setdefault((id(angle), heads), None)
    if memo is None:
        tile = np.empty((heads, 2, int(angle.shape[1])), np.float32)
        memo = e.memo[id(angle), heads] = Ref(tile.shape, tile)
        row = e.flat(angle)
        e.line(f"{e.constant(tile)}[:] = {row}")
        if sign < 0:
            first = e.constant(tile[:, 0])
            e.call(np.negative, first, first)
    return memo


def _capacity(x: Ref) -> int:
    """The longest that the growing axis of a score-shaped value can become."""
    assert x.array is not None
    return x.array.size // math.prod(int(size) for size in x.shape[:-1])
