"""From an array to a picture: which axes it has, which slice is shown, how numbers become levels of a colour map.

Nothing here knows a screen. A terminal, a window and a file draw the same `Picture`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.listing import section_of, subject_of
from engine.text import visible
from viewers.palette import ABSENT, LEVELS

Array = np.ndarray

QUERY, KEY = "query (looking)", "key (looked at)"
TOKEN, CHANNEL, HEAD, BATCH = "token", "channel", "head", "batch"
LAST_AXIS = {
    "logits": "vocabulary", "mlp.pre": "hidden", "mlp.post": "hidden", "mlp.up": "hidden", "mlp.gate": "hidden",
    "cos": "rotary pair", "sin": "rotary pair",
}  # fmt: skip
SHARE = "share, √ scale"
SHARES = {"√": SHARE, "even": "share", "log": "share, log scale", "row": "of the row's largest, √ scale"}
LEAST_SHARE = 1e-4  # the end of the logarithmic scale
TABLES = {
    "embed.weight": ("vocabulary", CHANNEL), "unembed.weight": ("vocabulary", CHANNEL),
    "positions.weight": ("position", CHANNEL),
}  # fmt: skip
"""Matrices with a row for each of something; the others lie as their files have them, (in, out) or (out, in)."""
SIGNED = ("d.", "g.", "m.", "change.")
"""Gradients and what is made of them: 0 has the middle colour, also where no number is negative."""
OVER_KEYS = {"scores", "scaled", "masked", "pattern"}


@dataclass(frozen=True)
class Axis:
    """One side of a picture. `labels` (token texts, as they are) and `numbers` (their positions) may be empty."""

    name: str
    size: int
    labels: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    def number(self, i: int) -> int:
        return self.numbers[i] if i < len(self.numbers) else i

    def words(self, i: int) -> str:
        """`key 3 "the"`, or `channel 12`."""
        name = self.name.split(" (")[0]
        label = f' "{visible(self.labels[i])}"' if i < len(self.labels) else ""
        return f"{name} {self.number(i)}{label}"


@dataclass(frozen=True)
class Scale:
    """How numbers become levels: from `low` to `high`; a diverging scale is symmetric about 0.

    power   1 is even; 0.5 gives the small numbers of a sequential scale most of the colours (attention of a long text)
    log     even in the logarithm, from `low` > 0 on; what is smaller has the first colour
    by_row  the last colour is each row's own largest number
    """

    kind: str  # "sequential" or "diverging"
    low: float
    high: float
    unit: str = ""
    power: float = 1.0
    log: bool = False
    by_row: bool = False

    def level(self, values: Array) -> Array:
        """Levels 0..LEVELS-1 as uint8, ABSENT where there is no finite number."""
        finite = np.isfinite(values)
        numbers, low, high = np.where(finite, values, 0).astype(np.float64), self.low, self.high
        if self.by_row:
            numbers = numbers / np.maximum(numbers.max(-1, keepdims=True, initial=0), np.finfo(np.float32).tiny)
        elif self.log:
            numbers, low, high = np.log(np.maximum(numbers, low)), math.log(low), math.log(max(high, 2 * low))
        scaled = (numbers - low) / ((high - low) or 1.0) * (LEVELS - 1)
        even = np.clip(scaled, 0, LEVELS - 1)
        levels = even if self.power == 1 else (LEVELS - 1) * (even / (LEVELS - 1)) ** self.power
        return np.where(finite, np.rint(levels), ABSENT).astype(np.uint8)


@dataclass(frozen=True)
class Picture:
    """A matrix ready to be drawn. `square` asks for cells as high as wide; `slices` says which part this is."""

    values: Array  # (R, C)
    rows: Axis
    columns: Axis
    scale: Scale
    square: bool = False
    slices: str = ""
    about: str = ""  # what the scale measures, for the legend

    def sentence(self, row: int, column: int) -> str:
        """What one cell says: `query 7 "cat" → key 3 "the": 0.412`."""
        value = self.values[row, column]
        joint = " → " if self.rows.name == QUERY else ", "
        if np.isneginf(value) or (np.isnan(value) and self.columns.name == KEY):
            said = "masked" if np.isneginf(value) else "not seen"
        else:
            said = f"{number_text(float(value))}{' ' + self.scale.unit if self.scale.unit else ''}"
        parts = [self.rows.words(row)] * (self.rows.size > 1 or self.rows.name == QUERY) + [self.columns.words(column)]
        return f"{joint.join(parts)}: {said}"


class Chosen(NamedTuple):
    """Which slice of an array is asked for; larger than there are means the last."""

    batch: int = 0
    head: int = 0


FIRST = Chosen()


def axes_of(address: str, ndim: int) -> tuple[str, ...]:
    """The names of an array's axes, outermost first, by our address vocabulary."""
    local = subject_of(address)
    parts = local.split(".")
    name = ".".join(parts[2:]) if parts[0] == "blocks" else local
    last = LAST_AXIS.get(name, CHANNEL)
    if parts[-1] in OVER_KEYS and ndim == 4:
        return (BATCH, HEAD, QUERY, KEY)
    if parts[-1] == "weight" and ndim == 2:
        return TABLES.get(name, ("row", "column"))
    if name.startswith("mask") and ndim == 2:
        return (QUERY, KEY)
    if name == "tokens" and ndim == 2:
        return (BATCH, TOKEN)
    if ndim == 1:
        return (TOKEN,) if name == "position_ids" else (CHANNEL,)
    full = {2: (TOKEN, last), 3: (BATCH, TOKEN, last), 4: (BATCH, HEAD, TOKEN, last)}
    return full.get(ndim, tuple(f"axis {i}" for i in range(ndim)))


