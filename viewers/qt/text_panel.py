"""The prompt, and below it the text as the model sees it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QScrollArea, QVBoxLayout

from engine.snapshot import Snapshot
from engine.text import visible
from viewers.qt.panel import Desk, Is, Panel, dim_label
from viewers.qt.token_flow import EMPTY, Legend, TokenFlow


class PromptEdit(QPlainTextEdit):
    """Enter runs what is written, Shift+Enter begins a line, Escape puts back what was there."""

    given = Signal(str)
    left = Signal()  # somebody else is to have the keys: without one, Qt gives them back to this field

    def __init__(self) -> None:
        super().__init__()
        self.before = ""
        self.setTabChangesFocus(True)
        self.setAccessibleName("Prompt")
        self.setPlaceholderText("Write a prompt; Enter runs it")
        self.setFixedHeight(QFontMetrics(self.font()).lineSpacing() * 3 + 12)

    def put(self, text: str) -> None:
        """Show what was run, unless somebody is writing."""
        if not self.hasFocus() or not self.before:
            self.before = text
            if self.toPlainText() != text:
                self.setPlainText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.before = self.toPlainText()
            self.given.emit(self.before)
            self.left.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.setPlainText(self.before)
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Escape is this field's own while it is written in."""
        is_key = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if is_key and event.key() == Qt.Key.Key_Escape:  # type: ignore[attr-defined]
            event.accept()
            return True
        return super().event(event)


class TextPanel(Panel):
    name, title = "text", "Text"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.prompt, self.flow, self.legend, self.says = PromptEdit(), TokenFlow(), Legend(), dim_label()
        scroll = self.area = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.flow)
        box, strip = QVBoxLayout(self), QHBoxLayout()
        box.setContentsMargins(6, 6, 6, 6)
        strip.addWidget(self.legend)
        for item in (self.prompt, scroll):
            box.addWidget(item, 1 if item is scroll else 0)
        box.addLayout(strip)
        box.addWidget(self.says)
        self.says.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 2)
        self.says.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._follows = True  # the end of the text stays in sight
        scroll.verticalScrollBar().rangeChanged.connect(lambda _, last: self._keep_end(last))
        self.flow.moved.connect(self._moved)
        self.prompt.given.connect(self._run)
        self.prompt.left.connect(self.flow.setFocus)

    def _moved(self, place: int) -> None:
        snapshot = self.desk.snapshot
        count = len(snapshot.tokens) if snapshot else 0
        self.desk.look(token=None if place >= count else place)
        self.area.ensureVisible(self.flow.box_of(place).center().x(), self.flow.box_of(place).center().y(), 0, 30)

    def _run(self, text: str) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and not snapshot.has_tokenizer:
            try:
                ids = [int(word) for word in text.replace(",", " ").split()]
            except ValueError:
                self.desk.say(f"error: ids: expected whole numbers as 1,2,3, got {visible(text[:60])}")
                return
            self.desk.look(token=None)
            self.desk.send("prompt", ids=ids)
            return
        self.desk.look(token=None)
        self.desk.send("prompt", text=text)

    def drawn_from(self) -> object:
        s, view = self.desk.snapshot, self.desk.view
        return s and (s.tokens, s.ended, s.vocab, Is(s.difference), view.token, view.colouring)

    def draw_now(self) -> None:
        snapshot, view, theme = self.desk.snapshot, self.desk.view, self.desk.theme
        bar = self.area.verticalScrollBar()
        self._follows = view.token is None and bar.value() >= bar.maximum() - 4
        if snapshot is not None:
            self.prompt.put(given_text(snapshot))
        self.flow.show_text(snapshot, view, theme)
        self.legend.colouring, self.legend.theme = view.colouring, theme
        self.legend.update()
        self.says.setText(self.sentence)

    def _keep_end(self, last: int) -> None:
        """The text has become longer, or its lines others."""
        if self._follows:
            self.area.verticalScrollBar().setValue(last)

    @property
    def sentence(self) -> str:
        snapshot = self.desk.snapshot
        return EMPTY if snapshot is None else self.flow.says(self.desk.view.place(snapshot))


def given_text(snapshot: Snapshot) -> str:
    """The prompt that the text began with, as it would be typed."""
    given = [token for token in snapshot.tokens if not token.generated]
    if not snapshot.has_tokenizer:
        return ",".join(str(token.id) for token in given)
    first = given[0].text if given else ""
    is_marker = first.startswith("<") and first.endswith(">")
    text = "".join(token.text for token in (given[1:] if is_marker else given)).strip("\n\r")
    return "\n".join(visible(line) for line in text.split("\n"))
