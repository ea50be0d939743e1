"""How well each token of the text was foreseen: its log-probability, and the entropy it was foreseen with."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtWidgets import QVBoxLayout

from engine.snapshot import TokenView
from engine.text import visible
from viewers.qt.axes import FEW, every, written
from viewers.qt.panel import Desk, Panel, dim_label
from viewers.qt.plots import Chart
from viewers.tokens import token_sentence

MOST_DOTS = 150  # more of them run into each other
NAMES = ("entropy before it", "surprise, −log p")
EMPTY = "No text yet: write a prompt, and Enter runs it."


def surprises(tokens: tuple[TokenView, ...]) -> tuple[np.ndarray, np.ndarray]:
    """-logprob and entropy of each token, nats; NaN for the first."""
    surprise = [math.nan if token.logprob is None else -token.logprob for token in tokens]
    entropy = [math.nan if token.entropy is None else token.entropy for token in tokens]
    return np.array(surprise), np.array(entropy)


class LogprobPanel(Panel):
    name, title = "logprobs", "Log-probability"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.chart = Chart("token", "nats", "Surprise of each token", EMPTY)
        self.key, self.says = self.chart.key_above(), dim_label(EMPTY)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.chart, 1)
        box.addWidget(self.says)
        self.chart.clicked.connect(self._clicked)
        self.chart.pointed.connect(self._pointed)

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        return s and (s.tokens, self.desk.view.place(s), self.width() // 40)

    def draw_now(self) -> None:
        snapshot, theme = self.desk.snapshot, self.desk.theme
        if snapshot is None:
            return
        tokens = snapshot.tokens
        surprise, entropy = surprises(tokens)
        x = np.arange(len(tokens))
        self.chart.dress(theme)
        self.key.show_names(NAMES, theme)
        self.chart.line(NAMES[0], x, entropy, theme.series[0])
        self.chart.line(NAMES[1], x, surprise, theme.series[1], dots=len(tokens) <= MOST_DOTS)
        self.chart.put_cursor(float(self.desk.view.query(snapshot)) if tokens else None)
        self.chart.span(0, max(1, len(tokens) - 1))
        step = every(max(1, len(tokens)), max(60, self.width() - 70), 58)
        self.chart.label_ticks(
            [
                (i, f"{i} {short(tokens[i].text)}" if step >= FEW else short(tokens[i].text))
                for i in written(len(tokens), step)
            ]
        )
        self.chart.show_or_say()
        self.says.setText(self.sentence)

    def _token(self, x: float) -> int | None:
        s = self.desk.snapshot
        return min(max(round(x), 0), len(s.tokens) - 1) if s and s.tokens else None

    def _clicked(self, x: float) -> None:
        if (place := self._token(x)) is not None:
            self.desk.look(token=place)

    def _pointed(self, x: float) -> None:
        s, place = self.desk.snapshot, self._token(x)
        if s is not None and place is not None:
            self.says.setText(token_sentence(s.tokens[place], place))

    @property
    def sentence(self) -> str:
        s = self.desk.snapshot
        foreseen = [token.logprob for token in s.tokens if token.logprob is not None] if s else []
        if not foreseen:
            return EMPTY
        mean = -sum(foreseen) / len(foreseen)
        return f"{len(foreseen)} tokens foreseen with {mean:.3f} nats each in the mean: perplexity {math.exp(mean):.2f}"


def short(text: str) -> str:
    shown = visible(text, spaces=True)
    return shown if len(shown) <= 6 else shown[:5] + "…"
