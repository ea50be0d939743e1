"""The export dialog: what, as which files, where. It shows how far the work is, stops it, and names what was made."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from app.screens.lists import ListLayer
from app.screens.wired import Wired
from app.widgets.ink import clip
from engine.saved import SESSION_ENDING, TRACE_ENDING
from engine.text import counted, visible
from viewers.commands import export_command, text_words, trace_command
from viewers.export_job import ExportJob, Progress
from viewers.exports import DATA, EXPORTS, FORMATS, PICTURES, Export, Options, chosen

if TYPE_CHECKING:
    from engine.driver import Driver
    from engine.snapshot import Snapshot
    from engine.trace_driver import TraceDriver

EVERYTHING = "everything"
GROUPS: dict[str, tuple[str, ...]] = {
    EVERYTHING: FORMATS, "pictures": PICTURES, "pages": ("html",), "tables": DATA, "trace": (), "session": (),
}  # fmt: skip
LINES = ("what", "as", "look", "where")
POLL_S = 0.1


class Exporting(Wired):
    """What the action about exports does."""

    def action_export(self) -> None:
        driver = self.opening.driver
        if driver is None or self.snapshot is None or not self.snapshot.tokens:
            self.say("There is no text yet to export.")
            return
        layer = ExportLayer(driver, self.snapshot, self.opening.model, self.view.layer, self.view.head)
        self.app.push_screen(layer, self._exported)

    def _exported(self, words: str | None) -> None:
        self.poll()  # what the driver said of the file it made comes first
        self.say(visible(words or ""))


class ExportLayer(ListLayer):
    """Four lines to choose from; Enter makes the files."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", show=False),
        Binding("right,l", "turn(1)", show=False),
        Binding("enter", "take", show=False),
        Binding("backspace", "erase", show=False),
        Binding("Y", "copy_command", show=False),
        Binding("o", "open", show=False),
    ]

    def __init__(self, driver: Driver | TraceDriver, snapshot: Snapshot, model: str, layer: int, head: int) -> None:
        super().__init__()
        self.driver, self.snapshot, self.model, self.at = driver, snapshot, model, (layer, head)
        self.what, self.form, self.dark = EVERYTHING, "", False
        self.where = f"minigpt-{datetime.now():%Y%m%d-%H%M%S}"
        self.is_recording = model.endswith(TRACE_ENDING)  # which is no session, and says all of itself
        self.job: ExportJob | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(POLL_S, self.poll)

    # what is chosen

    @property
    def whats(self) -> list[str]:
        made = {format for row in EXPORTS for format in row.formats}
        groups = [name for name, formats in GROUPS.items() if not formats or made & set(formats)]
        groups = [name for name in groups if name != "session" or not self.is_recording]
        return [*groups, *(row.name for row in EXPORTS)]

    @property
    def forms(self) -> list[str]:
        """The formats of what is chosen; "" is all of them."""
        made = {format for row in self._named() for format in row.formats} & set(GROUPS.get(self.what, FORMATS))
        return ["", *(format for format in FORMATS if format in made)]

    @property
    def formats(self) -> tuple[str, ...]:
        return (self.form,) if self.form else tuple(self.forms[1:])

    @property
    def names(self) -> tuple[str, ...]:
        return () if self.what in GROUPS else (self.what,)

    @property
    def options(self) -> Options:
        return Options(dark=self.dark, layer=self.at[0], head=self.at[1])

    @property
    def saves(self) -> list[str]:
        """The files that the driver writes itself."""
        endings = {"trace": TRACE_ENDING} | ({} if self.is_recording else {"session": SESSION_ENDING})
        wanted = endings if self.what == EVERYTHING and not self.form else {self.what}
        return [f"{name}{ending}" for name, ending in endings.items() if name in wanted]

    def chosen_rows(self) -> list[tuple[Export, str]]:
        return chosen(self.names, self.formats) if self.formats else []

    def _named(self) -> list[Export]:
        return [row for row in EXPORTS if self.what in GROUPS or row.name == self.what]

    # what is shown

    def rows(self) -> list[str]:
        if self.job is not None:
            return _progress(self.job.latest)
        count = len(self.chosen_rows()) + len(self.saves)
        title = next((row.title for row in EXPORTS if row.name == self.what), counted(count, "file"))
        words = (
            f"◂ {self.what} ▸   {title}",
            f"◂ {self.form or 'every format'} ▸   {', '.join(self.forms[1:])}",
            f"◂ {'dark' if self.dark else 'light'} ▸",
            f"{visible(self.where)}▁" if self.cursor == 3 else visible(self.where),
        )
        return [f"{name:<6} {clip(text, 74)}" for name, text in zip(LINES, words, strict=True)]

    def words(self) -> tuple[str, str]:
        title = f"Export this text, {counted(len(self.snapshot.tokens), 'token')}"
        if self.job is None:
            return (
                title,
                "↑ ↓ choose · ← → change · Enter makes the files · Y copies the command · Esc closes",
            )
        if self.job.latest.ended is None:
            return title, "Esc stops; what was finished stays"
        return title, "o opens the directory · Y copies the command · Enter or Esc closes"

    def draw(self) -> None:
        self.cursor = self.cursor if self.job is None else 0
        super().draw()

    def poll(self) -> None:
        if self.job is not None:
            self.draw()

    # what is done

    def action_turn(self, by: int) -> None:
        if self.job is not None:
            return
        if self.cursor == 0:
            self.what = self.whats[(self.whats.index(self.what) + by) % len(self.whats)]
            self.form = ""
        elif self.cursor == 1:
            self.form = self.forms[(self.forms.index(self.form) + by) % len(self.forms)]
        elif self.cursor == 2:
            self.dark = not self.dark
        self.draw()

    def on_key(self, event: Any) -> None:
        """Letters go into the directory's name while the cursor is there."""
        if self.job is None and self.cursor == 3 and event.character and event.is_printable:
            self.where += event.character
            event.stop()
            event.prevent_default()
            self.draw()

    def action_erase(self) -> None:
        if self.job is None and self.cursor == 3:
            self.where = self.where[:-1]
            self.draw()

    def action_take(self) -> None:
        if self.job is not None:
            if self.job.latest.ended is not None:
                self.dismiss(self.job.latest.ended)
            return
        if self.where:
            directory = Path(self.where).expanduser().absolute()
            self.job = ExportJob(self.driver, directory, self.chosen_rows(), self.options, self.saves)
            self.job.start()
            self.draw()

    def action_close(self) -> None:
        """Escape stops the work that runs, else it closes the dialog."""
        if self.job is not None and self.job.latest.ended is None:
            self.job.cancel()
        else:
            self.dismiss(self.job.latest.ended if self.job is not None else None)

    def action_copy_command(self) -> None:
        self.app.copy_to_clipboard(visible(self.command()))
        said = "copied, without the edits" if self.snapshot.edits and self.what != "session" else "copied"
        self.app.notify(f"{said}: {visible(self.command())}", markup=False)

    def action_open(self) -> None:
        if self.job is not None and self.job.latest.ended is not None:
            path = self.job.directory
            if not _opened(path):
                self.app.copy_to_clipboard(str(path))
                self.app.notify(f"There is no display here; the path is copied: {visible(str(path))}", markup=False)

    def command(self) -> str:
        """What makes the same files from a shell; a session is what the app itself goes on with."""
        if self.what == "session":
            return shlex.join(["minigpt-tui", str(Path(self.where) / f"session{SESSION_ENDING}")])
        tokens = self.snapshot.tokens
        given = next((i for i, token in enumerate(tokens) if token.generated), len(tokens))
        ids = [token.id for token in tokens]
        text = [] if self.is_recording else text_words(ids, given, self.snapshot.settings, self.snapshot.seed)
        if self.what == "trace":
            return trace_command(self.model, text, str(Path(self.where) / f"trace{TRACE_ENDING}"))
        formats = FORMATS if self.what == EVERYTHING and not self.form else self.formats
        return export_command(self.model, text, self.where, self.names, formats, self.options)


def _progress(latest: Progress) -> list[str]:
    """The lines of the dialog while files are made, and after."""
    if latest.ended is None:
        return [clip(visible(f"{latest.done} of {latest.total} files · {latest.doing} …"), 80)]
    names = [path.name for path in latest.paths]
    rows = [visible(latest.ended), *(visible(f"left out: {why}") for why in latest.left_out[:3])]
    return [clip(row, 80) for row in (*rows, ", ".join(names)) if row]


def _opened(path: Path) -> bool:
    """Show a directory in the desktop's file manager; whether there is one."""
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    has_display = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if opener is None or not has_display:
        return False
    nowhere = subprocess.DEVNULL
    subprocess.Popen([opener, str(path)], stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)
    return True
