"""Training in a terminal: the line that is redrawn, and signals that save before they stop.

A signal during the gradient, a validation or a sample stops that work at once: the last update is still whole. During
an update or while files are written, it waits until these are done.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from app.cli.guard import SIGNALS, Signalled
from app.cli.output import REDRAW_S, REPEAT_S, say

if TYPE_CHECKING:
    from engine.training.loop import Trainer
    from engine.training.report import Report


@contextmanager
def saving_signals(trainer: Trainer) -> Iterator[None]:
    """Within the block, Ctrl-C, SIGTERM and SIGHUP save the run and then end the command with their exit code."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def heed(number: int, _: object) -> None:
        waiting.append(number)
        if not trainer.is_changing and len(waiting) == 1:
            raise _stop(number)

    heeded = [n for n in (signal.SIGINT, *SIGNALS) if signal.getsignal(n) is not signal.SIG_IGN]
    before = [(number, signal.signal(number, heed)) for number in heeded]
    trainer.when_changed = lambda: _raise_first(waiting)
    try:
        yield
    except KeyboardInterrupt:
        trainer.when_changed = None
        path = trainer.save()
        say(f"saved as {path.name} after {trainer.update:,} of {trainer.plan.steps:,} updates; --resume goes on")
        raise
    finally:
        trainer.when_changed = None
        for number, handler in before:
            signal.signal(number, handler)


def _stop(number: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if number == signal.SIGINT else Signalled(number)


def _raise_first(waiting: list[int]) -> None:
    if waiting:
        raise _stop(waiting[0])


class Live:
    """One line that is redrawn on a terminal; elsewhere it is logged now and then."""

    def __init__(self) -> None:
        self._is_live = sys.stderr is not None and sys.stderr.isatty()
        self._last = monotonic() if not self._is_live else 0.0

    def show(self, report: Report) -> None:
        """How far the run is."""
        from viewers.run_numbers import duration

        self._say(
            f"{report.step:,} of {report.steps:,} updates, loss {report.loss:.4f}, "
            f"{report.tokens_per_s:,.0f} tokens per second, {duration(report.left_s)} left; Ctrl-C saves and stops"
        )

    def count(self, what: str, done: int, total: int) -> None:
        """How far the data is."""
        self._say(f"{what}: {done:,} of {total:,}")

    def clear(self) -> None:
        """Take the line away, so that what follows begins on an empty one."""
        if self._is_live:
            self._write("\r\033[K")

    def _say(self, words: str) -> None:
        now = monotonic()
        if now - self._last < (REDRAW_S if self._is_live else REPEAT_S):
            return
        self._last = now
        if self._is_live:
            self._write(f"\r{words}\033[K")
        else:
            say(words)

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            print(text, end="", file=sys.stderr, flush=True)
