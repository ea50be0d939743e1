"""The source of the operation under the cursor, in a page that scrolls."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from app.screens.layers import HelpLayer
from engine.snapshot import ListingRow
from engine.source import builder_source, operation_source
from engine.text import visible


class SourceLayer(HelpLayer):
    """What the engine ran for a line, and where the line was written. Escape closes it."""

    def __init__(self, line: ListingRow) -> None:
        super().__init__()
        self.line = line

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Content("Source · ↑ ↓ scroll · Esc closes"), classes="layer-title")
            yield Static(Content(source_text(self.line)), id="help-text")


def source_text(line: ListingRow) -> str:
    """The page: the line itself, the operation's function, the builder's lines."""
    place, source = operation_source(line.op)
    parts = [f"{line.address} = {line.call}", line.equation, line.explanation, line.paper, ""]
    parts += [f"The operation, {place}", "", source] if source else [f"The source of {line.op} is not here."]
    if written := builder_source(line.where):
        parts += ["", f"The line was written by {line.where}", "", *written]
    return "\n".join(visible(row) for part in parts for row in part.split("\n"))
