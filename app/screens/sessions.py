"""Sessions on the main screen: saved under a name, listed, and opened again; the last one is offered at the start."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from app.screens.autosave import kept_sessions
from app.screens.layers import AskLayer
from app.screens.lists import ListLayer
from app.screens.wanted import SessionWanted
from app.screens.wired import Wired
from app.widgets.ink import clip
from engine.errors import MiniGPTError
from engine.saved import SESSION_ENDING
from engine.text import counted, visible

if TYPE_CHECKING:
    from app.screens.opening import Opening
    from engine.session_file import SavedSession

MOST_LISTED = 20
OFFERED_S = 10.0


class Sessions(Wired):
    """What the actions about session files do."""

    _saved: tuple[Opening, str] | None = None

    @property
    def saved_as(self) -> str | None:
        """The file that this session was saved as; a session opened since has none."""
        return self._saved[1] if self._saved is not None and self._saved[0] is self.opening else None

    def action_save_session(self) -> None:
        """Save under the name it has, or ask for one."""
        if self.snapshot is None:
            self.say("The model is still being opened.")
        elif self.opening.is_recording:
            self.send("save")
        elif self.saved_as is not None:
            self._save(self.saved_as)
        else:
            name = f"{self.snapshot.model_name.replace('/', '-').replace(':', '-')}-{datetime.now():%Y%m%d-%H%M}"
            hint = f"Enter saves it · a file that ends in {SESSION_ENDING} · Esc leaves"
            self.app.push_screen(
                AskLayer("Save the session as", hint, str(Path.cwd() / f"{name}{SESSION_ENDING}")), self._save
            )

    def _save(self, path: str | None) -> None:
        if path:
            path = path if path.endswith(SESSION_ENDING) else path + SESSION_ENDING
            self._saved = self.opening, path
            self.send("save", path=path)

    def action_open_session(self) -> None:
        found = listed(Path.cwd())
        if not found:
            self.say(f"No session is kept yet; ^s saves this one. Files end in {SESSION_ENDING}.")
            return
        self.app.push_screen(SessionsLayer(found), self._open)

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self.say(f"opening {visible(path.name)} …")
            self.post_message(SessionWanted(path))


class SessionsLayer(ListLayer):
    """Saved sessions, the newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "take", show=False)]

    def __init__(self, found: list[tuple[Path, SavedSession | str]]) -> None:
        super().__init__()
        self.found = found

    def rows(self) -> list[str]:
        return [row(path, kept) for path, kept in self.found]

    def words(self) -> tuple[str, str]:
        path = self.found[self.cursor][0]
        return (
            "Sessions: of this directory, and those kept for you",
            f"↑ ↓ choose · Enter opens · Esc closes · in {clip(str(path.parent), 38)}",
        )

    def action_take(self) -> None:
        path, kept = self.found[self.cursor]
        if not isinstance(kept, str):
            self.dismiss(path)


def listed(directory: Path) -> list[tuple[Path, SavedSession | str]]:
    """Sessions of a directory and those kept, with what is in each or why it cannot be read; the newest first."""
    paths = sorted([*directory.glob(f"*{SESSION_ENDING}"), *kept_sessions()], key=_changed_s, reverse=True)[
        :MOST_LISTED
    ]
    return [(path, _read(path)) for path in paths]


def row(path: Path, kept: SavedSession | str) -> str:
    """One session in a line: how old, of which model, how long."""
    when = ago(datetime.now().timestamp() - _changed_s(path))
    if isinstance(kept, str):
        return f"{when:>12}  {clip(kept, 66)}"
    text = f"{counted(len(kept.tokens), 'token'):>11}, {sum(generated for _, _, generated in kept.nodes)} generated"
    return f"{when:>12}  {clip(Path(kept.model).name, 16)}  {clip(text, 25)}  {clip(visible(path.name), 24)}"


def offer() -> str | None:
    """What to say at the start of the session that was kept last."""
    for path in kept_sessions()[:1]:
        kept = _read(path)
        if not isinstance(kept, str):
            when = ago(datetime.now().timestamp() - _changed_s(path))
            return f"Kept {when}: {visible(Path(kept.model).name)}, {counted(len(kept.tokens), 'token')}. ^o opens it."
    return None


def ago(seconds: float) -> str:
    """A span of time as a person says it."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _read(path: Path) -> SavedSession | str:
    from engine.session_file import read_session

    try:
        return read_session(path)
    except MiniGPTError as error:
        return f"error: {error}"


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
