"""The roofline: what each line reached, under what this machine can do with its arithmetic and with its memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Signal

from engine.analysis.machine_peaks import Peaks
from viewers.numbers import count_text
from viewers.qt.plots import Chart
from viewers.qt.theme import Theme
from viewers.qt.timeline_model import KNOWN, Point, roofs

EMPTY = "Measure this machine first: then every line stands under what the machine could do with it."
NAMES = {bound: "held up by overhead" if bound == "overhead" else f"{bound}-bound" for bound in KNOWN}
SYMBOLS = dict(zip(KNOWN, ("o", "t", "s"), strict=True))
MARKS = dict(zip(KNOWN, "●▼■", strict=True))
NEAR = 0.06  # of the picture's width and height: further away is no point meant


class Roofline(Chart):
    """Both axes are logarithmic. What is pointed at says what its line says."""

    said = Signal(str)

    def __init__(self) -> None:
        super().__init__("FLOP per byte moved", "FLOP/s", "Lines under the roofs of this machine", EMPTY)
        self.plot.setLogMode(x=True, y=True)
        self.key = self.key_above()
        self.points: Sequence[Point] = ()

    def show_points(self, points: Sequence[Point], peaks: Peaks | None, theme: Theme) -> None:
        """Draw the roofs, and each line by what bounds it."""
        self.points = points
        self.dress(theme)
        by_bound = {bound: [point for point in points if point.bound == bound] for bound in KNOWN}
        self.keep_only([NAMES[bound] for bound, found in by_bound.items() if found] + ["roof"] * bool(peaks))
        if peaks is not None:
            across, most = roofs(points, peaks)
            self.line("roof", across, most, theme.dim)
            for (bound, found), colour in zip(by_bound.items(), theme.series, strict=False):
                if found:
                    x, y = [p.intensity for p in found], [p.flops_per_s for p in found]
                    self.line(NAMES[bound], x, y, colour, dots=True, joined=False, symbol=SYMBOLS[bound])
            self._label(across, [*most, *(p.flops_per_s for p in points)])
        self.key.show_names([f"{MARKS[bound]} {NAMES[bound]}" for bound in KNOWN] if peaks else (), theme)
        self.show_or_say()
        self.plot.setAccessibleDescription("; ".join(point.sentence for point in points[:200]))

    def _label(self, across: np.ndarray, up: Sequence[float]) -> None:
        """Powers of ten as people read them."""
        for side, values in (("bottom", across), ("left", up)):
            low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
            self.plot.getAxis(side).setTicks([[(k, power_text(k)) for k in range(low, high + 1)]])

    def nearest(self, x: float, y: float) -> Point | None:
        """The line that is drawn nearest to a place of the picture, in powers of ten; None if none is near."""
        box = self.plot.getViewBox().viewRange()
        (left, right), (low, high) = box
        wide, tall = (right - left) or 1.0, (high - low) or 1.0

        def away(point: Point) -> float:
            return math.hypot((math.log10(point.intensity) - x) / wide, (math.log10(point.flops_per_s) - y) / tall)

        best = min(self.points, key=away, default=None)
        return best if best is not None and away(best) < NEAR else None

    def _was_pointed(self, point: QPointF) -> None:
        box = self.plot.getViewBox()
        if QRectF(box.sceneBoundingRect()).contains(point):
            at = box.mapSceneToView(point)
            found = self.nearest(at.x(), at.y())
            self.said.emit(found.sentence if found else "")


def power_text(power: int) -> str:
    """`10M` for 7, `0.1` for -1."""
    return count_text(10.0**power) if power >= 0 else f"{10.0**power:g}"
