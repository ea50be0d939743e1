"""What ends a command, and what is then said: one line on standard error and an exit code.

0 done      2 the input or the command line is wrong      3 the surroundings refuse
130, 143, 129 after Ctrl-C, SIGTERM, SIGHUP               1 a bug of ours, with the path of a report
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

from app.cli.output import OutputClosed, finish, prepare_streams, say
from engine.errors import LONGEST_MESSAGE, MiniGPTError, SurroundingsError

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
SIGNAL_BASE = 128  # a shell's way to say which signal ended a program


class Signalled(KeyboardInterrupt):
    """The process was told to end. Work that survives Ctrl-C survives this in the same way."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = SIGNAL_BASE + number


def guarded(work: Callable[[], int], arguments: Sequence[str]) -> int:
    """Do the work; whatever it raises becomes a line and an exit code."""
    prepare_streams()
    with _signals_raise():
        try:
            return _done(work)
        except KeyboardInterrupt as stop:
            say(f"stopped by {stop if isinstance(stop, Signalled) else 'Ctrl-C'}")
            return getattr(stop, "exit_code", SIGNAL_BASE + signal.SIGINT)
        except OutputClosed as closed:
            return closed.exit_code
        except MiniGPTError as error:
            return fail(str(error), error.exit_code)
        except MemoryError as error:
            return fail(f"not enough memory: {error}" if str(error) else "not enough memory", 3)
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            return fail(f"{name}{error.strerror or error}", SurroundingsError.exit_code)
        except BaseException as error:  # also what a Rust library throws, which is no Exception
            return _bug(error, arguments)
        finally:
            with suppress(MiniGPTError):
                finish()


def fail(message: str, exit_code: int) -> int:
    """Say `error: ...` in one short line; returns the exit code."""
    from engine.files import shortened

    prefix = "error: "
    say(prefix + shortened(message, LONGEST_MESSAGE - len(prefix)))
    return exit_code


def _done(work: Callable[[], int]) -> int:
    """Do the work and bring its data out."""
    try:
        code = work()
    except SystemExit as left:  # --help and --version leave this way
        code = left.code if isinstance(left.code, int) else 0
    if code == 0:
        finish()
    return code


def _bug(error: BaseException, arguments: Sequence[str]) -> int:
    from app.cli.crash import write_report
    from engine.files import shortened

    path = write_report(error, arguments)
    where = f"report: {path}" if path else "no report could be written"
    return fail(f"this is a bug in minigpt: {type(error).__name__}: {shortened(error, 120)}; {where}", 1)


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Turn the signals that end a process into an exception, and give the handlers back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def raise_it(number: int, _: object) -> NoReturn:
        raise Signalled(number)

    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # as nohup has it
    before = [(number, signal.signal(number, raise_it)) for number in heeded]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
