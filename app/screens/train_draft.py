"""What was trained last, kept for the next time, and a free place for the next run."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app.cli.crash import state_directory
from app.widgets.train.view import Draft
from engine.errors import MiniGPTError
from engine.files import atomic_write, read_json

KEPT = ("preset", "files", "settings")


def runs_directory() -> Path:
    return state_directory() / "runs"


def last_draft() -> Draft:
    """What was typed last time; an unreadable file is none."""
    draft = Draft()
    with suppress(MiniGPTError, OSError):
        raw = read_json(state_directory() / "train.json")
        if isinstance(raw, dict):
            draft = replace(draft, **{key: raw[key] for key in KEPT if isinstance(raw.get(key), str)})
    return placed(draft)


def remember(draft: Draft) -> None:
    """Keep what was typed, for the next time."""
    with suppress(MiniGPTError, OSError):
        path = state_directory() / "train.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps({key: getattr(draft, key) for key in KEPT}).encode())


def placed(draft: Draft) -> Draft:
    """With a free directory for a run of this preset on this text."""
    stem = ""
    with suppress(MiniGPTError):
        stem = "".join(f"-{Path(path).stem}" for path in draft.paths[:1])
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{draft.preset}{stem}")[:60]
    taken = {path.name for path in runs_directory().glob(f"{draft.preset}*")} if runs_directory().is_dir() else set()
    free = next(n for i in range(1, len(taken) + 2) if (n := name if i == 1 else f"{name}-{i}") not in taken)
    return replace(draft, place=runs_directory() / free)


def last_run() -> Path | None:
    """The run that was touched last, of those in the usual place."""
    found = []
    with suppress(OSError):
        found = [(path.stat().st_mtime, path) for path in runs_directory().iterdir() if (path / "run.json").exists()]
    return max(found)[1] if found else None
