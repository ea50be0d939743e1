"""An export on its way: the engine's worker records the pass, then the files are made in a thread of their own."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Cancelled, MiniGPTError, SurroundingsError
from engine.saved import TRACE_ENDING

if TYPE_CHECKING:
    from engine.driver import Driver
    from engine.trace_driver import TraceDriver
    from viewers.exports import Export, Options

POLL_S = 0.02
ENDED = ("error", "internal error", "stop")  # how a notice begins where a command did not do what it should


@dataclass(frozen=True)
class Progress:
    """How far an export is. `ended` says how it went, in one line, once it is over."""

    doing: str
    done: int = 0
    total: int = 0
    paths: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()
    ended: str | None = None


class ExportJob:
    """Makes the files of `rows` in a directory. `latest` may be read at any time, from any thread."""

    def __init__(
        self,
        driver: Driver | TraceDriver,
        directory: Path,
        rows: Sequence[tuple[Export, str]],
        options: Options,
        saves: Sequence[str],
    ) -> None:
        """`saves` are names of files that the driver itself writes there: a trace, a session."""
        self.driver, self.directory, self.rows, self.options, self.saves = driver, directory, rows, options, saves
        self.latest = Progress("waiting for the model", 0, len(rows) + len(saves))
        self.stopped = False
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Stop after the file that is being made; what was finished stays."""
        self.stopped = True
        self.driver.cancel()

    def _run(self) -> None:
        try:
            self._make_directory()
            for name in self.saves:
                self._ask("trace" if name.endswith(TRACE_ENDING) else "save", self.directory / name)
                self._count(self.directory / name)
            if self.rows:
                with tempfile.TemporaryDirectory(prefix="minigpt-") as place:
                    self._export(Path(place) / f"pass{TRACE_ENDING}")
            said = f"; {len(self.latest.left_out)} left out" if self.latest.left_out else ""
            self._end(f"{len(self.latest.paths)} files in {self.directory}{said}")
        except Cancelled as stopped:
            self._end(f"{stopped}; {len(self.latest.paths)} files are in {self.directory}")
        except (MiniGPTError, OSError) as error:
            self._end(f"error: {error}")
        except Exception as error:  # a bug of ours: said here, reported by the screen
            self.driver.failure = error
            self._end(f"a bug of ours: {type(error).__name__}")

    def _make_directory(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SurroundingsError(f"{self.directory}: cannot be made: {error.strerror}") from error

    def _export(self, trace_path: Path) -> None:
        from engine.trace_file import open_trace
        from viewers.exports import export

        self._ask("trace", trace_path)
        for made in export(open_trace(trace_path), self.directory, self.rows, self.options, lambda: self.stopped):
            if made.left_out:
                self.latest = replace(
                    self.latest, left_out=(*self.latest.left_out, f"{made.path.name}: {made.left_out}")
                )
            self._count(None if made.left_out else made.path)

    def _ask(self, command: str, path: Path) -> None:
        """Let the driver write a file, and wait for it. What it says in the end is `saved as`, an error or a stop."""
        before = self.driver.latest.version
        self.latest = replace(self.latest, doing="recording the pass" if command == "trace" else "saving the session")
        self.driver.send(command, path=str(path))
        while True:
            latest = self.driver.latest
            if self.stopped:
                raise Cancelled("stopped")
            if latest.notice == f"saved as {path}":
                return
            if latest.version > before and latest.busy is None and (latest.notice or "").startswith(ENDED):
                raise SurroundingsError((latest.notice or "").removeprefix("error: "))
            time.sleep(POLL_S)

    def _count(self, path: Path | None) -> None:
        paths = (*self.latest.paths, path) if path is not None else self.latest.paths
        now = self.latest.done + 1
        doing = f"made {path.name}" if path is not None else self.latest.doing
        self.latest = replace(self.latest, doing=doing, done=now, paths=paths)

    def _end(self, words: str) -> None:
        self.latest = replace(self.latest, ended=words)
