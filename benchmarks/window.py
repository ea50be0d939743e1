"""What the window costs and how quick it is, each part in a process of its own.

    python benchmarks/window.py [--only PART ...] [--platform offscreen] [--seconds N] [--pairs N] [--rounds N]

mosaic   the attention of 12 layers x 12 heads x 128 tokens, new 30 times a second: share of a core, frames a second
stall    `random:gpt2-124m` steps and generates behind the window: how long its event loop stood still at most
loss     `tales` generates with the window attached, and without: tokens per second, alternating, medians
echo     an action in one window until another window of the same driver has painted it: milliseconds

Windows and drivers are joined by the sockets that `minigpt-gui` uses. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from statistics import median
from time import monotonic, process_time, sleep
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PySide6.QtCore import QEvent, QSocketNotifier, Qt, QTimer, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from engine.driver import Driver
from engine.link.remote import connect
from engine.link.server import LinkServer
from engine.session import open_session
from engine.snapshot import AttentionRows
from viewers.qt.messages import heed
from viewers.qt.mosaic import Mosaic
from viewers.qt.theme import AT_NIGHT
from viewers.qt.window import Window

LAYERS = HEADS = 12
TOKENS, GROWING = 128, 32  # of the mosaic, and how many of them come one by one before they are taken back
FRAME_MS, TICK_MS, FINE = 33, 2, Qt.TimerType.PreciseTimer
LARGE, SMALL, PROMPT = "random:gpt2-124m", "tales", "Once upon a time"
PHASE_S = 2.5  # generating, then stepping, and so on
TEXTS = 8  # generated for one rate
CORE_SHARE, STALL_MS, LOSS, ECHO_MS = 0.35, 100.0, 0.10, 100.0  # what is allowed
WAIT_S, REST_S = 60.0, 0.5
MORE = {"step": 0, "next_token": 1, "take_back": -1}  # tokens


def say(part: str, words: str, is_kept: bool, limit: str) -> None:
    print(f"{part:<7} {words}; limit {limit}: {'kept' if is_kept else 'MISSED'}", flush=True)


class Shown(Mosaic):
    """A mosaic that is given the next of its snapshots thirty times a second; a frame that is late is left out."""

    def show_in_turn(self, snapshots: list[Any]) -> None:
        self.turns, self.painted, self.since = cycle(snapshots), 0, monotonic()
        self.resize(700, 700)
        self.show()
        QTimer(self, interval=FRAME_MS, timerType=FINE, timeout=self.tick).start()

    def tick(self) -> None:
        self.show_snapshot(next(self.turns), 0, 0, AT_NIGHT)

    def paintEvent(self, event: Any) -> None:
        super().paintEvent(event)
        self.painted += 1


def snapshot_of(*counts: int) -> Any:
    """As much of a snapshot as the mosaic asks for: made-up attention of tokens that came so many at a time."""
    ends, dice = np.cumsum(counts), np.random.default_rng(0)
    shares = [dice.random((LAYERS, HEADS, n, end), dtype=np.float32) for n, end in zip(counts, ends, strict=True)]
    rows = [AttentionRows(s.shape[3] - s.shape[2], tuple(s), (np.arange(s.shape[3]),) * LAYERS) for s in shares]
    return SimpleNamespace(tokens=range(ends[-1]), attention_rows=tuple(rows), layers=LAYERS, heads=HEADS, windows=())


def mosaic(args: argparse.Namespace) -> None:
    """A token more in each frame, as generation has it; and another text in each frame."""
    app, whole = QApplication([]), snapshot_of(TOKENS - GROWING, *[1] * GROWING)
    rows, changing, growing = whole.attention_rows, [snapshot_of(TOKENS) for _ in range(4)], []
    for n in range(1, GROWING + 1):
        grown = {"tokens": whole.tokens[: TOKENS - GROWING + n], "attention_rows": rows[: n + 1]}
        growing.append(SimpleNamespace(**vars(whole) | grown))
    for words, snapshots in (("a token more", growing), ("all tokens new", changing)):
        widget, spent = Shown(), process_time()
        widget.show_in_turn(snapshots)
        QTimer.singleShot(round(args.seconds * 1e3), app.quit)
        app.exec()
        wall = monotonic() - widget.since
        share, frames = (process_time() - spent) / wall, widget.painted / wall
        said = f"{words} in each frame: {share:.0%} of a core, {frames:.1f} of 30 frames a second"
        say("mosaic", said, share <= CORE_SHARE, f"{CORE_SHARE:.0%}")
        widget.deleteLater()


class Watched(Window):
    """Steps and generates in turns, and notes how late each tick of a fine timer is."""

    def watch(self, seconds: float) -> None:
        self.seconds, self.since, self.last, self.phase = seconds, 0.0, monotonic(), "opening"
        self.late = {"opening": 0.0, "generating": 0.0, "stepping": 0.0}  # ms, the longest
        QTimer(self, interval=TICK_MS, timerType=FINE, timeout=self.tick).start()
        QTimer(self, interval=FRAME_MS, timerType=FINE, timeout=self.act).start()

    def tick(self) -> None:
        now = monotonic()
        self.late[self.phase] = max(self.late[self.phase], 1e3 * (now - self.last) - TICK_MS)
        self.last = now

    def act(self) -> None:
        """A key pressed thirty times a second."""
        passed = monotonic() - self.since
        if self.phase == "opening":
            if self.stepping is not None and self.stepping.cursor and not self.busy:
                self.since, self.phase = monotonic(), "generating"
        elif passed > self.seconds:
            self.close()
        elif (phase := ("generating", "stepping")[int(passed / PHASE_S) % 2]) != self.phase:
            self.phase = phase
            self.cancel()
        elif phase == "generating" and not self.busy:
            self.do_play()
        elif phase == "stepping" and not self.busy and self.stepping is not None:
            self.do_rewind() if self.stepping.done else self.do_step()


def stall(args: argparse.Namespace) -> None:
    """The window as `minigpt-gui` opens it."""
    from app.gui import host

    app = QApplication([])
    with host([LARGE]) as (descriptor, _):
        window = Watched(connect(descriptor), True, LARGE)
        window.show()
        window.watch(2 * args.seconds)
        app.exec()
        window.end()
    late, tokens = window.late, len(window.snapshot.tokens)
    longest = max(late["generating"], late["stepping"])
    said = f"{LARGE}: {longest:.0f} ms at most ({', '.join(f'{phase} {ms:.0f}' for phase, ms in late.items())}; "
    said += f"opening does not count), {tokens} tokens at the end"
    say("stall", said, longest <= STALL_MS, f"{STALL_MS:.0f} ms")


class Front(Window):
    """In a process of its own: does the actions that it reads, and says when; also when it has painted what is new."""

    snapshot = told = None  # the newest, and the one that it spoke of last

    def hear(self) -> None:
        words = os.read(0, 100).decode().split()
        if not words:  # nobody asks any more
            self.close()
        for name in words:
            print(monotonic(), flush=True)
            self.handler(name)()

    def event(self, event: QEvent) -> bool:
        done, now = super().event(event), self.snapshot
        if event.type() == QEvent.Type.UpdateRequest and now is not None and now is not self.told:
            print(monotonic(), len(now.tokens), now.stepping.cursor if now.stepping else 0, flush=True)
            self.told = now
        return done


def front(descriptor: int) -> None:
    app, window = QApplication([]), Front(connect(descriptor), False)
    notifier = QSocketNotifier(0, QSocketNotifier.Type.Read, window)
    notifier.activated.connect(window.hear)
    window.show()
    app.exec()
    window.end()


class Driven:
    """A driver in this process that has run a prompt and stepped a part of the pass."""

    def __init__(self) -> None:
        self.session = open_session(SMALL)
        self.driver, self.made, self.spent_s = Driver(self.session), 0, 0.0
        self.generate, self.session.generate = self.session.generate, self.timed
        self.driver.start()
        self.driver.send("prompt", text=PROMPT)
        self.driver.send("run_until", address="blocks.0.attn.pattern")

    def timed(self, *words: Any, **named: Any) -> Iterator[Any]:
        """`generate`, with what its taker does between two tokens: the driver's snapshots."""
        began = monotonic()
        for made in self.generate(*words, **named):
            self.made += 1
            yield made
        self.spent_s += monotonic() - began

    def rate(self) -> float:
        """Tokens per second of generating; the same texts at each call."""
        self.made, self.spent_s = 0, 0.0
        for seed in range(TEXTS):
            before = self.spent_s
            self.driver.send("seed", value=seed)
            self.driver.send("prompt", text=PROMPT)
            self.driver.send("generate", count=self.session.model.config.context // 2)
            while self.spent_s == before:
                sleep(0.02)
        return self.made / self.spent_s

    @contextmanager
    def window(self) -> Iterator[Attached]:
        """A window over a link, once it shows the text."""
        here, there = socket.socketpair()
        server = LinkServer(here, lambda: {"session": self.driver})
        server.start()
        with there:
            made = Attached(there.fileno())
        made.hear(lambda state: state[0])
        sleep(2 * REST_S)  # until all docks have their places
        yield made
        made.stdin.close()  # which ends it
        made.process.wait(WAIT_S)
        server.close()


class Attached:
    """A front's process, and what it says."""

    def __init__(self, descriptor: int) -> None:
        words, pipe = [sys.executable, __file__, "--front", str(descriptor)], subprocess.PIPE
        self.process = subprocess.Popen(words, text=True, pass_fds=[descriptor], stdin=pipe, stdout=pipe)
        self.stdin, self.state = self.process.stdin, [0.0, 0.0]  # tokens and cursor that it painted last
        self.said: queue.SimpleQueue[list[float]] = queue.SimpleQueue()
        lines = (list(map(float, line.split())) for line in self.process.stdout or ())
        threading.Thread(target=lambda: [self.said.put(line) for line in lines], daemon=True).start()

    def hear(self, is_it: Callable[[list[float]], object], wait_s: float = WAIT_S) -> float:
        """When it had painted such tokens and cursor. Raises queue.Empty if it says nothing for so long."""
        while True:
            at, *state = self.said.get(timeout=wait_s)
            self.state = state or self.state  # without them it says that it begins to do something
            if is_it(state):
                return at

    def shows(self, action: str) -> float:
        """When it had painted what the action makes of the tokens and the cursor there."""
        tokens, cursor = self.state
        return self.hear(lambda now: now[0] == tokens + MORE[action] and (now[1] != cursor or action != "step"))


def loss(args: argparse.Namespace) -> None:
    alone, watched, driven = [], [], Driven()
    driven.rate()  # the first is slower
    for _ in range(args.pairs):
        alone.append(driven.rate())
        with driven.window():
            watched.append(driven.rate())
    losses = [1 - b / a for a, b in zip(alone, watched, strict=True)]
    a, b, lost = map(median, (alone, watched, losses))
    said = f"{SMALL}: {a:,.0f} tokens/s alone, {b:,.0f} with the window, {lost:.1%} less; medians of {args.pairs} pairs"
    said += f" ({min(losses):.1%} to {max(losses):.1%})"
    say("loss", said, lost <= LOSS, f"{LOSS:.0%}")


def echo(args: argparse.Namespace) -> None:
    took: dict[str, list[float]] = {action: [] for action in MORE}
    driven, chance = Driven(), random.Random(0)
    with driven.window() as a, driven.window() as b:
        for turn in range(args.rounds):
            here, there = (a, b) if turn % 2 else (b, a)
            action = [*MORE][turn % len(MORE)]
            for window in (here, there):  # until it paints nothing new
                with suppress(queue.Empty):
                    window.hear(lambda _: False, REST_S)
            sleep(chance.random() / 10)  # at any moment of the windows' clocks
            print(action, file=here.stdin, flush=True)
            began = here.hear(lambda state: not state)
            took[action].append(1e3 * (there.shows(action) - began))
    every = [ms for times in took.values() for ms in times]
    parts = ", ".join(f"{action} {median(times):.0f}" for action, times in took.items() if times)
    said = f"{SMALL}: {median(every):.0f} ms in the median ({parts}), {max(every):.0f} at worst of {len(every)}"
    say("echo", said, max(every) <= ECHO_MS, f"{ECHO_MS:.0f} ms")


PARTS = {"mosaic": mosaic, "stall": stall, "loss": loss, "echo": echo}


def main() -> None:
    """Each part that is asked for; nothing of the user's own is read or written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*PARTS], nargs="+")
    parser.add_argument("--platform", default="offscreen", help="Qt's: offscreen (the default), xcb, wayland")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each half of mosaic and of stall")
    parser.add_argument("--pairs", type=int, default=5, help="of loss")
    parser.add_argument("--rounds", type=int, default=20, help="of echo")
    parser.add_argument("--front", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    qInstallMessageHandler(heed)
    if args.front is not None:
        front(args.front)
        return
    os.environ["QT_QPA_PLATFORM"] = args.platform
    if args.only is None or len(args.only) > 1:
        for name in args.only or PARTS:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--only", name], check=True)
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {name: home for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        print(f"platform {args.platform}, {os.cpu_count()} cores", flush=True)
        PARTS[args.only[0]](args)


if __name__ == "__main__":
    main()
