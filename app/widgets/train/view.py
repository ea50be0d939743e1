"""What a person looks at on the Train screen, and what the next run shall be: frozen values that all panels share."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import InputError
from engine.training.snapshot import STOPPED, Seen, TrainingSnapshot
from viewers.view import AttentionView

CURVES = ("loss", "learning rate", "gradient norm")


@dataclass(frozen=True)
class Draft:
    """The next run, as it was typed. An empty `out` means `place`, a free directory."""

    preset: str = "mini"
    files: str = ""
    settings: str = ""
    out: str = ""
    place: Path = Path()

    @property
    def paths(self) -> tuple[str, ...]:
        """Raises InputError for a quote that is not closed."""
        return tuple(str(Path(word).expanduser()) for word in _words(self.files))

    @property
    def changes(self) -> tuple[str, ...]:
        return _words(self.settings)

    @property
    def directory(self) -> Path:
        return Path(self.out).expanduser() if self.out else self.place


ONE_HEAD = AttentionView()


@dataclass(frozen=True)
class TrainView:
    """at   the update of the checkpoint that is shown; None follows the newest"""

    draft: Draft = Draft()
    layer: int = 0
    head: int = 0
    at: int | None = None
    curve: str = "loss"
    attention: AttentionView = ONE_HEAD

    def index(self, run: TrainingSnapshot) -> int:
        """Which checkpoint is shown; -1 if there is none."""
        if self.at is None:
            return len(run.seen) - 1
        earlier = [i for i, seen in enumerate(run.seen) if seen.step <= self.at]
        return earlier[-1] if earlier else min(0, len(run.seen) - 1)

    def seen(self, run: TrainingSnapshot) -> Seen | None:
        return run.seen[self.index(run)] if run.seen else None

    def to_open(self, run: TrainingSnapshot) -> Seen | None:
        """The checkpoint to explore: the one that is shown, or where the newest is followed what a stop saved later.

        The stop drew no sample from it, so what was seen last stands for it, with its own number and directory.
        """
        seen = self.seen(run)
        if seen is None or seen.path is None or self.at is not None or not is_saved_later(run):
            return seen
        return replace(seen, step=run.step, path=seen.path.parent / f"step-{run.step:06d}")


def is_saved_later(run: TrainingSnapshot) -> bool:
    """Whether the run was stopped, and so saved, after its last sample."""
    return run.state == STOPPED and bool(run.seen) and run.step > run.seen[-1].step


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise InputError(f"{error}: a quote is not closed") from None
