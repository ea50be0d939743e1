"""Which NumPy calls an operation becomes in a compiled function, where that is faster than the operation as written.

A kernel gets an emitter, the line, its inputs and its output, and returns whether it applies. For one row (a generated
token) everything is one-dimensional: NumPy walks such arrays without setting up an iterator, three times as fast as
(1, D). For many rows a linear is one matrix product over all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.emitter import Emitter, Ref
from engine.ops import activation, attention, cache, embedding, linear, norm, rope
from engine.program import Line, Op
from engine.rewrites.lay_out import THREADED_ELEMENTS

Kernel = Callable[[Emitter, Line, list[Ref], Ref], bool]
SAFE_EXPONENT = 60.0  # exp of anything up to this, summed over any text, is far from overflow in float32


def one_row(out: Ref) -> bool:
    """Whether a value is a single row: all axes but the last are 1."""
    return not out.grows and math.prod(out.sizes[:-1]) == 1


def is_flat(ref: Ref) -> bool:
    """Whether a value lies in one piece of memory, so that it can be seen as one axis."""
    return ref.array is not None and not ref.grows and ref.array.flags.c_contiguous


def linear_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    x, weight, *bias = ins
    stored = weight.fixed
    matrix = stored.T if line.attrs["transposed"] else stored  # (in, out)
    if not one_row(out):
        y = e.rows(out, out.shape[-1])
        e.call(np.matmul, e.rows(x, x.shape[-1]), e.constant(matrix), y)
    else:
        row, y = e.flat(x), e.flat(out)
        if matrix.flags.c_contiguous:
            e.call(e.namespace[row].dot, e.constant(matrix), y)
        elif matrix.flags.f_contiguous and matrix.size < THREADED_ELEMENTS:
            e.call(np.vecdot, e.constant(matrix.T), row, y)
        elif matrix.flags.f_contiguous:
            e.call(matrix.T.dot, row, y)
        else:
            e.call(np.matmul, row, e.constant(matrix), y)
    if bias:
        e.call(np.add, y, e.constant(bias[0].fixed), y)
    return True


def flat_kernel(ufunc: np.ufunc) -> Kernel:
    """One call on flat arrays, for element-wise operations on contiguous arrays of one size."""

    def kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
        if not all(is_flat(ref) and math.prod(ref.sizes) == math.prod(out.sizes) for ref in (out, *ins)):
            return False
        e.call(ufunc, *map(e.flat, ins), e.flat(out))
        return True

    return kernel


def scale_shift_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    if not one_row(out):
        return False
    e.call(np.multiply, e.flat(ins[0]), e.flat(ins[1]), e.flat(out))
    if len(ins) > 2:
        e.call(np.add, e.flat(out), e.flat(ins[2]), e.flat(out))
    return True


def normalize_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """Both norms. A single row's one number is computed in Python and handed on in a 0-dimensional array."""
    if not is_flat(ins[0]):
        return False
    width, eps = e.width(out), float(line.attrs["eps"])
    centred = line.op is norm.layer_normalize
    averaging = e.constant(np.full(width, 1 / width, np.float32))
    if one_row(out):
        row, y = e.flat(ins[0]), e.flat(out)
        number = e.constant(np.empty((), np.float32))
        if centred:
            e.call(e.namespace[row].dot, averaging, number)
            e.call(np.subtract, row, number, y)
            row = y
        square = f"{e.constant(e.namespace[row].dot)}({row}).item()"
        e.line(f"{number}[()] = 1.0 / {e.constant(math.sqrt)}({square} * {1 / width!r} + {eps!r})")
        e.call(np.multiply, row, number, y)
        return True
    rows, y = e.rows(ins[0], width), e.rows(out, width)
    column = np.empty(math.prod(out.sizes[:-1]), np.float32)
    flat, tall = e.constant(column), e.constant(column[:, None])
    if centred:
        e.call(e.namespace[rows].dot, averaging, flat)
        e.call(np.subtract, rows, tall, y)
        rows = y
    e.call(np.vecdot, rows, rows, flat)
    e.call(np.multiply, flat, _number(e, 1 / width), flat)
    e.call(np.add, flat, _number(e, eps), flat)
    e.call(np.sqrt, flat, flat)
    e.call(np.divide, rows, tall, y)
    return True


def gelu_tanh_folded_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """u (1 + tanh(u (u² + b))), with constants as 0-dimensional arrays."""
    if not (is_flat(ins[0]) and is_flat(out)):
        return False
    u, t = e.flat(ins[0]), e.scratch(math.prod(out.sizes))
    e.call(np.multiply, u, u, t)
    e.call(np.add, t, _number(e, activation.SQRT_2_OVER_PI / activation.GELU_INNER), t)
    e.call(np.multiply, t, u, t)
    e.call(np.tanh, t, t)
    e.call(np.add, t, _number(e, 1), t)
    e.call(np.multiply, t, u, e.flat(out))
    return True


def silu_folded_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """u (1 + tanh(u))."""
    if one_row(out):
        u, t, y = e.flat(ins[0]), e.scratch(e.width(out)), e.flat(out)
    elif out.grows or ins[0].array is None or out.array is None:
        return False
    else:
        u, y = e.constant(ins[0].fixed), e.constant(out.fixed)
        t = e.scratch(math.prod(out.sizes), out.sizes)
    e.call(np.tanh, u, t)
    e.call(np.add, t, _number(e, 1), t)
    e.call(np.multiply, t, u, y)
    return True


