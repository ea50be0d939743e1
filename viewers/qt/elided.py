"""`Strip`: one line of words that ends where there is no more room."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLabel, QSizePolicy


class Strip(QLabel):
    """A line that is cut where the window ends; all of it is in its tip."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("dim", True)
        self.setMinimumWidth(60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.whole = ""

    def put(self, words: str) -> None:
        self.whole = words
        self.setToolTip(words.replace("<", "‹"))
        self._cut()

    def resizeEvent(self, event: Any) -> None:
        self._cut()

    def _cut(self) -> None:
        cut = QFontMetrics(self.font()).elidedText(self.whole, Qt.TextElideMode.ElideRight, self.width() - 8)
        if cut != self.text():
            self.setText(cut)
