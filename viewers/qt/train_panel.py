"""Training: choose a preset and a text, start, pause, step, stop; watch curves, samples and a head as it learns."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from engine.text import visible
from engine.training.plan import preset_names
from engine.training.snapshot import DONE, PREPARING, RUNNING, Seen
from viewers.qt.canvas import Heat
from viewers.qt.panel import Desk, Is, Panel, dim_label
from viewers.qt.plots import Chart
from viewers.qt.train_model import CURVES, UNITS, free_directory, pinned_picture, state_words

PINNED = "Attention over the pinned prompt is shown here once a run has begun."


def runs_directory() -> Path:
    from platformdirs import user_state_path

    return user_state_path("minigpt", appauthor=False) / "runs"


class TrainPanel(Panel):
    name, title = "training", "Training"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.preset, self.text, self.keys = QComboBox(), QLineEdit(), QLineEdit()
        self.preset.addItems(list(preset_names()))
        self.text.setPlaceholderText("a text file, or a directory of them")
        self.keys.setPlaceholderText("changes: steps=500 batch=16")
        self.play, self.one, self.stop = QPushButton("Begin"), QPushButton("One update"), QPushButton("Save and stop")
        self.says, self.sample = dim_label(), dim_label()
        self.chart = Chart("update", UNITS["loss"], "Curves of the run", "The curves of a run are drawn here.")
        self.curve = QComboBox()
        self.curve.addItems(list(CURVES))
        self.heat, self.slider, self.when = Heat(PINNED), QSlider(Qt.Orientation.Horizontal), QLabel()
        for widget, name in ((self.preset, "Preset"), (self.text, "Text to learn from"), (self.curve, "Which curve"),
                             (self.keys, "Changes to the preset"), (self.slider, "Checkpoint")):  # fmt: skip
            widget.setAccessibleName(name)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self._left())
        split.addWidget(self._right())
        split.setSizes([300, 240])
        self.heat.setMinimumSize(200, 190)
        split.setChildrenCollapsible(False)
        box.addLayout(self._form())
        box.addWidget(split, 1)
        self._wire()

    def _form(self) -> QGridLayout:
        grid, browse = QGridLayout(), QPushButton("…")
        browse.setAccessibleName("Choose a text file")
        browse.setFixedWidth(30)
        browse.clicked.connect(self._browse)
        buttons = QHBoxLayout()
        for button in (self.play, self.one, self.stop):
            buttons.addWidget(button)
        for column, (widget, stretch) in enumerate(((self.preset, 0), (self.text, 2), (browse, 0), (self.keys, 2))):
            grid.addWidget(widget, 0, column)
            grid.setColumnStretch(column, stretch)
        grid.addLayout(buttons, 1, 0, 1, 2)
        grid.addWidget(self.curve, 1, 3)
        return grid

    def _left(self) -> QWidget:
        left = QWidget()
        box = QVBoxLayout(left)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.chart, 1)
        box.addWidget(self.says)
        return left

    def _right(self) -> QWidget:
        right = QWidget()
        box, row = QVBoxLayout(right), QHBoxLayout()
        box.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.when)
        box.addWidget(self.heat, 1)
        box.addLayout(row)
        box.addWidget(self.sample)
        return right

    def _wire(self) -> None:
        self.play.clicked.connect(self.go)
        self.one.clicked.connect(lambda: self.desk.order("step"))
        self.stop.clicked.connect(lambda: self.desk.order("stop"))
        self.curve.currentTextChanged.connect(lambda _: self.refresh())
        self.slider.valueChanged.connect(lambda _: self.refresh())
        self.heat.pointed.connect(lambda *_: self.desk.say(self.heat.sentence))

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A text to learn from")
        if path:
            self.text.setText(shlex.quote(path))

    def go(self) -> None:
        """Begin, start or pause, whichever comes next."""
        t = self.desk.training
        if t.state == RUNNING:
            self.desk.order("pause")
        elif t.is_open:
            self.desk.order("run")
        elif t.state != PREPARING:
            self._begin()

    def _begin(self) -> None:
        try:
            files, settings = shlex.split(self.text.text()), shlex.split(self.keys.text())
        except ValueError as error:
            self.desk.say(f"error: a quotation is not closed: {error}")
            return
        if not files:
            self.desk.say("No text to learn from yet: name a file, or … chooses one.")
            self.text.setFocus()
            return
        out = free_directory(runs_directory(), self.preset.currentText(), files[0])
        paths = [str(Path(file).absolute()) for file in files]
        self.desk.order("begin", self.preset.currentText(), paths, str(out), settings)

    def seen(self) -> Seen | None:
        """The checkpoint that the slider stands on; at its end, the newest."""
        found = self.desk.training.seen
        return found[min(self.slider.value(), len(found) - 1)] if found else None

    def drawn_from(self) -> object:
        t, view = self.desk.training, self.desk.view
        return Is(t), self.curve.currentText(), self.slider.value(), view.layer, view.head

    def draw_now(self) -> None:
        t, theme = self.desk.training, self.desk.theme
        self.play.setText("Pause" if t.state == RUNNING else "Start" if t.is_open else "Begin")
        self.play.setEnabled(t.state not in (PREPARING, DONE))
        self.one.setEnabled(t.is_open and t.state != DONE)
        self.stop.setEnabled(t.is_open or t.state == PREPARING)
        for widget in (self.preset, self.text, self.keys):
            widget.setEnabled(not t.is_open and t.state != PREPARING)
        self.says.setText(visible_lines(state_words(t)))
        self._draw_curve()
        follows = self.slider.value() >= self.slider.maximum()
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(t.seen) - 1))
        if follows:
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        self.slider.setEnabled(len(t.seen) > 1)
        seen, view = self.seen(), self.desk.view
        if seen is None or not seen.patterns or not seen.tokens:
            self.heat.show_picture(None, "", theme)
            self.when.setText("")
            self.sample.setText("")
            return
        layer, head = min(view.layer, seen.layers - 1), min(view.head, seen.heads - 1)
        self.heat.show_picture(pinned_picture(seen, layer, head), f"layer {layer}, head {head}", theme)
        self.when.setText(f"update {seen.step:,}")
        self.sample.setText(f"“{visible(seen.prompt)}” goes on: {visible(seen.continuation)}")

    def _draw_curve(self) -> None:
        t, series = self.desk.training, self.desk.theme.series
        name = self.curve.currentText()
        self.chart.name_up(UNITS[name])
        self.chart.dress(self.desk.theme)
        rows = {"loss": t.losses, "learning rate": t.rates, "gradient norm": t.norms}[name]
        has_validation = name == "loss" and len(t.validation) > 0
        self.chart.keep_only([name] * (len(rows) > 0) + ["validation loss"] * has_validation)
        if not len(rows):
            self.chart.show_or_say()
            return
        self.chart.line(name, rows[:, 0], rows[:, 1], series[0])
        if has_validation:
            self.chart.line("validation loss", t.validation[:, 0], t.validation[:, 1], series[1], dots=True)
        self.chart.show_or_say()

    @property
    def sentence(self) -> str:
        return state_words(self.desk.training)


def visible_lines(text: str) -> str:
    """Several lines, each of them harmless."""
    return "\n".join(visible(line) for line in text.split("\n"))
