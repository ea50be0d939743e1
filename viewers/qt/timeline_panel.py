"""Where the time of the stepped pass went, and what bounds each line: arithmetic, memory traffic, or overhead."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QTabWidget, QVBoxLayout

from viewers.qt.bars import Bars
from viewers.qt.panel import Desk, Is, Panel, Steady
from viewers.qt.roofline import Roofline
from viewers.qt.timeline_model import bar_rows, empty, legend, roof_points, rows_of, summary, timed
from viewers.timing import TimeRow

WHY = "Measures what this machine can do, in half a second: then each line says what bounds it"


class TimelinePanel(Panel):
    name, title = "timeline", "Timeline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.bars, self.roofline, self.says = Bars(), Roofline(), Steady(empty())
        self.bars.setAccessibleName("Time of each place and line")
        self.measure, self.tabs = QPushButton("Measure this machine"), QTabWidget()
        self.measure.setToolTip(WHY)
        self.found: list[TimeRow] = []
        self.opened: frozenset[str] = frozenset()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.bars.in_scroll(), "Lines")
        self.tabs.addTab(self.roofline, "Roofline")
        box, row = QVBoxLayout(self), QHBoxLayout()
        row.addWidget(self.says, 1)
        row.addWidget(self.measure)
        box.setContentsMargins(6, 6, 6, 6)
        box.addLayout(row)
        box.addWidget(self.tabs, 1)
        self.measure.clicked.connect(lambda: desk.send("peaks"))
        self.tabs.currentChanged.connect(lambda _: self.refresh())
        self.bars.chosen.connect(self._chosen)
        self.bars.pointed.connect(self._say)
        self.roofline.said.connect(self._say)

    def _chosen(self, row: int) -> None:
        """A place is unfolded or folded; a line is looked at."""
        here = self.found[row]
        if here.is_place:
            self.opened = self.opened ^ {here.name}
            self.refresh()
        else:
            self.desk.look(address=here.name)

    def _say(self, words: str) -> None:
        self.says.setText(words or self.summary)

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        looked = self.opened, self.tabs.currentIndex()
        return s and (s.stepping and (Is(s.stepping.rows), s.stepping.cursor), s.peaks, s.busy is None, looked)

    def draw_now(self) -> None:
        s, theme = self.desk.snapshot, self.desk.theme
        stepping, peaks = (s.stepping, s.peaks) if s else (None, None)
        lines = timed(stepping)
        self.found = rows_of(stepping, peaks, self.opened)
        self.bars.show_rows(bar_rows(self.found, peaks, self.opened), legend(lines, peaks) if lines else (), theme)
        if self.tabs.currentWidget() is self.roofline:
            self.roofline.show_points(roof_points(lines, peaks) if peaks else (), peaks, theme)
        self.measure.setVisible(peaks is None)
        self.measure.setEnabled(s is not None and s.busy is None)
        self._say("")

    @property
    def summary(self) -> str:
        s = self.desk.snapshot
        return summary(s.stepping, s.peaks) if s else empty()

    @property
    def sentence(self) -> str:
        """The row under the cursor; of the whole pass, until one was pointed at."""
        return self.says.text() or self.summary
