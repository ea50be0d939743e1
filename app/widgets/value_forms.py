"""A value as numbers around its cursor, or as a histogram: beside the heat map, the other two ways to look at it."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from app.widgets.heat_map import HeatMap
from app.widgets.panel import first_row
from viewers.numbers import bar
from viewers.picture import Picture, number_text
from viewers.summary import histogram, summary_of

NUMBER = 8  # cells of one number
LABEL = 12


def numbers_rows(panel: HeatMap, picture: Picture, width: int, height: int) -> list[Strip]:
    """The part of the matrix around the cursor, every number written out; the cursor's sentence under it."""
    dim, (row, column) = panel.style_of("dim"), panel.cursor
    rows, columns = picture.values.shape
    high, wide = max(1, height - 2), max(1, (width - LABEL) // NUMBER)
    top, left = first_row(row, rows, high, row - high // 2), first_row(column, columns, wide, column - wide // 2)
    head = panel.row(width).column(f"{rows} × {columns}", LABEL, dim)
    for c in range(left, min(left + wide, columns)):
        head.column(str(picture.columns.number(c)), NUMBER, panel.style_of("accent") if c == column else dim, "right")
    out = [head.strip()]
    for r in range(top, min(top + high, rows)):
        line = panel.row(width).column(picture.rows.words(r) if picture.rows.name else "", LABEL, dim)
        for c in range(left, min(left + wide, columns)):
            style = panel.style_of("cursor") if (r, c) == (row, column) else None
            line.add(" ").column(number_text(float(picture.values[r, c]), NUMBER - 1), NUMBER - 1, style, "right")
        out.append(line.strip())
    return [*out, panel.row(width).add(panel.sentence(), panel.style_of("strong")).strip()]


def histogram_rows(panel: HeatMap, picture: Picture, width: int, height: int) -> list[Strip]:
    """How many numbers of the shown slice lie in each of equal steps; the cursor's is marked, totals under it."""
    dim, bins = panel.style_of("dim"), max(1, min(24, height - 2))
    counts, edges = histogram(picture.values, bins)
    here = float(picture.values[panel.cursor])
    mine = min(max(int(np.searchsorted(edges, here, "right")) - 1, 0), bins - 1) if np.isfinite(here) else -1
    out, room = [], max(4, width - 30)
    for i, count in enumerate(counts.tolist()):
        line = panel.row(width).add("▸" if i == mine else " ", panel.style_of("accent"))
        line.column(f"{number_text(edges[i])} … {number_text(edges[i + 1])}", 19, dim).column(
            str(count), 9, align="right"
        )
        out.append(line.add(" ").add(bar(count / max(1, counts.max()), room - 1), panel.style_of("accent")).strip())
    found = summary_of(picture.values)
    words = f"mean {number_text(found.mean)}, deviation {number_text(found.spread)}, norm {number_text(found.norm)}"
    words += f" · {picture.values.size - found.absent} numbers" + (
        f", {found.absent} not finite" if found.absent else ""
    )
    out.append(panel.row(width).add(words, dim).strip())
    return [*out, panel.row(width).add(panel.sentence(), panel.style_of("strong")).strip()]
