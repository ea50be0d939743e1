"""What a screen asks of the app: another screen, or another model in the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from pathlib import Path

    from engine.training.snapshot import Seen


class ScreenWanted(Message):
    """Another screen shall be shown, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.screen = name


class CheckpointWanted(Message):
    """This checkpoint shall be opened in the first screen, with its prompt, and a pass of this kind be stepped."""

    def __init__(self, seen: Seen, kind: str = "plain") -> None:
        super().__init__()
        self.seen, self.kind = seen, kind


class ModelWanted(Message):
    """This model, or trace, shall be opened in the first screen."""

    def __init__(self, spec: str) -> None:
        super().__init__()
        self.spec = spec


class SessionWanted(Message):
    """This saved session shall be gone on with in the first screen."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