def _number(e: Emitter, value: float) -> str:
    """A constant as a 0-dimensional array: with a row, NumPy takes it at half the price of a Python float."""
    key = ("number", value)
    if key not in e.memo:
        e.memo[key] = e.constant(np.array(value, np.float32))
    return e.memo[key]


def embed_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    if not one_row(out):
        return False
    e.line(f"{e.flat(out)}[:] = {e.constant(ins[1].array)}[{_item(e, ins[0])}]")
    return True


def append_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """Write one row in its slot, or many through the operation; the result is a slice that grows."""
    _, new, position_ids, key_position_ids = ins
    whole = out.cache
    assert whole is not None
    if new.shape[2] == 1 and whole.shape[0] == 1:
        slot = _item(e, position_ids)
        if line.attrs.get("window") is not None:
            slot = e.once(f"{slot} % {whole.shape[2]}")
        e.line(f"{e.view(Ref(whole.shape, whole), lambda a: a[0])}[:, {slot}] = {e.view(new, lambda a: a[0, :, 0])}")
    else:
        e.call(cache.append_forward, e.constant(whole), e.whole(new), e.whole(position_ids), e.whole(key_position_ids))
    out.name = e.once(f"{e.constant(whole)}[:, :, :{out.shape[2]}]")
    return True


def scores_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """One query: G products of (H/G, d) and (d, S)."""
    q, k = ins
    if q.shape[2] != 1 or q.shape[0] != 1 or k.cache is None or not out.grows:
        return False
    groups, seen = k.shape[1], k.shape[2]
    per_group = q.shape[1] // groups  # type: ignore[operator]
    keys = e.once(f"{e.view(Ref(k.cache.shape, k.cache), lambda a: a[0].swapaxes(1, 2))}[:, :, :{seen}]")
    queries = e.view(q, lambda a: a.reshape(groups, per_group, a.shape[3]))
    e.call(np.matmul, queries, keys, e.shaped(out, groups, per_group, seen))
    return True


def softmax_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """The shift by the maximum is left out where no score is large: exp cannot overflow then.

    The sum of squares bounds every score; with -inf or NaN among them the comparison fails and the shift is made.
    """
    (x,) = ins
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
    e.line(f"if not {raw}.dot({raw}) <= {SAFE_EXPONENT**2}:")
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
    if not pattern.grows or pattern.shape[2] != 1 or pattern.shape[0] != 1 or v.cache is None:
        return False
    groups, seen, size = v.shape[1], v.shape[2], v.shape[3]
    per_group = pattern.shape[1] // groups  # type: ignore[operator]
    values = e.once(f"{e.view(Ref(v.cache.shape, v.cache), lambda a: a[0])}[:, :{seen}]")
    weights = e.shaped(pattern, groups, per_group, seen)
    e.call(np.matmul, weights, values, e.view(out, lambda a: a.reshape(groups, per_group, size)))
    return True


def rotate_kernel(e: Emitter, line: Line, ins: list[Ref], out: Ref) -> bool:
    """One token: x * [cos cos] + swapped x * [-sin sin], over all heads at once."""
    x, cos, sin = ins
    if x.shape[2] != 1 or x.shape[0] != 1 or cos.grows:
        return False
    heads, half = x.shape[1], cos.shape[1]
    cosines, sines = _tiled(e, cos, heads, 1), _tiled(e, sin, heads, -1)
    spare = np.empty((heads, 2, half), np.float32)  # type: ignore[arg-type]
    swapped = e.view(x, lambda a: a.reshape(heads, 2, half)[:, ::-1])
    y = e.flat(out)
    e.call(np.multiply, e.flat(x), e.view(cosines, lambda a: a.reshape(-1)), y)
    e.call(np.multiply, swapped, e.whole(sines), e.constant(spare))
    e.call(np.add, y, e.constant(spare.reshape(-1)), y)
    return True


def _tiled(e: Emitter, angle: Ref, heads: int | str, sign: int) -> Ref:
    """The token's cosines (or sines, negative in the first half) once per head, made once per call of the function."""
    memo = e.memo.setdefault((id(angle), heads), None)
    if memo is None:
        tile = np.empty((heads, 2, angle.shape[1]), np.float32)  # type: ignore[arg-type]
        memo = e.memo[id(angle), heads] = Ref(tile.shape, tile)
        row = e.flat(angle)
        e.line(f"{e.constant(tile)}[:] = {row}")
        if sign < 0:
            first = e.constant(tile[:, 0])
            e.call(np.negative, first, first)
    return memo


def _item(e: Emitter, ids: Ref) -> str:
    """The only number of a one-element argument."""
    return e.once(f"{e.whole(ids)}.item()")


def _capacity(x: Ref) -> int:
    """The longest that the growing axis of a score-shaped value can become."""
    assert x.array is not None
    return x.array.size // math.prod(int(size) for size in x.shape[:-1])


KERNELS: dict[Op, Kernel] = {
    linear.linear: linear_kernel,
    linear.add: flat_kernel(np.add),
    linear.multiply: flat_kernel(np.multiply),
    norm.layer_normalize: normalize_kernel,
    norm.rms_normalize: normalize_kernel,
    norm.scale_shift: scale_shift_kernel,
    activation.gelu_tanh_folded: gelu_tanh_folded_kernel,
    activation.silu_folded: silu_folded_kernel,
    embedding.embed: embed_kernel,
    rope.rotate: rotate_kernel,
    cache.append: append_kernel,
    attention.scores: scores_kernel,
    attention.softmax: softmax_kernel,
    attention.weighted_sum: weighted_sum_kernel,
}
