"""What the token under the cursor could have been, and the dials of the draw. Taking another one makes a branch."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QScrollArea,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.sampling import Sampler
from engine.snapshot import Candidate
from engine.text import visible
from viewers.numbers import percent_text
from viewers.qt.panel import Desk, Panel, dim_label
from viewers.qt.tables import Bar, Table

COLUMNS = ("rank", "token", "model", "sampled")
ENDS = {"temperature": (0.0, 2.0), "top_k": (0.0, 100.0), "top_p": (0.01, 1.0), "repetition_penalty": (1.0, 2.0)}
TITLES = {"temperature": "Temperature", "top_k": "Top-k", "top_p": "Top-p", "repetition_penalty": "Repetition"}
TICKS = 200
EMPTY = "Nothing foresaw the first token: look at a later one."


class Dial(QWidget):
    """A slider and a number for one field of the sampler."""

    def __init__(self, field: str, desk: Desk) -> None:
        super().__init__()
        self.field, self.desk = field, desk
        self.low, self.high = ENDS[field]
        self.is_whole = field == "top_k"
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, int(self.high) if self.is_whole else TICKS)
        self.number: QSpinBox | QDoubleSpinBox = QSpinBox() if self.is_whole else QDoubleSpinBox()
        if isinstance(self.number, QDoubleSpinBox):
            self.number.setDecimals(2)
            self.number.setSingleStep(0.05)
            self.number.setRange(self.low, 100.0 if self.high > 1 else self.high)
        else:
            self.number.setRange(0, 10**6)
            self.number.setSpecialValueText("all")
        self.number.setKeyboardTracking(False)
        self.number.setFixedWidth(76)
        for widget in (self.slider, self.number):
            widget.setAccessibleName(TITLES[field])
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.slider, 1)
        box.addWidget(self.number)
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(self._changed)

    def put(self, value: float) -> None:
        """Show a value without asking for it."""
        for widget in (self.slider, self.number):
            widget.blockSignals(True)
        self.slider.setValue(round(value if self.is_whole else (value - self.low) / (self.high - self.low) * TICKS))
        self.number.setValue(int(value) if self.is_whole else value)  # type: ignore[arg-type]
        for widget in (self.slider, self.number):
            widget.blockSignals(False)

    def _slid(self, tick: int) -> None:
        value = tick if self.is_whole else round(self.low + tick / TICKS * (self.high - self.low), 2)
        self.number.setValue(value)  # type: ignore[arg-type]

    def _changed(self, value: float) -> None:
        self.desk.send("sampler", **{self.field: int(value) if self.is_whole else round(float(value), 4)})


class CandidatesPanel(Panel):
    name, title = "candidates", "Candidates"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.heading, self.table = dim_label(), Table(COLUMNS, "Candidates for this token")
        self.table.setItemDelegateForColumn(2, bar := Bar(desk))
        self.table.setItemDelegateForColumn(3, bar)
        self._bar = bar  # a table does not own its delegates
        self.dials = {field: Dial(field, desk) for field in ENDS}
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setKeyboardTracking(False)
        self.seed.setAccessibleName("Seed")
        self.seed.valueChanged.connect(lambda value: desk.send("seed", value=value))
        dials, area = QWidget(), QScrollArea()  # a low window scrolls them
        form = QFormLayout(dials)
        form.setContentsMargins(2, 2, 2, 2)
        form.setVerticalSpacing(2)
        for field, dial in self.dials.items():
            form.addRow(TITLES[field], dial)
        form.addRow("Seed", self.seed)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.heading)
        box.addWidget(self.table, 1)
        area.setWidget(dials)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(self.dials["top_p"].sizeHint().height() * 2)
        area.setMaximumHeight(dials.sizeHint().height() + 2)
        box.addWidget(area)
        self.found: tuple[Candidate, ...] = ()
        self.table.cellDoubleClicked.connect(self._take)

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        if s is None:
            return None
        place = self.desk.view.place(s)
        return place, s.candidates(place), s.sampler, s.seed, s.tokens[place].id if place < len(s.tokens) else None

    def draw_now(self) -> None:
        snapshot = self.desk.snapshot
        if snapshot is None:
            return
        place = self.desk.view.place(snapshot)
        self.found = snapshot.candidates(place)
        taken = snapshot.tokens[place] if place < len(snapshot.tokens) else None
        words = f"for token {place}" + (f", which is “{visible(taken.text, spaces=True)}”" if taken else ", the next")
        self.heading.setText(f"{words}; Enter or a double click takes one" if self.found else EMPTY)
        self.table.setRowCount(len(self.found))
        for row, candidate in enumerate(self.found):
            is_taken = taken is not None and candidate.id == taken.id
            texts = (
                f"{'▸' if is_taken else ''}{candidate.rank}",
                f"{visible(candidate.text, spaces=True)}" if snapshot.has_tokenizer else str(candidate.id),
                percent_text(candidate.probability),
                percent_text(candidate.chance) if candidate.chance else "removed",
            )
            for column, text in enumerate(texts):
                part = (None, None, candidate.probability, candidate.chance)[column]
                dim = self.desk.theme.dim if column == 3 and not candidate.chance else None
                self.table.write(row, column, text, part, column >= 2,
                                 f"id {candidate.id}, logprob {candidate.logprob:.3f}", dim)  # fmt: skip
        self._show_sampler(snapshot.sampler, snapshot.seed)

    def _show_sampler(self, sampler: Sampler, seed: int) -> None:
        for field, dial in self.dials.items():
            if not dial.slider.isSliderDown() and not dial.number.hasFocus():
                dial.put(getattr(sampler, field))
        if not self.seed.hasFocus():
            self.seed.blockSignals(True)
            self.seed.setValue(seed)
            self.seed.blockSignals(False)

    def _take(self, row: int, _: int) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and row < len(self.found):
            place, id = self.desk.view.place(snapshot), self.found[row].id
            self.desk.send("choose", position=place, id=id)
            self.desk.look(token=None)

    @property
    def sentence(self) -> str:
        row = self.table.currentRow()
        if not 0 <= row < len(self.found):
            return self.heading.text()
        found = self.found[row]
        return (f'candidate "{visible(found.text, spaces=True)}" (id {found.id}): p {math.exp(found.logprob):.3g}, '
                f"choice {found.rank}, after sampling {found.chance:.3g}")  # fmt: skip
