"""What opens above the main screen: help, and the small dialogs. Escape closes each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from app.widgets.ink import clip
from app.widgets.keys import keys_of
from engine.errors import InputError
from engine.text import NEWLINE, visible
from viewers.actions import ACTIONS, Action, groups_of, shown


def inert(text: str) -> Content:
    """Foreign text as content: no markup, no control characters."""
    return Content(visible(text))


class Layer(ModalScreen):
    """A dialog that Escape closes without doing anything."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    def action_close(self) -> None:
        self.dismiss(None)


class HelpLayer(Layer):
    """Every action of a screen with its keys, made from its table of actions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(f"{keys_of('help', 'enter')},{keys_of('quit')}", "close", "Close", show=False),
        Binding(keys_of("down"), "scroll('down')", show=False),
        Binding(keys_of("up"), "scroll('up')", show=False),
    ]

    def __init__(self, actions: Sequence[Action] = ACTIONS) -> None:
        super().__init__()
        self.actions = actions

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Content("Keys · ↑ ↓ scroll · Esc closes"), classes="layer-title")
            yield Static(help_page(min(self.app.size.width * 9 // 10, 110) - 6, self.actions), id="help-text")

    def action_scroll(self, way: str) -> None:
        pane = self.query_one(VerticalScroll)
        pane.scroll_down() if way == "down" else pane.scroll_up()


def help_page(width: int, actions: Sequence[Action] = ACTIONS) -> Content:
    """The help text with its headings set off."""
    lines, groups = help_text(width, actions).split("\n"), groups_of(actions)
    return Content("\n").join(
        Content.styled(line, "bold $text-accent") if line in groups else Content(line) for line in lines
    )


def help_text(width: int, actions: Sequence[Action] = ACTIONS) -> str:
    """The table of actions as a page of this width."""
    keys = max(cell_len(" ".join(map(shown, action.keys))) for action in actions)
    indent = keys + 3
    lines = ["The cursor previews; Enter takes; Escape goes back. Every key is in the palette too (^p).", ""]
    for group in groups_of(actions):
        lines.append(group)
        for action in (a for a in actions if a.group == group):
            words = f"{action.title}. {action.help}".split()
            row = clip(" " + " ".join(map(shown, action.keys)), indent)
            for word in words:
                if len(row) + len(word) > max(width, indent + 20) and len(row) > indent:
                    lines.append(row)
                    row = " " * indent
                row += word + " "
            lines.append(row)
        lines.append("")
    return "\n".join(line.rstrip() for line in lines)


class Line(Input):
    """An input that takes all of a pasted text, its line ends as `↵`."""

    def key_ctrl_u(self, event: events.Key) -> None:
        """Clear, before the next key comes: Textual's own way may be overtaken by what is typed after it."""
        event.stop()
        self.clear()

    def _on_paste(self, event: events.Paste) -> None:
        text = visible(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        self.replace(text, *self.selection)
        event.prevent_default()
        event.stop()


class AskLayer(Layer):
    """One line of text, where `↵` is a new line: Enter answers, Escape leaves. ↑ and ↓ go through earlier answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "recall(1)", show=False),
        Binding("down", "recall(-1)", show=False),
    ]

    def __init__(self, title: str, hint: str, value: str = "", earlier: Sequence[str] = ()) -> None:
        super().__init__()
        self.heading, self.hint, self.original = title, hint, value
        self.answers = (value, *(text for text in earlier if text != value))  # the last given first
        self._at = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(inert(self.heading), classes="layer-title")
            yield Line(visible(self.original), id="answer", select_on_focus=False)
            yield Static(inert(self.hint), classes="layer-hint")

    def action_recall(self, by: int) -> None:
        self._at = min(max(self._at + by, 0), len(self.answers) - 1)
        line = self.query_one(Line)
        line.value = visible(self.answers[self._at])
        line.cursor_position = len(line.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """An answer that was not touched is the one it was, with whatever the screen could not show."""
        same = self.answers[self._at]
        self.dismiss(same if event.value == visible(same) else event.value.replace(NEWLINE, "\n"))


def ids_in(words: str) -> list[int]:
    """The ids that were typed. Raises InputError."""
    try:
        return [int(word) for word in words.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"ids: expected whole numbers as 1,2,3, got {visible(words)}") from None


def ids_or_said(words: str | None, say: Callable[[str], None]) -> list[int] | None:
    """The ids that were typed; None if nothing was, or if those are no ids, which is said."""
    try:
        return None if words is None else ids_in(words)
    except InputError as error:
        say(f"error: {error}")
        return None
