"""`minigpt-gui`: the window. Started alone, it starts a process that holds the session; the terminal app hands it one.

The window is always a process of its own: what breaks in it cannot lose a session.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from app import tui
from app.cli.flags import Parser, count
from app.cli.guard import guarded
from viewers.qt.given import Given
from viewers.qt.preflight import require_window

WAIT_S = 130.0  # for the other process to save a run


def parser() -> Parser:
    """The command line of `minigpt-gui`: that of the terminal app."""
    made = tui.parser()
    made.prog = "minigpt-gui"
    made.description = "Step, inspect, run and train a language model in a window."
    made.epilog = "example: minigpt-gui path/to/model --prompt 'Once upon a time' --temperature 0.8 --seed 1"
    made.add_argument("--link", type=count, metavar="FD", help=argparse.SUPPRESS)  # from the terminal app
    return made


def main(words: Sequence[str] | None = None) -> None:
    """Run, and exit with the code that says how it went."""
    arguments = list(sys.argv[1:] if words is None else words)
    sys.exit(guarded(lambda: run(arguments), arguments))


def run(words: Sequence[str]) -> int:
    """Show the window until it is closed; returns the exit code."""
    args = parser().parse_args(words)
    require_window()
    from app.window_given import given
    from viewers.key_map import use

    wanted = given()  # a configuration that is wrong is said before anything is shown
    use(wanted.keys)  # before the window is made: what it says names them
    if args.link is not None:
        return show(args.link, False, args.model or "", wanted)
    opening = tui.opening_from(words)  # what is wrong on the command line is said before anything is shown
    with host(words) as (descriptor, process):
        code = show(descriptor, True, args.model or opening.model, wanted)
    failed = process.returncode or 0  # it said why, in one line
    return code or failed


def show(descriptor: int, is_alone: bool, source: str, wanted: Given) -> int:
    """The window over a link."""
    from engine.link.remote import connect
    from viewers.qt.main import show_window

    remote = connect(descriptor)
    try:
        return show_window(remote, is_alone, source, wanted)
    finally:
        remote.close()


@contextmanager
def host(words: Sequence[str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A process that holds the session, and this end of the link to it. It ends when the link closes."""
    here, there = socket.socketpair()
    command = [sys.executable, "-m", "app.host", str(there.fileno()), *words]
    process = subprocess.Popen(command, pass_fds=[there.fileno()], start_new_session=True)  # Ctrl-C is the window's
    there.close()
    try:
        yield here.detach(), process
    finally:
        process.wait(WAIT_S)


if __name__ == "__main__":
    main()
