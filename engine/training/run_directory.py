"""`RunDirectory`: where a run keeps everything, used by one process at a time.

run.json      the plan            data/       tokens and tokenizer
log.jsonl     one line an update  step-*/     checkpoints
lock          held while a process trains here; the system lets go of it however the process ends
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import FileError, InputError, SurroundingsError
from engine.files import atomic_write, parse_json, read_json, shortened
from engine.training.checkpoints import checkpoints, remove_unfinished
from engine.training.plan import Plan, read_plan

PLAN, LOG, LOCK, DATA = "run.json", "log.jsonl", "lock", "data"


class RunDirectory:
    """An open run. Raises SurroundingsError if another process has it, or if it cannot be made."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path)
        except OSError as error:
            name = shortened(self.path.name or self.path)
            raise SurroundingsError(f"{name}: cannot be used: {error.strerror or error}") from error
        self._log: BinaryIO | None = None
        remove_unfinished(self.path)

    @property
    def data(self) -> Path:
        return self.path / DATA

    @property
    def is_begun(self) -> bool:
        """Whether there is something to go on with."""
        return (self.path / PLAN).exists() and bool(checkpoints(self.path))

    def require_new(self) -> None:
        """Raises InputError if a run is here already."""
        if self.is_begun:
            name = shortened(self.path.name or self.path)
            raise InputError(f"{name}: holds a run already: go on with --resume, or choose another directory")

    def write_plan(self, plan: Plan) -> None:
        atomic_write(self.path / PLAN, json.dumps(plan.to_json(), indent=1, ensure_ascii=False).encode() + b"\n")

    def plan(self) -> Plan:
        """The plan the run was begun with."""
        if not (self.path / PLAN).exists():
            raise InputError(f"{shortened(self.path.name)}: holds no run to go on with: begin one without --resume")
        return read_plan(read_json(self.path / PLAN), PLAN)

    def log(self, row: Mapping[str, Any]) -> None:
        """Add one line to the log."""
        if self._log is None:
            self._log = open(self.path / LOG, "ab")  # noqa: SIM115  closed with the run
        self._log.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        self._log.flush()

    def rows(self) -> list[dict[str, Any]]:
        """The lines of the log; a last one that was cut off by a kill is left out."""
        rows = []
        with suppress(FileNotFoundError):
            for line in (self.path / LOG).read_bytes().splitlines():
                try:
                    rows.append(parse_json(line, LOG))
                except FileError:
                    break
        return rows

    def rewind_log(self, update: int) -> None:
        """Forget the lines after an update: a run that goes on from there will write them again."""
        kept = [row for row in self.rows() if row.get("step", 0) <= update]
        lines = [json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n" for row in kept]
        self._close_log()
        atomic_write(self.path / LOG, b"".join(lines))

    def close(self) -> None:
        """Let others use the directory."""
        self._close_log()
        self._lock.close()

    def abandon(self) -> None:
        """Close, and leave no trace of a run that could not begin, unless something else is in the directory."""
        with suppress(OSError):
            if [path.name for path in self.path.iterdir()] == [LOCK]:
                (self.path / LOCK).unlink()
                self.path.rmdir()
        self.close()

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


def _locked(directory: Path) -> BinaryIO:
    file = open(directory / LOCK, "a+b")  # noqa: SIM115  open as long as the run
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read(20).decode("ascii", "replace").strip() or "unknown"
        file.close()
        name = shortened(directory.name or directory)
        raise SurroundingsError(f"{name}: is in use by another run (process {shortened(holder)})") from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n".encode())
    file.flush()
    return file
