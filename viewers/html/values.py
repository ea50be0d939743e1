"""One value of a pass as markup: all its numbers on coloured cells if they are few, else a picture and its span."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from engine.text import visible
from viewers.html.page import escaped
from viewers.html.png import png_of
from viewers.palette import LEVELS, RGB, hexed, levels, readable_on
from viewers.picture import Axis, Chosen, Picture, axes_of, number_text, picture_of, shrink

Array = np.ndarray
FEW_NUMBERS, FEW_COLUMNS, FEW_ROWS = 400, 16, 16
MOST_HEADS = 16
ROOM, HEAD_ROOM = (160, 320), (64, 64)  # cells of a picture, rows and columns
WIDE, HEAD_WIDE, SQUARE_WIDE = 640, 128, 256  # pixels on the page
BIGGEST_CELL, HIGH, HIGHEST = 24, 120, 260
LETTERS = {"sequential": "s", "diverging": "d"}


def colours(kind: str) -> tuple[RGB, ...]:
    """All colours of one map, light enough for paper."""
    return levels(f"{kind} on paper")


def cell_style() -> str:
    """A class for each level of each map: a page may not say its colours cell by cell."""
    return "\n".join(
        f"td.{letter}{i}{{background:{hexed(c)};color:{hexed(readable_on(c))}}}"
        for kind, letter in LETTERS.items()
        for i, c in enumerate(colours(kind))
    )


def value_html(address: str, array: Array, texts: Sequence[str]) -> str:
    """An array, head by head if it has heads."""
    array = np.asarray(array)
    if not array.size:
        return '<p class="note">empty: nothing has been put in yet</p>'
    heads = array.shape[-3] if array.ndim == 4 else 1
    shown = min(heads, MOST_HEADS)
    slices = [picture_of(address, array, texts, chosen=Chosen(head=head)) for head in range(shown)]
    rows, columns = slices[0].values.shape
    few = shown * rows * columns <= FEW_NUMBERS and columns <= FEW_COLUMNS and rows <= FEW_ROWS
    parts = [_numbers(picture) if few else _picture(picture, heads > 1) for picture in slices]
    left = f'<p class="note">and {heads - shown} more heads</p>' if heads > shown else ""
    return f'<div class="slices">{"".join(parts)}</div>{left}<p class="note">{summary(array)}</p>'


def summary(array: Array) -> str:
    """`min −1.2 · max 3.4 · mean 0.01`, of what is finite; and how many numbers are not."""
    finite = array[np.isfinite(array)].astype(np.float64)
    words = [f"{array.size:,} numbers"]
    if finite.size:
        spans = (("min", finite.min()), ("max", finite.max()), ("mean", finite.mean()))
        words += [f"{name} {_number(float(value))}" for name, value in spans]
    if finite.size < array.size:
        words.append(f"{array.size - finite.size:,} masked or not numbers")
    return " · ".join(words)


def legend_html() -> str:
    """What the colours of all pictures and tables mean."""
    words = {"sequential": ("least", "most"), "diverging": ("negative", "positive, 0 between")}
    bars = []
    for kind, (low, high) in words.items():
        data = base64.b64encode(png_of(np.arange(LEVELS, dtype=np.uint8)[None], colours(kind))).decode()
        image = f'<img src="data:image/png;base64,{data}" alt="" width="132" height="9">'
        bars.append(f"<span>{low} {image} {high}</span>")
    return f'<p class="legend">{"".join(bars)}<span>each value says its own range</span></p>'


def axes_text(address: str, shape: Sequence[int]) -> str:
    """`1 × 8 × 5 × 8 (batch, head, token, channel)`."""
    names = ", ".join(name.split(" (")[0] for name in axes_of(address, len(shape)))
    return f"{' × '.join(map(str, shape))} ({names})" if shape else "one number"


def _numbers(picture: Picture) -> str:
    letter = LETTERS[picture.scale.kind]
    heat = picture.scale.level(picture.values)
    head = "".join(f'<th scope="col">{_place(picture.columns, i)}</th>' for i in range(picture.columns.size))
    rows = []
    for r in range(picture.rows.size):
        cells = "".join(
            f'<td class="{letter}{level}">{_number(value)}</td>' if level < LEVELS else f"<td>{_number(value)}</td>"
            for value, level in zip(picture.values[r].tolist(), heat[r].tolist(), strict=True)
        )
        rows.append(f'<tr><th scope="row">{_place(picture.rows, r)}</th>{cells}</tr>')
    caption = f"<caption>{escaped(_title(picture))}</caption>"
    return f'<div class="numbers"><table>{caption}<tr><td></td>{head}</tr>{"".join(rows)}</table></div>'


def _picture(picture: Picture, is_head: bool) -> str:
    pooled, high, wide = shrink(picture.values, *(HEAD_ROOM if is_head else ROOM))
    data = base64.b64encode(png_of(picture.scale.level(pooled), colours(picture.scale.kind))).decode()
    wide_pixels = HEAD_WIDE if is_head else SQUARE_WIDE if picture.square else WIDE
    across = max(1, min(BIGGEST_CELL, wide_pixels // pooled.shape[1]))
    high_pixels = min(BIGGEST_CELL, max(across, HIGH // pooled.shape[0]), HIGHEST // pooled.shape[0])
    down = across if picture.square else max(1, high_pixels)
    said = f"{_title(picture)}; colours from {_number(picture.scale.low)} to {_number(picture.scale.high)}"
    if high * wide > 1:
        said += f"; a cell is the largest of {high} × {wide}"
    size = f'width="{pooled.shape[1] * across}" height="{pooled.shape[0] * down}"'
    alt = escaped(f"{_title(picture)}, {summary(picture.values)}")
    image = f'<img src="data:image/png;base64,{data}" alt="{alt}" {size}>'
    return f"<figure>{image}<figcaption>{escaped(said)}</figcaption></figure>"


def _title(picture: Picture) -> str:
    """`head 2 of 8: query down, key across`."""
    down, across = (axis.name.split(" (")[0] for axis in (picture.rows, picture.columns))
    sides = f"{down} down, {across} across" if down else f"{across} across"
    return f"{picture.slices}: {sides}" if picture.slices else sides


def _place(axis: Axis, i: int) -> str:
    if i >= len(axis.labels):
        return str(axis.number(i)) if axis.name else ""
    return f"{axis.number(i)} <bdi>{escaped(visible(axis.labels[i], spaces=True)[:16])}</bdi>"


def _number(value: float) -> str:
    if np.isnan(value):
        return "—"
    return number_text(value).replace("-", "−").replace("inf", "∞")
