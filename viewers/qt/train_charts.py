"""The curves of a run, the gradient of each of its layers, and what the run is."""

from __future__ import annotations

from time import perf_counter

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLabel, QTabWidget, QVBoxLayout, QWidget

from engine.training.snapshot import RUNNING, TrainingSnapshot
from viewers.qt.bars import Bars
from viewers.qt.panel import dim_label, in_scroll
from viewers.qt.plots import Chart
from viewers.qt.theme import Theme
from viewers.qt.train_model import (
    CURVES,
    EMPTY,
    NO_GRADIENTS,
    UNITS,
    about_words,
    gradient_rows,
    gradient_words,
    visible_lines,
)

READ_S = 0.25  # numbers that change more often cannot be read
LEGEND = ("gradient norm before clipping",)


class TrainCharts(QTabWidget):
    """Three pages."""

    changed = Signal()
    pointed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.chart = Chart("update", UNITS["loss"], "Curves of the run", "The curves of a run are drawn here.")
        self.curve, self.bars, self.says = QComboBox(), Bars(), dim_label(NO_GRADIENTS)
        self.about = dim_label(EMPTY)
        self.curve.addItems(list(CURVES))
        self.key = self.chart.key_above()
        self.curve.setAccessibleName("Which curve")
        self.bars.setAccessibleName("Gradient norm of each layer")
        self.setDocumentMode(True)
        self.addTab(self._page(self.curve, self.chart), "Curves")
        self.addTab(self._page(self.bars.in_scroll(), self.says), "Gradients")
        self.addTab(in_scroll(self.about), "Run")
        self.curve.currentTextChanged.connect(lambda _: self.changed.emit())
        self.currentChanged.connect(lambda _: self.changed.emit())
        self.bars.pointed.connect(self.pointed)
        self._read: tuple[float, object] = (0.0, None)  # when the bars were drawn last, and how

    @staticmethod
    def _page(*widgets: QWidget) -> QWidget:
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(0, 4, 0, 0)
        for widget in widgets:
            box.addWidget(widget, 1 if not isinstance(widget, (QComboBox, QLabel)) else 0)
        return page

    def drawn_from(self) -> object:
        return self.curve.currentText(), self.currentIndex()

    def show_run(self, t: TrainingSnapshot, theme: Theme) -> None:
        self._draw_curve(t, theme)
        self.about.setText(visible_lines(about_words(t)))
        key = (t.state, theme, t.out)
        if t.state != RUNNING or self._read[1] != key or perf_counter() - self._read[0] > READ_S:
            self._read = perf_counter(), key
            self.bars.show_rows(gradient_rows(t), LEGEND if t.gradient_norms else (), theme)
            self.says.setText(gradient_words(t))

    def _draw_curve(self, t: TrainingSnapshot, theme: Theme) -> None:
        name = self.curve.currentText()
        self.chart.name_up(UNITS[name])
        self.chart.dress(theme)
        rows = {"loss": t.losses, "learning rate": t.rates, "gradient norm": t.norms}[name]
        has_validation = name == "loss" and len(t.validation) > 0
        names = [name] * (len(rows) > 0) + ["validation loss"] * has_validation
        self.chart.keep_only(names)
        self.key.show_names(names, theme)
        if len(rows):
            self.chart.line(name, rows[:, 0], rows[:, 1], theme.series[0])
            if has_validation:
                self.chart.line("validation loss", t.validation[:, 0], t.validation[:, 1], theme.series[1], dots=True)
        self.chart.show_or_say()
