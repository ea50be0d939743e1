"""A second lane beside this one: other settings, another model or text, and how far the predictions are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.side_by_side import SideBySide
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.qt.axes import every, written
from viewers.qt.compare_model import EMPTY, LOWEST, heights, place_words, summary, token_words
from viewers.qt.lane_texts import LaneTexts
from viewers.qt.logprob_panel import MOST_DOTS, short
from viewers.qt.panel import Desk, Is, Panel, Steady
from viewers.qt.plots import Chart
from viewers.qt.theme import Theme

TOKEN, TICK = 44, 80  # pixels for a token's name and for an address
FIELDS = (
    ("words", "Settings", "int8=all,rank=32,kv-window=16; empty: this session's"),
    ("model", "Model", "a directory or a shipped name; empty: this one"),
    ("text", "Text", "empty: this session's"),
)
NAMES = ("KL of the prediction of each token", "another first choice")
DRIFT = ("relative error from A to B", "over the threshold")


class ComparePanel(Panel):
    name, title = "compare", "Compare"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.words, self.model, self.text = QLineEdit(), QLineEdit(), QLineEdit()
        self.go, self.off, self.says = QPushButton("Compare"), QPushButton("Close it"), Steady()
        self.chart = Chart("token", "KL, nats", "Drift of each token's prediction", EMPTY)
        self.curve = Chart("the residual stream", "max/max", "Drift along the pass", EMPTY)
        self.texts, self.tabs = LaneTexts(), QTabWidget()
        self.keys = self.chart.key_above(), self.curve.key_above()
        scroll = self.area = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.texts)
        self.tabs.setDocumentMode(True)
        pages = ((self._form(), "Lanes"), (self.chart, "Tokens"), (self.curve, "Along the pass"), (scroll, "Texts"))
        for page, name in pages:
            self.tabs.addTab(page, name)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.tabs, 1)
        box.addWidget(self.says)
        self._asked: object = None  # what was last followed, so that nothing is asked twice
        self._wire()

    def _form(self) -> QWidget:
        """The fields of the other lane, with what is empty as it is here."""
        page, browse, buttons = QWidget(), QPushButton("…"), QHBoxLayout()
        grid = QGridLayout(page)
        for row, (name, said, hint) in enumerate(FIELDS):
            field: QLineEdit = getattr(self, name)
            field.setAccessibleName(f"{said} of the other lane")
            field.setPlaceholderText(hint)
            field.setToolTip(hint)
            field.returnPressed.connect(self.begin)
            grid.addWidget(QLabel(said), row, 0)
            grid.addWidget(field, row, 1)
        browse.setAccessibleName("Choose a model's directory")
        browse.setFixedWidth(30)
        browse.clicked.connect(self._browse)
        grid.addWidget(browse, 1, 2)
        for button in (self.go, self.off):
            buttons.addWidget(button)
        buttons.addStretch(1)
        grid.addLayout(buttons, len(FIELDS), 1)
        grid.setRowStretch(len(FIELDS) + 1, 1)
        return page

    def choose(self) -> None:
        """Where the other lane is named, with the keys in it."""
        self.tabs.setCurrentIndex(0)
        self.words.setFocus()

    def _wire(self) -> None:
        self.go.clicked.connect(self.begin)
        self.off.clicked.connect(self.end)
        self.chart.clicked.connect(lambda x: self._go_to(round(x)))
        self.chart.pointed.connect(lambda x: self._say_token(round(x)))
        self.texts.moved.connect(self._go_to)
        self.curve.clicked.connect(self._curve_clicked)
        self.curve.pointed.connect(self._curve_pointed)
        self.tabs.currentChanged.connect(lambda _: self.refresh())

    # what is compared

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "The directory of a model")
        if path:
            self.model.setText(path)

    def begin(self) -> None:
        """Run what was typed beside this session. Without settings, another model or text has those of this session."""
        words, model, text = (getattr(self, name).text().strip() for name, _, _ in FIELDS)
        s = self.desk.snapshot
        if s is None or not (words or model or text):
            self.desk.say(EMPTY)
            return
        arguments: dict[str, Any] = {"words": words or settings_words(s)}
        if model:
            arguments["model"] = model
        if text and s.has_tokenizer:
            arguments["text"] = self.text.text()
        elif text:
            try:
                arguments["ids"] = [int(word) for word in text.replace(",", " ").split()]
            except ValueError:
                self.desk.say(f"error: ids: expected whole numbers as 1,2,3, got {visible(text[:60])}")
                return
        self._asked = None
        self.desk.send("compare", **arguments)
        if self.tabs.currentIndex() == 0:
            self.tabs.setCurrentIndex(1)

    def end(self) -> None:
        self.desk.send("uncompare")

    @property
    def lanes(self) -> SideBySide | None:
        return self.desk.snapshot.lanes if self.desk.snapshot else None

    def _follow(self, s: Snapshot) -> None:
        """The lanes follow a text or settings that have changed, once these stand."""
        now = (tuple(token.id for token in s.tokens), s.settings)
        if s.lanes is None or s.busy is not None or not s.tokens:
            return
        if self._asked is None:
            self._asked = s.lanes.a.ids, s.settings
        if self._asked != now:
            self._asked = now
            self.desk.send("follow")

    # pointing

    def _go_to(self, place: int) -> None:
        s = self.desk.snapshot
        if s is not None and s.tokens:
            self.desk.look(token=None if place >= len(s.tokens) else max(0, place))

    def _say_token(self, place: int) -> None:
        if self.lanes is not None and 0 <= place <= self.lanes.positions:
            self.says.setText(token_words(self.lanes, place))

    def _curve_clicked(self, x: float) -> None:
        if self.lanes is not None and self.lanes.along:
            self.desk.look(address=self.lanes.along[min(max(round(x), 0), len(self.lanes.along) - 1)].address)

    def _curve_pointed(self, x: float) -> None:
        lanes = self.lanes
        if lanes is not None and lanes.along:
            place = lanes.along[min(max(round(x), 0), len(lanes.along) - 1)]
            self.says.setText(place_words(place, lanes.threshold))

    # drawing

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        return s and (Is(s.lanes), s.busy, s.settings, len(s.tokens), self.desk.view.place(s), self.width() // TOKEN)

    def draw_now(self) -> None:
        s, theme = self.desk.snapshot, self.desk.theme
        if s is None:
            return
        self._follow(s)
        self.off.setEnabled(s.lanes is not None)
        for chart in (self.chart, self.curve):
            chart.dress(theme)
            if s.lanes is None:
                chart.keep_only(())
        place = self.desk.view.place(s)
        if s.lanes is not None:
            self._draw_tokens(s.lanes, place, theme)
            self._draw_curve(s.lanes, theme)
        self.texts.show_lanes(s.lanes, place, theme)
        for key, names in zip(self.keys, (NAMES, DRIFT), strict=True):
            key.show_names(names if s.lanes is not None else (), theme)
        self.chart.show_or_say()
        self.curve.show_or_say()
        self.says.setText(self.sentence if s.lanes is not None else "")

    def _draw_tokens(self, lanes: SideBySide, place: int, theme: Theme) -> None:
        """KL of every place that was foreseen, the next token's included."""
        if lanes.kl is None or lanes.flips is None:
            self.chart.keep_only(())
            return
        x = np.arange(1, lanes.positions + 1)
        self.chart.line(NAMES[0], x, lanes.kl, theme.series[0], dots=lanes.positions <= MOST_DOTS)
        flips = np.where(lanes.flips, lanes.kl, np.nan)
        self.chart.line(NAMES[1], x, flips, theme.series[1], dots=True, joined=False)
        step = every(lanes.positions + 1, max(60, self.width() - 70), TOKEN)
        texts = [*map(short, lanes.a.texts[: lanes.positions]), "next"]
        self.chart.label_ticks([(i, texts[i]) for i in written(len(texts), step)])
        self.chart.put_cursor(float(min(place, lanes.positions)))
        self.chart.span(0, max(1, lanes.positions))

    def _draw_curve(self, lanes: SideBySide, theme: Theme) -> None:
        """Relative errors along the residual stream, in powers of ten."""
        self.curve.keep_only([*DRIFT, "threshold"] if lanes.along else ())
        if not lanes.along:
            return
        up, x = heights(lanes), np.arange(len(lanes.along))
        over = np.where([place.is_over for place in lanes.along], up, np.nan)
        self.curve.line("threshold", x[[0, -1]], [np.log10(lanes.threshold)] * 2, theme.dim)
        self.curve.line(DRIFT[0], x, up, theme.series[0], dots=True)
        self.curve.line(DRIFT[1], x, over, theme.series[1], dots=True, joined=False)
        low, high = int(np.log10(LOWEST)), max(0, int(np.ceil(up.max())))
        self.curve.plot.getAxis("left").setTicks([[(k, f"{10.0**k:g}") for k in range(low, high + 1, 2)]])
        self.curve.plot.setYRange(low, high)
        step = every(len(x), max(60, self.width() - 70), TICK)
        names = [place.address.replace("blocks.", "").replace("resid_", "") for place in lanes.along]
        self.curve.label_ticks([(i, names[i]) for i in written(len(names), step)])
        self.curve.span(-0.5, len(x) - 0.5)

    @property
    def sentence(self) -> str:
        """What is said of the cursor's token, where the texts are looked at; else of all."""
        s = self.desk.snapshot
        if s is None or s.lanes is None:
            return EMPTY
        is_token = self.tabs.currentWidget() is self.area and self.desk.view.token is not None
        return token_words(s.lanes, self.desk.view.place(s)) if is_token else summary(s.lanes)


def settings_words(snapshot: Snapshot) -> str:
    """The session's own settings as a lane has them."""
    from engine.lane import plainly, words_of  # it brings much of the engine, which the other process has

    return words_of(plainly(snapshot.settings))
