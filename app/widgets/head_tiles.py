"""The attention of many heads at once: those of a layer as a grid, of all layers as a wall; how alike they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from textual.strip import Strip

from app.widgets import heat_cells
from app.widgets.heat_cells import Fit
from app.widgets.heat_map import HeatMap
from app.widgets.mosaic import Tiles, canvas, first_shown, layer_tiles, reduced, wall_tiles
from app.widgets.patterns import LayerPatterns, Window, window_around
from engine.analysis.habits import HABITS, mean_habits
from engine.analysis.readings import head_similarity
from engine.snapshot import Snapshot
from viewers.picture import KEY, QUERY, SHARES, Axis, Picture, Scale, number_text, pattern_scale
from viewers.view import AttentionView

Array = np.ndarray
MOST = {"head": 256, "layer": 256, "wall": 128, "likeness": 128}
"""Tokens that are shown at once; of a longer text a window around the one that looks."""


class HeadTiles(HeatMap):
    """What the views of attention have in common, and those that show more than one head."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.around: int | None = None  # the query that the window is around; None: the token under the text's cursor
        self._patterns: dict[int, LayerPatterns] = {}
        self._habits: tuple[Snapshot | None, Array] = (None, np.zeros(0))
        self._alike: tuple[tuple | None, Array] = (None, np.zeros(0))
        self._grid = (0, 0, 0, 0, Tiles(1, 1, 1))  # left, top, first layer, first head: for the mouse

    @property
    def looks(self) -> AttentionView:
        return self.view.attention

    def text_length(self, snapshot: Snapshot) -> int:
        """Tokens there are to look from."""
        return len(snapshot.tokens)

    def window(self, snapshot: Snapshot) -> Window:
        """Which tokens are shown, as queries and as keys."""
        query = self.view.query(snapshot) if self.around is None else self.around
        return window_around(query, self.text_length(snapshot), MOST[self.looks.what])

    def shares(self, snapshot: Snapshot, layer: int) -> Array:
        """(H, W, W) of a layer over the window, with the first token or without."""
        patterns = self._patterns.setdefault(layer, LayerPatterns())
        read = patterns.without_first if self.looks.hides_first else patterns.of
        return read(snapshot, layer, self.window(snapshot))

    def scale_for(self, shares: Array) -> Scale:
        """One scale for all that is drawn together, so that it can be compared."""
        scale = pattern_scale(float(np.fmax.reduce(shares, axis=None, initial=0)), self.looks.scale)
        return replace(scale, unit="of the rest" if self.looks.hides_first else "")

    def axes(self, snapshot: Snapshot) -> tuple[Axis, Axis]:
        numbers = tuple(range(*self.window(snapshot)))
        texts = tuple(snapshot.tokens[i].text for i in numbers)
        return Axis(QUERY, len(numbers), texts, numbers), Axis(KEY, len(numbers), texts, numbers)

    def about(self) -> str:
        """What the scale measures, for the legend."""
        return SHARES[self.looks.scale] + (" of the rest" if self.looks.hides_first else "")

    def habits(self, snapshot: Snapshot) -> Array | None:
        """(4, L, H): previous, first, same, induction; None where they are not known."""
        if not snapshot.habit_rows:
            return None
        if self._habits[0] is not snapshot:
            self._habits = (snapshot, mean_habits(snapshot.habit_rows))
        return self._habits[1]

    def habit_words(self, snapshot: Snapshot, layer: int, head: int) -> str:
        """`previous 0.81, first 0.05, same —, induction 0.10; entropy 0.63 nats`: means over the text."""
        entropy = snapshot.entropy()[layer, head]
        mean = float(entropy[np.isfinite(entropy)].mean()) if np.isfinite(entropy).any() else np.nan
        said = f"entropy {mean:.2f} nats"
        habits = self.habits(snapshot)
        if habits is None:
            return said
        return ", ".join(f"{name} {share_text(float(habits[i, layer, head]))}" for i, name in enumerate(HABITS)) + (
            f"; {said}"
        )

    def tile_sentence(self, snapshot: Snapshot) -> str:
        layer, head = self.view.layer, self.view.head
        return f"layer {layer} head {head}: {self.habit_words(snapshot, layer, head)}"

    def tiled(self, snapshot: Snapshot, picture: Picture, width: int, height: int, top: int) -> list[Strip]:
        """The pictures, legend and sentence in this room."""
        said = self._said_in(self.tile_sentence(snapshot), width, height)
        below = (height >= 4) + len(said)
        drawn = self._wall_rows if self.looks.what == "wall" else self._grid_rows
        rows, scale, pool = drawn(snapshot, width, max(2, height - below), top)
        if height >= 4:
            self._place = (0, 0, Fit(1, 1), 1, 1)
            dots = f"  dot: largest of {pool}×{pool} or less" if pool > 1 else ""
            rows.append(self._legend(replace(picture, scale=scale, about=self.about() + dots), width, 1, 1))
        return [*rows, *said]

    def _said_in(self, sentence: str, width: int, height: int) -> list[Strip]:
        """The sentence in one line, or in two where it is too long and there is room."""
        return self.wrapped(sentence, width, 2 if height >= 10 else 1, self.style_of("strong")) if height >= 3 else []

    def tile_at(self, x: int, y: int) -> tuple[int, int] | None:
        """The layer and head that are drawn there."""
        left, top, layer, head, tiles = self._grid
        assert self.snapshot is not None
        found = tiles.at(x - left, y - top) if x >= left and y >= top else None
        if found is None:
            return None
        if tiles.titled:
            head += found[0] * tiles.across + found[1]
            return (layer, head) if head < self.snapshot.heads else None
        return layer + found[0], head + found[1]

    def _wall_rows(self, snapshot: Snapshot, width: int, height: int, top: int) -> tuple[list[Strip], Scale, int]:
        """Layers down, heads across."""
        margin = len(str(snapshot.layers - 1)) + 3
        tiles = wall_tiles(snapshot.layers, snapshot.heads, width - margin, height - 1)
        first = first_shown(self.view.layer, snapshot.layers, tiles.down)
        head = first_shown(self.view.head, snapshot.heads, tiles.across)
        self._grid = (margin, top + 1, first, head, tiles)
        layers = [self.shares(snapshot, first + i)[head : head + tiles.across] for i in range(tiles.down)]
        small = [reduced(layer, tiles.side) for layer in layers]
        numbers, pool = np.stack([values for values, _ in small]), small[0][1]
        scale = self.scale_for(numbers)
        levels = canvas(numbers, scale.level, tiles, (self.view.layer - first, self.view.head - head))
        rows = [self._heads_row(range(head, head + tiles.across), tiles.pitch, margin, width)]
        labels = {(i * tiles.pitch + 1) // 2: first + i for i in range(tiles.down)}
        for y, segments in enumerate(self._dots(levels, scale, height - 1)):
            row = self.row(width)
            layer = labels.get(y)
            is_mine = layer == self.view.layer
            name = "" if layer is None else f"{'▸' if is_mine else ' '}L{layer}"
            row.column(name, margin, self.style_of("accent" if is_mine else "dim"))
            rows.append(row.extend(segments, levels.shape[1]).strip())
        return rows, scale, pool

    def _grid_rows(self, snapshot: Snapshot, width: int, height: int, top: int) -> tuple[list[Strip], Scale, int]:
        """The heads of one layer, each under its name and its strongest habit."""
        tiles = layer_tiles(snapshot.heads, width, height)
        count = min(tiles.down * tiles.across, snapshot.heads)
        rows_of_all = -(-snapshot.heads // tiles.across)
        head = first_shown(self.view.head // tiles.across, rows_of_all, tiles.down) * tiles.across
        self._grid = (0, top, self.view.layer, head, tiles)
        numbers, pool = reduced(self.shares(snapshot, self.view.layer)[head : head + count], tiles.side)
        scale, rows = self.scale_for(numbers), []
        for first in range(0, len(numbers), tiles.across):
            heads = range(head + first, head + min(first + tiles.across, len(numbers)))
            mine = (0, self.view.head - heads.start) if self.view.head in heads else None
            part = numbers[first : first + tiles.across][None]
            levels = canvas(part, scale.level, tiles, mine)
            names = self.row(width)
            for i in heads:
                name = self._tile_title(snapshot, i, tiles.pitch)
                names.column(name, tiles.pitch, self.style_of("accent" if i == self.view.head else "dim"))
            rows.append(names.strip())
            lines = self._dots(levels, scale, tiles.lines - 1)
            rows += [self.row(width).extend(line, levels.shape[1]).strip() for line in lines]
        return rows[:height], scale, pool

    def _tile_title(self, snapshot: Snapshot, head: int, width: int) -> str:
        """`▸head 3 · previous 0.81`, or as much as fits."""
        mark = "▸" if head == self.view.head else " "
        habits = self.habits(snapshot)
        if width < 24 or habits is None or not np.isfinite(habits[:, self.view.layer, head]).any():
            return f"{mark}head {head}" if width >= 8 else f"{mark}{head}"
        shares = habits[:, self.view.layer, head]
        most = int(np.nanargmax(shares))
        return f"{mark}head {head} · {HABITS[most]} {share_text(float(shares[most]))}"

    def _heads_row(self, heads: range, pitch: int, margin: int, width: int) -> Strip:
        row = self.row(width)
        each = -(-(len(str(heads.stop)) + 2) // pitch)  # numbers that have no room for themselves are left out
        for i, head in enumerate(heads):
            is_mine = head == self.view.head
            if is_mine or (i % each == 0 and row.used <= margin + i * pitch):
                row.to(margin + i * pitch)
                row.add(f"{'▸' if is_mine else ' '}{head}", self.style_of("accent" if is_mine else "dim"))
        return row.strip()

    def _dots(self, levels: Array, scale: Scale, height: int) -> list:
        return heat_cells.lines(scale.kind, levels, Fit(1, 1), height, self.background_colors[1].hex6)

    def likeness(self, snapshot: Snapshot) -> Picture:
        """Every head against every other: the mean cosine of their rows."""
        window, rows = self.window(snapshot), snapshot.attention_rows
        what = (rows, window, self.looks.hides_first)
        if self._alike[0] is None or not same_rows(self._alike[0], what):
            layers = [self.shares(snapshot, i) for i in range(snapshot.layers)]
            self._alike = (what, head_similarity(layers))
        names = tuple(f"L{i}h{h}" for i in range(snapshot.layers) for h in range(snapshot.heads))
        axis = Axis("head", len(names), names)
        scale = Scale("sequential", 0.0, 1.0)
        return Picture(self._alike[1], axis, axis, scale, True, f"{len(names)} heads", "mean cosine of their rows")

    def likeness_sentence(self, heads: int) -> str:
        """`layer 2 head 3 and layer 4 head 1: 0.912 alike`."""
        assert self._picture is not None
        (a, b), names = self.cursor, [f"layer {i // heads} head {i % heads}" for i in self.cursor]
        return f"{names[0]} and {names[1]}: {number_text(float(self._picture.values[a, b]))}, mean cosine of their rows"


def share_text(share: float) -> str:
    """Two digits behind the point; a dash for what no query could show."""
    return "—" if np.isnan(share) else f"{share:.2f}"


def same_rows(before: tuple, now: tuple) -> bool:
    """Whether they are made of the same chunks of rows, in the same window, in the same way."""
    same = len(before[0]) == len(now[0]) and all(a is b for a, b in zip(before[0], now[0], strict=True))
    return same and before[1:] == now[1:]
