"""Training: choose a preset and a text, start, pause, step, stop, go on; watch curves, samples and heads learn."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QToolButton,
    QVBoxLayout,
)

from engine.training.plan import preset_names
from engine.training.snapshot import DONE, PREPARING, RUNNING
from viewers.qt.panel import Desk, Is, Panel, dim_label
from viewers.qt.pinned_view import PinnedView
from viewers.qt.train_charts import TrainCharts
from viewers.qt.train_model import free_directory, known_runs, state_words, visible_lines


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
        self.more = QToolButton()
        self.more.setText("Go on with")
        self.more.setToolTip("Open the newest checkpoint of a run that is there")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(QMenu(self.more))
        self.charts, self.pinned, self.says = TrainCharts(), PinnedView(), dim_label()
        for widget, name in ((self.preset, "Preset"), (self.text, "Text to learn from"), (self.more, "Go on with"),
                             (self.keys, "Changes to the preset")):  # fmt: skip
            widget.setAccessibleName(name)
        box, split = QVBoxLayout(self), QSplitter(Qt.Orientation.Horizontal)
        box.setContentsMargins(6, 6, 6, 6)
        split.addWidget(self.charts)
        split.addWidget(self.pinned)
        split.setSizes([280, 240])
        split.setChildrenCollapsible(False)
        for half in (self.charts, self.pinned):
            half.setMinimumWidth(200)
        box.addLayout(self._form())
        box.addWidget(self.says)
        box.addWidget(split, 1)
        self._wire()

    def _form(self) -> QGridLayout:
        grid, browse = QGridLayout(), QPushButton("…")
        browse.setAccessibleName("Choose a text file")
        browse.setFixedWidth(30)
        browse.clicked.connect(self._browse)
        buttons = QHBoxLayout()
        for button in (self.play, self.one, self.stop, self.more):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for column, (widget, stretch) in enumerate(((self.preset, 0), (self.text, 2), (browse, 0), (self.keys, 2))):
            grid.addWidget(widget, 0, column)
            grid.setColumnStretch(column, stretch)
        grid.addLayout(buttons, 1, 0, 1, 4)
        return grid

    def _wire(self) -> None:
        self.play.clicked.connect(self.go)
        self.one.clicked.connect(lambda: self.desk.order("step"))
        self.stop.clicked.connect(lambda: self.desk.order("stop"))
        self.more.menu().aboutToShow.connect(self.list_runs)
        for view in (self.charts, self.pinned):
            view.changed.connect(self.refresh)
            view.pointed.connect(self.desk.say)

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

    def list_runs(self) -> None:
        """Fill the menu with the runs that are in the usual place."""
        menu = self.more.menu()
        menu.clear()
        for run in known_runs(runs_directory()):
            menu.addAction(run.words.replace("&", "&&")).triggered.connect(lambda _=False, p=run.path: self.resume(p))
        menu.addSeparator()
        menu.addAction("Another directory …").triggered.connect(self._browse_run)

    def _browse_run(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "The directory of a run", str(runs_directory()))
        if path:
            self.resume(Path(path))

    def resume(self, path: Path) -> None:
        """Open the newest checkpoint of a run; it then waits to be started."""
        self.desk.say(f"opening {path.name} …")
        self.desk.order("resume", str(path))

    def drawn_from(self) -> object:
        return Is(self.desk.training), self.charts.drawn_from(), self.pinned.drawn_from()

    def draw_now(self) -> None:
        t, theme = self.desk.training, self.desk.theme
        is_idle = not t.is_open and t.state != PREPARING
        self.play.setText("Pause" if t.state == RUNNING else "Start" if t.is_open else "Begin")
        self.play.setEnabled(t.state not in (PREPARING, DONE))
        self.one.setEnabled(t.is_open and t.state != DONE)
        self.stop.setEnabled(t.is_open or t.state == PREPARING)
        for widget in (self.preset, self.text, self.keys, self.more):
            widget.setEnabled(is_idle)
        self.says.setText(visible_lines(state_words(t)))
        self.charts.show_run(t, theme)
        self.pinned.show_run(t, theme)

    @property
    def sentence(self) -> str:
        return state_words(self.desk.training)
