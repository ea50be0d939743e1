"""The two streams: data on standard output, talk on standard error. Either may be closed, full or narrow.

Text that a model or a file made is written as it is where a program reads it, and made visible where a person does.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from time import monotonic
from typing import Any

from engine.errors import SurroundingsError
from engine.text import visible

REDRAW_S, REPEAT_S = 0.1, 5.0  # progress on a terminal, and where it is only logged


class OutputClosed(SurroundingsError):
    """Whoever read our standard output has gone, as `head` does. There is nobody to tell."""


def prepare_streams() -> None:
    """Make writing never fail for want of a character: UTF-8 into files and pipes, escapes on narrow terminals."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace", **({} if stream.isatty() else {"encoding": "utf-8"}))


def write(text: str, flush: bool = False) -> None:
    """Data. Raises SurroundingsError where standard output cannot be written, OutputClosed if nobody reads it."""
    if sys.stdout is None:
        raise OutputClosed("standard output is closed")
    try:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        _detach()
        raise OutputClosed("standard output was closed") from None
    except OSError as error:
        _detach()
        raise SurroundingsError(f"standard output: cannot be written: {error.strerror}") from None


def finish() -> None:
    """Bring the last data out, while an error can still be told."""
    if sys.stdout is not None:
        write("", flush=True)


def line(text: str) -> None:
    """One line of data for a person: foreign strings in it become visible."""
    write(visible(text) + "\n")


def write_json(value: Any) -> None:
    """Data for a machine: plain ASCII, and no NaN."""
    write(json.dumps(value, indent=1, allow_nan=False) + "\n")


def shown_on_terminal(text: str) -> str:
    """`text` as a terminal may get it: new lines stay, all else that it would obey becomes visible."""
    return "\n".join(map(visible, text.split("\n")))


def is_terminal() -> bool:
    """Whether a person reads the data as it comes."""
    return sys.stdout is not None and sys.stdout.isatty()


def say(text: str) -> None:
    """One line of talk. That nobody listens is no error."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(visible(text), file=sys.stderr, flush=True)


class Progress:
    """How far long work is: count, rate and time left, in one line that is redrawn on a terminal."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._is_live = sys.stderr is not None and sys.stderr.isatty()
        self._started = self._last = monotonic()

    def show(self, done: int, total: int) -> None:
        """Say it, if it was not said just now."""
        now = monotonic()
        if now - self._last < (REDRAW_S if self._is_live else REPEAT_S):
            return
        self._last = now
        rate = done / (now - self._started)
        left = f"{(total - done) / rate:.0f} s left" if rate else "time left unknown"
        words = f"{done:,} of {total:,} {self.unit}, {rate:,.0f} per second, {left}; Ctrl-C stops"
        if self._is_live:
            with suppress(OSError):
                print(f"\r{words}\033[K", end="", file=sys.stderr, flush=True)
        else:
            say(words)

    def clear(self) -> None:
        """Take the redrawn line away, so that what follows begins on an empty one."""
        if self._is_live:
            with suppress(OSError):
                print("\r\033[K", end="", file=sys.stderr, flush=True)


def _detach() -> None:
    """Let nothing be written any more: the interpreter would try again on its way out, and complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
