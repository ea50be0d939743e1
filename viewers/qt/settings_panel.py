"""How the model is run: one control for each row of the engine's table, and what the last change did."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from engine.errors import MiniGPTError
from engine.settings import TABLE, Setting, Settings, row_of, shown
from engine.switch import Footprint, Switch
from engine.text import visible
from viewers.actions import key_of
from viewers.numbers import bytes_text, count_text
from viewers.palette import hexed
from viewers.qt.panel import Desk, Panel, dim_label
from viewers.qt.theme import Theme, letters

EMPTY = "A change is shown here: the lines that went, came and changed, the bytes it saved, and the drift."


class Control(QWidget):
    """One setting: a box to tick, or a choice; a number may be typed."""

    def __init__(self, row: Setting, desk: Desk) -> None:
        super().__init__()
        self.row, self.desk = row, desk
        self.box = QCheckBox() if row.is_switch else None
        self.choice = None if row.is_switch else QComboBox()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        if self.box is not None:
            self.box.setAccessibleName(row.title)
            self.box.toggled.connect(self.ask)
            layout.addWidget(self.box)
        if self.choice is not None:
            self.choice.setAccessibleName(row.title)
            self.choice.addItems([shown(choice) for choice in row.choices])
            self.choice.setEditable(not row.is_word)
            self.choice.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            self.choice.setMinimumContentsLength(7)
            self.choice.textActivated.connect(self._typed)
            layout.addWidget(self.choice)
        self.setToolTip(row.why)

    def put(self, value: object) -> None:
        """Show a value without asking for it."""
        widget = self.box if self.box is not None else self.choice
        assert widget is not None
        widget.blockSignals(True)
        if self.box is not None:
            self.box.setChecked(bool(value))
            self.box.setText(shown(value))
        elif self.choice is not None and not ((line := self.choice.lineEdit()) and line.hasFocus()):
            self.choice.setCurrentText(shown(value))
        widget.blockSignals(False)

    def _typed(self, text: str) -> None:
        try:
            self.ask(self.row.read(text.strip() or "none"))
        except MiniGPTError as error:
            self.desk.say(f"error: {error}")
            if self.desk.snapshot is not None and self.choice is not None:
                self.choice.setCurrentText(shown(getattr(self.desk.snapshot.settings, self.row.name)))

    def ask(self, value: object) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and value != getattr(snapshot.settings, self.row.name):
            self.desk.say(f"applying {self.row.title} {shown(value)} …")
            self.desk.send("configure", **{self.row.name: value})


class SettingsPanel(Panel):
    name, title = "settings", "Settings"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.controls = {row.name: Control(row, desk) for row in TABLE}
        form = QWidget()
        grid = QGridLayout(form)
        grid.setContentsMargins(2, 2, 2, 2)
        grid.setVerticalSpacing(3)
        for i, row in enumerate(TABLE):
            key = dim_label(key_of(row.name) if row.key else "")
            label = QLabel(row.title)
            label.setToolTip(row.why)
            label.setBuddy(self.controls[row.name])
            grid.addWidget(key, i, 0)
            grid.addWidget(label, i, 1)
            grid.addWidget(self.controls[row.name], i, 2)
        grid.setColumnStretch(2, 1)
        grid.setRowStretch(len(TABLE), 1)
        area = QScrollArea()  # a low window scrolls them
        area.setWidget(form)
        area.setWidgetResizable(True)
        area.setMinimumWidth(form.minimumSizeHint().width() + 2 * area.frameWidth())
        self.changes = QTextBrowser()
        self.changes.setOpenLinks(False)
        self.changes.setAccessibleName("What the last change of settings did")
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(area)
        split.addWidget(self.changes)
        split.setChildrenCollapsible(False)
        split.setStretchFactor(1, 1)
        split.setSizes([form.sizeHint().height() + 4, 200])
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(split)
        self.changes.setFont(letters(self.font()))

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        return s and (s.settings, s.switch and s.switch.number, s.model_name)

    def draw_now(self) -> None:
        snapshot = self.desk.snapshot
        if snapshot is None:
            return
        for name, control in self.controls.items():
            control.put(getattr(snapshot.settings, name))
        self.changes.setHtml(switch_html(snapshot.switch, self.desk.theme))

    @property
    def sentence(self) -> str:
        s = self.desk.snapshot
        return summary(s.switch) if s and s.switch else words_of(s.settings) if s else ""


def words_of(settings: Settings) -> str:
    """The settings in one line."""
    return ", ".join(f"{row.title} {shown(getattr(settings, row.name))}" for row in TABLE)


def saved_words(name: str, before: int, after: int) -> str:
    """`weights 3.1 MiB → 0.9 MiB (2.2 MiB less)`."""
    less = before - after
    said = "the same" if not less else f"{bytes_text(abs(less))} {'less' if less > 0 else 'more'}"
    return f"{name} {bytes_text(before)} → {bytes_text(after)} ({said})"


def summary(switch: Switch) -> str:
    """What a change did, in one line."""
    names = ", ".join(f"{row_of(n).title} {shown(getattr(switch.after, n))}" for n in switch.changed)
    return f"{names or 'nothing changed'}: {saved_words('in all', switch.bytes_before.total, switch.bytes_after.total)}"


def _sums(before: Footprint, after: Footprint) -> list[str]:
    names = ("weights", "cache", "activations")
    parts = [saved_words(name, getattr(before, name), getattr(after, name)) for name in names]
    return [*parts, f"work of a token {count_text(before.flops)} → {count_text(after.flops)} FLOP"]


def switch_html(switch: Switch | None, theme: Theme) -> str:
    """The difference of the two listings, coloured and marked; everything foreign is escaped."""
    dim = hexed(theme.dim)
    if switch is None:
        return f'<p style="color:{dim}">{EMPTY}</p>'
    words = [f"<b>{escape(summary(switch))}</b>", *map(escape, _sums(switch.bytes_before, switch.bytes_after))]
    if switch.drift is not None:
        d = switch.drift
        flips = f"{d.flips} first choices changed"
        words.append(f"drift over {d.tokens} tokens: KL {d.mean_kl:.2g} nats in the mean, {flips}")
    counts = ", ".join(f"{switch.count(kind)} {kind}" for kind in ("gone", "new", "changed", "same"))
    words.append(f"lines: {counts}")
    colours = {"gone": theme.warn, "new": theme.good, "changed": theme.accent}
    lines = []
    for line in switch.lines:
        if line.kind == "same":
            continue
        ink = hexed(colours[line.kind])
        old, new = line.old if line.kind != "new" else "", line.new if line.kind != "gone" else ""
        for mark, call in (("−", old), ("+", new)):
            if call:
                text = escape(visible(f"{mark} {line.address} = {call}"))
                lines.append(f'<span style="color:{ink}">{text}</span>')
    return f'<p>{"<br>".join(words)}</p><p style="white-space:pre">{"<br>".join(lines)}</p>'
