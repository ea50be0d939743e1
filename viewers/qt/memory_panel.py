"""Where the bytes are: weights, cache and activations of each place, the activations along the pass, the cache."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QScrollArea, QTabWidget, QVBoxLayout

from engine.snapshot import ListingRow, Snapshot
from viewers.qt.bars import Bars
from viewers.qt.memory_model import (
    LEGEND,
    NO_PASS,
    along_words,
    lines_of,
    memory_rows,
    memory_words,
    place_spans,
    unit_of,
)
from viewers.qt.panel import Desk, Is, Panel, Steady
from viewers.qt.plots import Chart
from viewers.qt.slots_view import SlotsView
from viewers.qt.theme import Theme

NEEDED = "needed"
EDGES = 80  # pixels beside the plot, for the axis


class MemoryPanel(Panel):
    name, title = "memory", "Memory"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.bars, self.slots, self.says = Bars(), SlotsView(), Steady()
        self.bars.setAccessibleName("Memory of each place")
        self.chart = Chart("line of the pass", "bytes", "Activations along the pass", NO_PASS)
        self.chart.without_legend()
        self.tabs, scroll = QTabWidget(), QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.slots)
        self.tabs.setDocumentMode(True)
        for page, words in ((self.bars.in_scroll(), "Places"), (self.chart, "Along the pass"), (scroll, "Cache slots")):
            self.tabs.addTab(page, words)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.says)
        box.addWidget(self.tabs, 1)
        self.chart.clicked.connect(self._clicked)
        self.chart.pointed.connect(self._pointed)
        for view in (self.bars, self.slots):
            view.pointed.connect(self._say)
        self.tabs.currentChanged.connect(lambda _: self._say(""))  # what was pointed at stands on another page

    def _say(self, words: str) -> None:
        self.says.setText(words or self.summary)

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        return s and (s.memory, s.stepping and Is(s.stepping.rows), self.width() // 20)

    def draw_now(self) -> None:
        snapshot, theme = self.desk.snapshot, self.desk.theme
        if snapshot is not None:
            self.bars.show_rows(memory_rows(snapshot.memory), LEGEND, theme)
            self.slots.show_slots(snapshot.memory.slots, theme)
            self._draw_along(snapshot, theme)
            self._say("")

    def _draw_along(self, s: Snapshot, theme: Theme) -> None:
        """A step for each line, the names of the places under it, a cursor where the pass stands."""
        along, rows = s.memory.along, lines_of(s.memory, s.stepping)
        size, unit = unit_of(max(along, default=0))
        self.chart.name_up(f"{unit} needed")
        self.chart.dress(theme)
        if not along:
            self.chart.keep_only(())
        else:
            needed = np.array(along) / size
            ends = np.arange(len(along) + 1) - 0.5
            self.chart.line(NEEDED, np.repeat(ends, 2)[1:-1], np.repeat(needed, 2), theme.series[0])
            self._name_places(place_spans(rows))
            self.chart.span(-0.5, len(along) - 0.5)
            self.chart.plot.setYRange(0.0, float(needed.max()) or 1.0)
            cursor = s.stepping.cursor if s.stepping and rows else 0
            self.chart.put_cursor(cursor - 1.0 if cursor else None)
        self.chart.show_or_say()

    def _name_places(self, spans: list[tuple[int, int, str]]) -> None:
        """Each place's name, or its number, under its middle where there is room; a tick where it begins."""
        metrics, count = self.fontMetrics(), max(1, sum(last - first for first, last, _ in spans))
        names = []
        for first, last, place in spans:
            room = (last - first) / count * (self.width() - EDGES) - 6
            fitting = (words for words in (place, place.rpartition(".")[2]) if metrics.horizontalAdvance(words) < room)
            names.append(((first + last - 1) / 2, next(fitting, "")))
        begins = [(first - 0.5, "") for first, _, _ in spans]
        self.chart.plot.getAxis("bottom").setTicks([names, begins])

    @property
    def rows(self) -> tuple[ListingRow, ...]:
        """The lines of the pass that is drawn."""
        s = self.desk.snapshot
        return lines_of(s.memory, s.stepping) if s else ()

    def _line(self, x: float) -> int | None:
        s = self.desk.snapshot
        return min(max(round(x), 0), len(s.memory.along) - 1) if s and s.memory.along else None

    def _clicked(self, x: float) -> None:
        line, rows = self._line(x), self.rows
        if line is not None and rows:
            self.desk.look(address=rows[line].address)

    def _pointed(self, x: float) -> None:
        line, s = self._line(x), self.desk.snapshot
        if line is not None and s is not None:
            self._say(along_words(s.memory, self.rows, line))

    @property
    def summary(self) -> str:
        return memory_words(self.desk.snapshot.memory) if self.desk.snapshot else ""

    @property
    def sentence(self) -> str:
        """What was pointed at last; the sums, before that."""
        return self.says.text() or self.summary
