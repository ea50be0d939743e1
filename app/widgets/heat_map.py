"""`HeatMap`: any matrix as a picture with its axes, scale, cursor and the sentence of the cell under it."""

from __future__ import annotations

import numpy as np
from rich.style import Style
from textual.strip import Strip

from app.widgets import heat_cells
from app.widgets.edges import edge_words, within
from app.widgets.heat_cells import Fit
from app.widgets.ink import Row, cells, clip
from app.widgets.panel import Panel
from engine.snapshot import Snapshot
from viewers.picture import Axis, Picture, number_text, shrink

Array = np.ndarray
LEAST_RAMP = 4  # characters of a scale


class HeatMap(Panel):
    """A panel whose body is one picture. A subclass says which (`picture`) and what stands above it (`heading`).

    `cell` is the cursor, (row, column) of the matrix; None lets `usual_cell` choose.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cell: tuple[int, int] | None = None
        self._picture: Picture | None = None
        self._place = (0, 0, Fit(1, 1), 1, 1)  # left, top, fit, pooled rows and columns: for the mouse

    def picture(self, snapshot: Snapshot) -> Picture | None:
        """What to draw; None if there is nothing, and `empty` says what to do."""
        raise NotImplementedError

    def heading(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """Rows above the picture; `height` is that of the whole body."""
        return []

    def empty(self, snapshot: Snapshot) -> str:
        return "Nothing to show."

    def usual_cell(self, picture: Picture) -> tuple[int, int]:
        return (0, 0)

    @property
    def cursor(self) -> tuple[int, int]:
        assert self._picture is not None
        row, column = self.cell if self.cell is not None else self.usual_cell(self._picture)
        rows, columns = self._picture.values.shape
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def sentence(self) -> str:
        return self._picture.sentence(*self.cursor) if self._picture is not None and self._picture.values.size else ""

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        self._picture = self.picture(snapshot)
        rows = self.heading(snapshot, width, height)
        if self._picture is None or not self._picture.values.size:
            return rows + self.wrapped(self.empty(snapshot), width, height - len(rows), self.style_of("dim"))
        drawn = self.drawn(self._picture, width, height - len(rows), len(rows))
        return rows + drawn

    def drawn(self, picture: Picture, width: int, height: int, top: int) -> list[Strip]:
        """Axes, picture, legend and sentence in this room."""
        has_legend, has_axes, room = lines_around(height)
        margin = self._margin(picture.rows, width)
        at = self.fit(picture, width, height)
        values, high, wide = shrink(picture.values, room * 2 // at.high, (width - margin) // at.wide)
        self._place = (margin, top + 2 * has_axes, at, high, wide)
        rows = self._picture_rows(picture, values, room, width)
        if has_axes:
            rows = [self._axes_row(picture, width), self._ruler(picture, at, margin, width, wide), *rows]
        if has_legend:
            rows.append(self._legend(picture, width, high, wide))
        return [*rows, self.row(width).add(self.sentence(), self.style_of("strong")).strip()]

    def fit(self, picture: Picture, width: int, height: int) -> Fit:
        """How large its cells are in this room."""
        count, across = picture.values.shape
        is_signed = picture.scale.kind == "diverging"
        return heat_cells.fit(
            count,
            across,
            width - self._margin(picture.rows, width),
            lines_around(height)[2],
            square=picture.square,
            number=7 if is_signed else 6,
            whole=self.app.no_color and is_signed,
        )

    def size_in(self, picture: Picture, width: int, height: int) -> tuple[Fit, int]:
        """How large its cells are in this room, and how many rows of the matrix one of them stands for."""
        at, room = self.fit(picture, width, height), lines_around(height)[2]
        return at, -(-picture.values.shape[0] // max(1, room * 2 // at.high))

    def _margin(self, axis: Axis, width: int) -> int:
        if not axis.name:
            return 0
        digits = len(str(max(axis.number(axis.size - 1), 9)))
        return digits + 2 + (8 if axis.labels and width >= 44 else 0)

    def _picture_rows(self, picture: Picture, values: Array, room: int, width: int) -> list[Strip]:
        _, _, at, high, wide = self._place
        cursor = (self.cursor[0] // high, self.cursor[1] // wide)
        ground = self.background_colors[1].hex6
        kind = picture.scale.kind
        signs = self.app.no_color and kind == "diverging"

        def text(row: int, column: int) -> str:
            value = float(values[row, column])
            if not np.isfinite(value):
                return "·" if at.digits and np.isnan(value) else str(value) if at.digits else ""
            if at.digits:
                return number_text(value, at.wide - 1)
            return ("-" if value < 0 else "+") if signs and value else ""

        rows = heat_cells.lines(kind, picture.scale.level(values), at, room, ground, text=text, cursor=cursor)
        strips = []
        for y, segments in enumerate(rows):
            row = self.row(width)
            first, offset = divmod(2 * y, at.high)
            last = first if at.high > 1 else min(first + 1, len(values) - 1)
            lit = first <= cursor[0] <= last
            self._row_label(row, picture.rows, self.cursor[0] if lit else first * high, lit, offset == 0)
            row.extend(segments, at.wide * values.shape[1])
            strips.append(row.strip())
        return strips

    def _row_label(self, row: Row, axis: Axis, i: int, lit: bool, is_first: bool) -> None:
        margin = self._place[0]
        if not margin:
            return
        number = str(axis.number(i)) if is_first else ""
        digits = min(margin - 1, len(str(max(axis.number(axis.size - 1), 9))) + 1)
        words = number.rjust(digits)
        if margin > digits + 2:
            label = axis.labels[i] if is_first and i < len(axis.labels) else ""
            words += " " + clip(label.replace(" ", "·"), margin - digits - 2)
        row.add(clip(words, margin - 1) + ("▸" if lit and is_first else " "), self.style_of("accent" if lit else "dim"))

    def _axes_row(self, picture: Picture, width: int) -> Strip:
        rows, columns = picture.rows.name, picture.columns.name
        row = self.row(width).add(f"↓ {rows}  " if rows else "", self.style_of("dim"))
        row.add(f"→ {columns}", self.style_of("dim"))
        return row.add(f" · {picture.slices}" if picture.slices else "", self.style_of("accent")).strip()

    def _ruler(self, picture: Picture, at: Fit, margin: int, width: int, pool: int) -> Strip:
        """Column numbers where there is room for them; `▾` over the cursor's column."""
        axis, column = picture.columns, self.cursor[1]
        row = self.row(width).to(margin)
        here = margin + column // pool * at.wide
        mark = f"▾{axis.number(column)}"
        ends = margin + -(-axis.size // pool) * at.wide
        if here + len(mark) > width:
            mark = f"{axis.number(column)}▾"
            here -= len(mark) - 1
        else:
            mark += " "  # so that no number joins it
        step = max(1, -(-6 // at.wide)) if at.wide < 6 else 1
        for c in range(0, -(-axis.size // pool), step):
            place, words = margin + c * at.wide, str(axis.number(c * pool))
            if at.wide >= 6 and axis.labels:
                words = clip(f"{words} {axis.labels[c * pool].replace(' ', '·')}", at.wide - 1)
            if row.used <= here <= place + len(words) or place == here:
                self._put(row, here, mark, self.style_of("accent"))
            if row.used <= place and place + len(words) <= ends:
                self._put(row, place, words, self.style_of("dim"))
        if row.used <= here:
            self._put(row, here, mark, self.style_of("accent"))
        return row.strip()

    @staticmethod
    def _put(row: Row, place: int, words: str, style: Style) -> None:
        if row.used <= place:
            row.to(place).add(words, style)

    def _legend(self, picture: Picture, width: int, high: int, wide: int) -> Strip:
        """The scale with its ends, then what a cell stands for; the scale gives way, where there is little room."""
        scale, dim = picture.scale, self.style_of("dim")
        low = ("≤" if scale.log else "") + number_text(scale.low) + " "
        end = f" {number_text(scale.high)} {picture.about or scale.unit}".rstrip()
        room = width - cells(low) - cells(end)
        more, style = "", dim
        if high * wide > 1:
            more, style = f"  cell: largest of {high}×{wide}", self.style_of("warn")
            more = more if cells(more) + LEAST_RAMP <= room else f"  max {high}×{wide}"
        elif not np.isfinite(picture.values).all():
            more = f"  {'·' if self._place[2].digits else 'blank'}: masked"
        size = max(LEAST_RAMP, min(20, width // 4, room - cells(more)))
        row = self.row(width).add(low, dim)
        row.extend(heat_cells.legend(scale.kind, size, self.app.no_color), size)
        return row.add(end, dim).add(more, style).strip()

    def move(self, down: int, right: int) -> None:
        if self._picture is not None and self._picture.values.size:
            row, column = self.cursor
            rows, columns = self._picture.values.shape
            self.cell = within(row + down, rows), within(column + right, columns)
            self.post_message(self.Remark(self._edge(down) if self.cell == (row, column) else ""))
            self.refresh()

    def _edge(self, down: int) -> str:
        """What is said of a cursor that stays where it is, at an end of the rows or of the columns."""
        assert self._picture is not None
        axis = self._picture.rows if down else self._picture.columns
        name = axis.name.partition(" (")[0] or ("row" if down else "column")
        return edge_words(name, self.cursor[0 if down else 1], axis.size)

    def edge(self, end: bool) -> None:
        if self._picture is not None:
            self.cell = (self._picture.values.shape[0] - 1, self._picture.values.shape[1] - 1) if end else (0, 0)
            self.refresh()

    def clicked(self, x: int, y: int) -> None:
        left, top, at, high, wide = self._place
        if self._picture is not None and x >= left and y >= top:
            self.cell = ((y - top) * 2 // at.high * high, (x - left) // at.wide * wide)
            self.cell = self.cursor
            self.refresh()


def lines_around(height: int) -> tuple[bool, bool, int]:
    """Whether there is a legend, whether there are axes, and how many lines are left for the picture itself."""
    has_legend, has_axes = height >= 5, height >= 7
    return has_legend, has_axes, max(1, height - 1 - has_legend - 2 * has_axes)
