"""The models: shipped, used before, random shapes, and any directory by its path; with what each needs of the memory.

What is typed narrows the list; a path lists what it may become, and Tab completes it. Nothing is loaded, and no network
is used, before Enter.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from app.model_choices import TEXT, Choice, common_start, completions, is_path, on_disk, usual, verdict, weighed
from app.screens.layers import Layer, Line
from app.state import read_state
from app.widgets.ink import clip
from app.widgets.keys import typing_keys
from engine.errors import Cancelled, MiniGPTError
from engine.fits import available_bytes
from engine.text import visible
from viewers.actions import shown
from viewers.models_actions import MODELS_ACTIONS, while_typing

POLL_S = 0.1
GROUP, ANSWER, COUNT = 9, 13, 16  # widths of columns
HINT = "type to narrow, or a path · {up} {down} choose · {complete} completes · Enter opens · Esc closes"


class Download:
    """A public text on its way into the present directory, in a thread. `said` is how it is, or how it ended."""

    def __init__(self, name: str) -> None:
        self.said, self.ended, self._stopped = f"fetching {name} …", False, False
        self._thread = threading.Thread(target=self._run, args=(name,), name="download", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        self._stopped = True

    def _run(self, name: str) -> None:
        from engine.training.download import download, public_text

        try:
            text = public_text(name)
            target = Path(text.file).absolute()
            is_new = download(text, target, self._report)
            self.said = f"{'fetched' if is_new else 'it is here already'}: {target}; F3 trains on it"
        except (MiniGPTError, OSError) as error:
            self.said = f"error: {error}" if not isinstance(error, Cancelled) else str(error)
        self.ended = True

    def _report(self, done: int, total: int) -> None:
        self.said = f"fetching: {done:,} of {total:,} bytes; Esc stops it"
        if self._stopped:
            raise Cancelled("stopped; nothing was kept of it")


class ModelsLayer(Layer):
    """Answers with what to open: MODEL, or a trace."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(typing_keys("up"), "move(-1)", show=False),
        Binding(typing_keys("down"), "move(1)", show=False),
        Binding(typing_keys("page_up"), "move(-10)", show=False),
        Binding(typing_keys("page_down"), "move(10)", show=False),
        Binding(typing_keys("complete"), "complete", show=False, priority=True),
    ]

    def __init__(self, now: str) -> None:
        super().__init__()
        self.now, self.cursor = now, 0
        self.free = available_bytes()
        self.offered = usual(read_state().models)
        self.download: Download | None = None
        self._answers: dict[tuple[str, str], Choice] = {}
        self._listed: tuple[str, list[Path]] = ("", [])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content("Models"), classes="layer-title")
            yield Line("", id="typed", placeholder="a name, or a path", select_on_focus=False)
            yield Static(id="rows")
            yield Static(id="answer")
            yield Static(Content(hint()), classes="layer-hint")

    def on_mount(self) -> None:
        self.query_one(Line).focus()
        self.set_interval(POLL_S, self.poll)
        self.draw()

    # what is listed

    @property
    def typed(self) -> str:
        return self.query_one(Line).value

    def choices(self) -> list[Choice]:
        """The rows, as far as they need no answer yet."""
        typed = self.typed
        if not is_path(typed):
            return [Choice(group, spec) for group, spec in self.offered if typed.lower() in spec.lower()]
        if self._listed[0] != typed:
            self._listed = typed, completions(typed)
        return [self._answer(Choice("here", str(path))) for path in self._listed[1]]

    def _answer(self, choice: Choice) -> Choice:
        """The row with what there is to say of it; asked of the disk once."""
        key = choice.group, choice.spec
        if key not in self._answers:
            if choice.group == TEXT:
                self._answers[key] = Choice(*key, None, "a text to train on; Enter fetches it over the network")
            elif choice.group == "here":
                self._answers[key] = on_disk(Path(choice.spec), self.free)
            else:
                self._answers[key] = weighed(*key, self.free)
        return self._answers[key]

    @property
    def chosen(self) -> Choice | None:
        found = self.choices()
        return self._answer(found[min(self.cursor, len(found) - 1)]) if found else None

    # what is shown

    def draw(self) -> None:
        found, width = self.choices(), min(90, self.app.size.width * 9 // 10) - 4
        room = max(3, min(16, self.app.size.height - 12))
        self.cursor = min(self.cursor, max(0, len(found) - 1))
        first = max(0, min(self.cursor - room // 2, len(found) - room))
        rows = [self._row(choice, i == self.cursor, width) for i, choice in enumerate(found[first:][:room], first)]
        self.query_one("#rows", Static).update(Content("\n".join(rows) or "  Nothing of that name is here."))
        self.query_one("#answer", Static).update(Content("\n".join(map(visible, self._words().split("\n")))))

    def _row(self, choice: Choice, is_cursor: bool, width: int) -> str:
        choice = self._answer(choice)
        name = Path(choice.spec).name + "/" * choice.is_directory if choice.group == "here" else choice.spec
        mark = "● " if choice.spec == self.now else "  "
        row = ("▶" if is_cursor else " ") + mark + clip(choice.group, GROUP)
        row += clip(name, max(8, width - len(row) - ANSWER - COUNT)) + " " + clip(verdict(choice), ANSWER - 1)
        return row + clip(f"{choice.parameters:,}" if choice.parameters else "", COUNT, "right")

    def _words(self) -> str:
        """What is said of the row under the cursor."""
        if self.download is not None:
            return self.download.said
        choice = self.chosen
        if choice is None:
            return ""
        return f"{verdict(choice)}: {choice.why}" + (f"\n{choice.shape}" if choice.shape else "") if choice.why else ""

    def poll(self) -> None:
        if self.download is not None:
            self.draw()

    # what is done

    def on_input_changed(self, event: Input.Changed) -> None:
        self.cursor, self.download = 0, None
        self.draw()

    def action_move(self, by: int) -> None:
        self.cursor = min(max(self.cursor + by, 0), max(0, len(self.choices()) - 1))
        self.draw()

    def action_complete(self) -> None:
        """As far as all rows agree; where they part at once, to the row under the cursor."""
        line, found = self.query_one(Line), self.choices()
        if found:
            specs = [choice.spec for choice in found]
            start = common_start(specs)
            line.value = start if is_path(self.typed) and len(start) > len(self.typed) else specs[self.cursor]
            line.cursor_position = len(line.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        choice = self.chosen
        if choice is None:
            if event.value.strip():
                self.dismiss(event.value.strip())
        elif choice.is_directory:
            self.action_complete() if len(self.choices()) == 1 else self._enter(choice)
        elif choice.group == TEXT:
            self.download = self.download or Download(choice.spec)
            self.draw()
        elif choice.fits is not False:
            self.dismiss(event.value.strip() if event.value.startswith(f"{choice.spec}:") else choice.spec)

    def _enter(self, choice: Choice) -> None:
        line = self.query_one(Line)
        line.value = choice.spec
        line.cursor_position = len(line.value)

    def action_close(self) -> None:
        """Escape stops what is being fetched, else it closes the list."""
        if self.download is not None and not self.download.ended:
            self.download.cancel()
        else:
            self.dismiss(None)


def hint() -> str:
    """What to do here, with the keys that it is done with."""
    keys = {row.id: shown(while_typing(row)[0]) for row in MODELS_ACTIONS}
    return HINT.format(**keys)
