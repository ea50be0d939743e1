"""`Driver`: the one worker thread that owns a session. Commands go in, the newest frozen snapshot comes out.

Commands wait in a queue. Snapshots do not: there is one place for the newest, and whoever polls it late has missed the
ones between, which is what a screen wants. A command that fails says so in the snapshot's `notice`; the session is then
as it was.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

from engine.commands import COMMANDS, Commands
from engine.errors import Cancelled, InputError, MiniGPTError
from engine.session import Session
from engine.snapshot import Snapshot
from engine.text_history import TextHistory
from engine.views import SnapshotMaker

SNAPSHOT_INTERVAL_S = 1 / 30
JOIN_S = 1.0
LOOKS = ("lens", "look")  # commands that change nothing: what was said before them stays
QUIET_S = 1.0  # without a command, after which the session is kept safe


class Driver(Commands):
    """Runs a session in a thread of its own. `keep` gets it when no command has come for a while, and at the end."""

    def __init__(self, session: Session, keep: Callable[[Session], None] | None = None) -> None:
        self._session = session
        self._keep = keep
        self._maker = SnapshotMaker(session)
        self._texts = TextHistory()
        self._commands: queue.SimpleQueue[tuple[int, str, dict[str, Any]] | None] = queue.SimpleQueue()
        self._serials = itertools.count(1)
        self._sent = self._running = self._cancelled = 0  # serial numbers of commands
        self._closing = False
        self._published_s = 0.0
        self._notice: str | None = None
        self.speed_limit: float | None = None  # tokens per second that are not exceeded; anybody may change it
        self.interval_s = SNAPSHOT_INTERVAL_S  # between snapshots while it works; anybody may change it
        self.failure: BaseException | None = None
        self.latest: Snapshot = self._maker.make()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command; see `COMMANDS`. Returns at once."""
        if command not in COMMANDS:
            raise InputError(f"no such command: {command}")
        self._sent = next(self._serials)
        self._commands.put((self._sent, command, arguments))

    def cancel(self) -> None:
        """Stop the command that runs now, and those that wait; what was done is kept."""
        self._cancelled = self._sent

    def close(self) -> None:
        """Stop and join the worker."""
        self._closing = True
        self.cancel()
        self._commands.put(None)
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _work(self) -> None:
        while (item := self._next_command()) is not None and not self._closing:
            self._running, command, arguments = item
            if command == "configure" and self._running <= self._cancelled < self._sent:
                continue  # a later one takes its place
            self._notice = self._notice if command in LOOKS else None
            before = self._session.leaf
            try:
                COMMANDS[command](self, **arguments)
            except Cancelled as stopped:
                self._notice = str(stopped)
            except MiniGPTError as error:
                self._notice = f"error: {error}"
            except Exception as error:  # a bug of ours: the screen says so, the session goes on
                self.failure = error
                self._notice = f"internal error in {command}: {error}"
            if command not in ("undo_text", "redo_text"):
                self._texts.note(before, self._session.leaf)
            try:
                self._publish()
            except Exception as error:  # likewise; the last snapshot stays
                self.failure = error

        self._keep_safe()

    def _next_command(self) -> tuple[int, str, dict[str, Any]] | None:
        try:
            return self._commands.get(timeout=QUIET_S)
        except queue.Empty:
            self._keep_safe()
            return self._commands.get()

    def _keep_safe(self) -> None:
        try:
            if self._keep is not None:
                self._keep(self._session)
        except MiniGPTError as error:  # said once; the work goes on without a net
            self._keep, self._notice = None, f"error: the session is not kept safe: {error}"
            self._publish()
        except Exception as error:
            self.failure = error

    def _publish(self, busy: str | None = None, progress: tuple[int, int] | None = None) -> None:
        made = self._maker.make(busy, progress, self._notice)
        self.latest = replace(made, speed_limit=self.speed_limit)
        self._published_s = perf_counter()

    def _publish_soon(self, busy: str, progress: tuple[int, int] | None = None) -> None:
        """Publish, unless the last snapshot is too young to have been seen."""
        if perf_counter() - self._published_s >= self.interval_s:
            self._publish(busy, progress)

    def _stopped(self) -> bool:
        return self._closing or self._running <= self._cancelled