def picture_of(
    address: str, array: Array, tokens: Sequence[str] = (), positions: Sequence[int] = (), chosen: Chosen = FIRST
) -> Picture:
    """The slice of an array that a person asked to see.

    tokens     texts of all tokens, by position      positions   of the rows of this pass; empty: from 0
    """
    array = np.asarray(array)
    names = axes_of(address, array.ndim)
    said = []
    while array.ndim > 2:
        name, size = names[0], array.shape[0]
        i = min(chosen.head if name == HEAD else chosen.batch, size - 1)
        if size > 1 or name == HEAD:
            said.append(f"{name} {i} of {size}")
        array, names = array[i], names[1:]
    if array.ndim < 2:
        array, names = array.reshape(1, -1), ("", *(names or ("value",)))
    rows, columns = (_axis(n, s, tokens, positions) for n, s in zip(names, array.shape, strict=True))
    values = np.asarray(array, np.float32)
    is_pattern = address.endswith("pattern") and not section_of(address)
    scale = pattern_scale(_largest(values)) if is_pattern else scale_of(values, is_signed=address.startswith(SIGNED))
    about = SHARE if is_pattern else ""
    return Picture(values, rows, columns, scale, columns.name == KEY, ", ".join(said), about)


def pattern_scale(largest: float, how: str = "√") -> Scale:
    """The scale of attention: shares from 0. The first token always has the share 1, so an even scale would leave the
    shares of a long text, which are small, without a colour. `how` is one of `SHARES`."""
    if how == "log":
        return Scale("sequential", LEAST_SHARE, largest or 1.0, log=True)
    if how == "row":
        return Scale("sequential", 0.0, 1.0, power=0.5, by_row=True)
    if how == "even":
        return Scale("sequential", 0.0, largest or 1.0)
    return Scale("sequential", 0.0, largest or 1.0, power=0.5)


def scale_of(values: Array, unit: str = "", is_signed: bool = False) -> Scale:
    """A scale over the finite values: diverging if there are negative ones among them, or could be (`is_signed`)."""
    finite = finite_of(values)
    if finite.size and (is_signed or finite.min() < 0):
        reach = max(-float(finite.min()), float(finite.max()))
        return Scale("diverging", -reach, reach, unit)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return Scale("sequential", low, high, unit)


def is_finite(values: Array) -> bool:
    """Whether no number is infinite or missing; told by two of them, so that a large matrix is not copied for it."""
    return values.size > 0 and bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def finite_of(values: Array) -> Array:
    """The finite numbers, in a row if there are others."""
    return values if is_finite(values) else values[np.isfinite(values)]


def shrink(values: Array, rows: int, columns: int) -> tuple[Array, int, int]:
    """`values` pooled to at most rows x columns cells by whole factors, and those factors.

    A cell shows the value largest in magnitude among those it stands for: averaging would hide the peaks of sparse
    attention. A cell is absent only if all of them are.
    """
    high, wide = (max(1, math.ceil(n / max(1, room))) for n, room in zip(values.shape, (rows, columns), strict=True))
    if high == wide == 1:
        return values, 1, 1
    finite = values if is_finite(values) else np.where(np.isfinite(values), values, np.nan)
    largest, smallest = (_pooled(pick, finite, high, wide) for pick in (np.fmax, np.fmin))
    return np.where(-smallest > largest, smallest, largest), high, wide


def _pooled(pick: np.ufunc, values: Array, high: int, wide: int) -> Array:
    """The largest or smallest number of every block of high x wide; NaN only where there is no other."""
    rows = pick.reduceat(values, np.arange(0, values.shape[0], high), axis=0)
    return pick.reduceat(rows, np.arange(0, values.shape[1], wide), axis=1)


def number_text(value: float, width: int = 0) -> str:
    """A number for people, three digits that count; within `width` cells if given."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 10_000:
        text = str(int(value))
    elif 0.001 <= abs(value) < 10_000:
        text = f"{value:.{max(0, 2 - max(0, math.floor(math.log10(abs(value)))))}f}"
        text = f"{value:.3f}" if abs(value) < 1 else text
    else:
        text = f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    if width and len(text) > width:
        text = text.replace("0.", ".", 1)[:width] if abs(value) < 10**width and "e" not in text else text
    return text if not width or len(text) <= width else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")


def _axis(name: str, size: int, tokens: Sequence[str], positions: Sequence[int]) -> Axis:
    if name not in (QUERY, KEY, TOKEN):
        return Axis(name, size)
    numbers = tuple(int(p) for p in positions) if len(positions) == size else tuple(range(size))
    labels = tuple(tokens[n] if 0 <= n < len(tokens) else "" for n in numbers)
    return Axis(name, size, labels if tokens else (), numbers)


def _largest(values: Array) -> float:
    finite = finite_of(values)
    return float(finite.max()) if finite.size else 0.0
