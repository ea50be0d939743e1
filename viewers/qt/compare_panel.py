"""A second lane beside this one: other settings on the same text, and how far each token's prediction moved."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from engine.snapshot import Snapshot
from engine.text import visible
from viewers.qt.axes import every
from viewers.qt.logprob_panel import MOST_DOTS, short
from viewers.qt.panel import Desk, Is, Panel, dim_label
from viewers.qt.plots import Chart

EMPTY = "No second lane: name settings, as int8=all,rank=32, and Enter runs the same text under them."


def difference_words(s: Snapshot) -> str:
    """The mean and the worst of the drift, and how many first choices changed."""
    found = s.difference
    if found is None or not len(found.kl) or not np.isfinite(found.kl).any():
        return EMPTY
    worst = int(np.nanargmax(found.kl))
    token = visible(s.tokens[worst].text, spaces=True)
    return (
        f"beside {visible(found.name)}: KL {np.nanmean(found.kl):.3g} nats in the mean over {len(found.kl)} tokens, "
        f'most {found.kl[worst]:.3g} at token {worst} "{token}"; {int(found.flips.sum())} first choices changed'
    )


class ComparePanel(Panel):
    name, title = "compare", "Compare"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.words, self.off, self.says = QLineEdit(), QPushButton("Close it"), dim_label(EMPTY)
        self.words.setPlaceholderText("settings of the other lane: int8=all,rank=32,kv-window=16")
        self.words.setAccessibleName("Settings of the other lane")
        self.chart = Chart("token", "KL, nats", "Drift of each token's prediction", EMPTY)
        row, box = QHBoxLayout(), QVBoxLayout(self)
        row.addWidget(self.words, 1)
        row.addWidget(self.off)
        box.setContentsMargins(6, 6, 6, 6)
        box.addLayout(row)
        box.addWidget(self.chart, 1)
        box.addWidget(self.says)
        self.lane = ""  # what is compared with; "" is nothing
        self._asked: object = None
        self.words.returnPressed.connect(self.begin)
        self.off.clicked.connect(self.end)
        self.chart.clicked.connect(self._clicked)

    def begin(self) -> None:
        """Run the text under the settings that were typed."""
        self.lane = self.words.text().strip()
        if self.lane:
            self._asked = None
            self.desk.send("compare", words=self.lane)

    def end(self) -> None:
        self.lane = ""
        self.desk.send("uncompare")

    def _clicked(self, x: float) -> None:
        s = self.desk.snapshot
        if s is not None and s.tokens:
            self.desk.look(token=min(max(round(x), 0), len(s.tokens) - 1))

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        return s and (Is(s.difference), s.busy, len(s.tokens), self.desk.view.query(s))

    def draw_now(self) -> None:
        s, theme = self.desk.snapshot, self.desk.theme
        if s is None:
            return
        self._follow(s)
        self.off.setEnabled(bool(self.lane) or s.difference is not None)
        self.chart.dress(theme)
        if s.difference is None:
            self.chart.keep_only(())
        else:
            kl = np.asarray(s.difference.kl, float)
            x = np.arange(len(kl))
            flips = np.where(s.difference.flips, kl, np.nan)
            self.chart.line("KL to the other lane", x, kl, theme.series[0], dots=len(kl) <= MOST_DOTS)
            self.chart.line("first choice changed", x, flips, theme.series[1], dots=True, joined=False)
            step = every(max(1, len(kl)), max(60, self.width() - 70), 44)
            self.chart.label_ticks([(i, short(s.tokens[i].text)) for i in range(0, len(kl), step)])
            self.chart.put_cursor(float(self.desk.view.query(s)))
            self.chart.span(0, max(1, len(kl) - 1))
        self.chart.show_or_say()
        self.says.setText("" if s.difference is None else self.sentence)

    def _follow(self, s: Snapshot) -> None:
        """The other lane follows a text that has changed, once it stands."""
        if self.lane and s.busy is None and s.difference is None and self._asked != (now := (s.tokens, s.settings)):
            self._asked = now
            self.desk.send("follow")

    @property
    def sentence(self) -> str:
        return difference_words(self.desk.snapshot) if self.desk.snapshot else EMPTY
