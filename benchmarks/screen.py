"""How quick the terminal app is, and what it costs: each figure beside the limit that we promise.

    python benchmarks/screen.py [--only wall|idle|key|slowdown] [--size 120x36] [--keys 30] [--pairs 5] [--seconds 20]

wall      One full repaint of the attention wall, 6 layers of 8 heads over 64 tokens, maximised in 200x60: the app runs
          without a terminal, the panel forgets its rows, every line of it is asked for. Weights are random and scores
          enlarged, so that hardly two neighbouring dots are alike.
idle      CPU time over elapsed time of the app in a pseudo-terminal, long after the prompt was run. 100 is one core.
key       From writing a key to reading its answer in a pseudo-terminal, while a model of 124 M parameters generates:
          another head, another layer (answered by the breadcrumb) and Tab (by the mark of the focused panel).
slowdown  Generation in the app in a pseudo-terminal against `Session.generate` in a process that does nothing else.
          Both read the same command line: same prompt, settings and greedy tokens, to the end of the context, the end
          token ignored. Both take the wall-clock time of the whole loop; the app's own `tokens/s` would leave out what
          happens between tokens, such as snapshots. The median text of a process counts, after one to warm up.

Nothing else should run meanwhile. Linux only: CPU time is read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import pty
import random
import re
import select
import statistics
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PROMISED = {"wall": (20.0, "ms"), "idle": (2.0, "%"), "key": (50.0, "ms"), "slowdown": (15.0, "%")}
TALES = ("tales", "--prompt", "Once upon a time", "--temperature", "0")
LARGE = ("random:gpt2-124m", "--ids", "1,2,3,4,5,6")
TEXTS = 5  # that one process generates, after the first
SLOW_S, QUIET_S = 120.0, 3.0
TOKENS = rb"m(\d+/\d+)\x1b"  # in the configuration: tokens of the text / of the context
MARK = "▌".encode()  # before the title of the panel that has the focus


class Terminal:
    """A program in a pseudo-terminal. `fresh` is what it wrote since a key was pressed last."""

    def __init__(self, size: tuple[int, int], *command: str) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, size[::-1])
        self.home = tempfile.TemporaryDirectory()  # nothing of the person's own is read or written
        notes = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), self.home.name)
        notes |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
            env=os.environ | notes, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.fresh = b""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, keys: bytes) -> None:
        """Press a key; what comes from now on is fresh."""
        self.fresh = b""
        os.write(self.master, keys)

    def read_until(self, is_there: Callable[[], object], seconds: float) -> bool:
        """Take what it writes until something is there; whether it came in time."""
        end = perf_counter() + seconds
        while not (found := is_there()) and perf_counter() < end:
            if select.select([self.master], [], [], min(seconds, 0.05))[0]:
                try:
                    self.fresh += os.read(self.master, 1 << 16)
                except OSError:
                    raise SystemExit(f"the program ended: {self.fresh[-500:]!r}") from None
        return bool(found)

    def drain(self, seconds: float) -> None:
        """Take what it writes for so long."""
        self.read_until(lambda: False, seconds)

    def wait_for(self, pattern: bytes, seconds: float = SLOW_S) -> bytes:
        """Until the pattern stands in what is fresh; what its group found."""
        if not self.read_until(lambda: re.search(pattern, self.fresh), seconds):
            raise SystemExit(f"not written within {seconds:g} s: {pattern!r}; the end is {self.fresh[-300:]!r}")
        return re.findall(pattern, self.fresh)[0]

    def cpu_s(self) -> float:
        """CPU time of all threads of the process so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def measure_wall(args: argparse.Namespace) -> None:
    asyncio.run(paint_wall())


async def paint_wall(times: int = 60) -> None:
    """Time repaints in the app, which runs without a terminal."""
    import numpy as np

    from app.screens.application import MiniGPTApp
    from app.screens.opening import Opening
    from engine.driver import Driver
    from engine.model import open_model
    from engine.session import Session

    model = open_model("random:gpt2-6x384")
    config = replace(model.config, heads=8, kv_heads=8, head_size=model.config.width // 8, attn_scale=(2.0,) * 6)
    opening = Opening("random:6x8", ids=np.random.default_rng(0).integers(0, config.vocab, 64).tolist())
    app = MiniGPTApp(opening)
    async with app.run_test(size=(200, 60)) as pilot:
        opening.driver = driver = Driver(Session(replace(model, config=config)))
        driver.start()
        driver.send("prompt", ids=opening.ids)
        screen = app.explore
        while screen.snapshot is None or screen.snapshot.busy or len(screen.snapshot.tokens) < 64:
            await pilot.pause(0.05)
        screen.look(attention=replace(screen.view.attention, what="wall"))
        screen.bring("attention")
        screen.action_maximise()
        await pilot.pause(1.0)
        panel, snapshot = screen.panel("attention"), screen.snapshot

        size = f"{panel.size.width}x{panel.size.height} characters"
        for what, begin in (
            ("the same snapshot", lambda _: panel.refresh()),
            ("a new snapshot", lambda i: panel.show(replace(snapshot, version=-1 - i), screen.view)),
        ):
            took = []
            for i in range(times):
                started = perf_counter()
                begin(i)
                strips = [panel.render_line(y) for y in range(panel.size.height)]
                took.append(1e3 * (perf_counter() - started))
            assert sum(map(len, strips)) > 1000, "the wall is not drawn"
            words = f"full repaint of {size}, {what}; from {min(took):.1f} to {max(took):.1f}"
            say("wall", words, statistics.median(took))
    opening.close()


def measure_idle(args: argparse.Namespace) -> None:
    """The share of one core that the app takes while nobody does anything."""
    with closing(Terminal(args.size, "-m", "app.tui", *TALES)) as terminal:
        terminal.wait_for(TOKENS)
        terminal.drain(2 * QUIET_S)
        started, used_s = perf_counter(), terminal.cpu_s()
        terminal.drain(args.seconds)
        share = (terminal.cpu_s() - used_s) / (perf_counter() - started)
        say("idle", f"of one core over {args.seconds:g} s", 100 * share)


def measure_key(args: argparse.Namespace) -> None:
    """Keys at uneven times, each when the one before is answered."""
    with closing(Terminal(args.size, "-m", "app.tui", *LARGE)) as terminal:
        terminal.wait_for(rb"layer 0 head 0")
        terminal.drain(QUIET_S)
        title = re.findall(MARK + rb"(\w+)", terminal.fresh)[-1]
        terminal.type(b" ")
        terminal.wait_for(rb" [3-9] of \d+")
        pauses, place, took = random.Random(0), [0, 0], {b".": [], b">": [], b"\t": [], b",": [], b"<": []}
        for i in range(args.keys):
            key = b".>\t,<\t"[i % 6 : i % 6 + 1]
            place[0] += (key == b">") - (key == b"<")
            place[1] += (key == b".") - (key == b",")
            tab = MARK + rb"(?!" + title + rb")(\w+)"
            terminal.drain(pauses.uniform(0.1, 0.4))
            started = perf_counter()
            terminal.type(key)
            found = terminal.wait_for(tab if key == b"\t" else rb"layer %d head %d\D" % tuple(place), 10)
            took[key].append(1e3 * (perf_counter() - started))
            title = found if key == b"\t" else title
        terminal.fresh = b""
        terminal.wait_for(rb"\d+ of \d+", 5)  # it still generates
    kinds = ", ".join(f"{key.decode()!r} {statistics.median(times):.1f}" for key, times in took.items() if times)
    times = [each for some in took.values() for each in some]
    say("key", f"median of {args.keys} keys while {LARGE[0]} generates; medians of {kinds}", statistics.median(times))
    say("key", "the slowest of them", max(times))


def measure_slowdown(args: argparse.Namespace) -> None:
    """Alternating pairs: the app, then a process without a screen."""
    inside, alone = [], []
    for _ in range(args.pairs):
        for rates, play in ((inside, play_in_app), (alone, play_headless)):
            with tempfile.NamedTemporaryFile() as file:
                play(args, file.name)
                rates.append(statistics.median(rates_in(file.name)[1:]))
        print(f"          app {inside[-1]:,.0f} tokens/s, headless {alone[-1]:,.0f}", flush=True)
    losses = [100 * (1 - a / b) for a, b in zip(inside, alone, strict=True)]
    beside = f"{statistics.median(inside):,.0f} beside {statistics.median(alone):,.0f} tokens/s"
    words = f"of {TALES[0]} in the app, {beside}; pairs from {min(losses):.1f} to {max(losses):.1f}"
    say("slowdown", words, statistics.median(losses))


def play_in_app(args: argparse.Namespace, path: str) -> None:
    """Play like a person would: space, then the prompt again."""
    with closing(Terminal(args.size, __file__, "in-app", path, *TALES)) as terminal:
        prompt = terminal.wait_for(TOKENS)
        terminal.drain(QUIET_S)
        for count in range(1, TEXTS + 2):
            terminal.type(b" ")
            if not terminal.read_until(lambda count=count: len(rates_in(path)) >= count, SLOW_S):
                raise SystemExit(f"text {count} was not generated: {terminal.fresh[-300:]!r}")
            terminal.drain(1.0)
            terminal.type(b"i")
            terminal.wait_for(b"Enter runs it", 10)
            terminal.type(b"\r")
            terminal.wait_for(rb"m" + prompt, 10)
            terminal.drain(0.5)


def play_headless(args: argparse.Namespace, path: str) -> None:
    subprocess.run([sys.executable, __file__, "headless", path, *TALES], cwd=ROOT, check=True)


def rates_in(path: str) -> list[float]:
    """Tokens per second, a line for each text; all texts are equally long."""
    rows = [line.split() for line in Path(path).read_text().splitlines(keepends=True) if line.endswith("\n")]
    if len({count for count, _ in rows}) > 1:
        raise SystemExit(f"texts of different lengths: {rows}")
    return [int(count) / float(spent_s) for count, spent_s in rows]


def watched(what: str, path: str, words: list[str]) -> None:
    """Be one of the two processes of `slowdown`: each text that is generated leaves a line, its tokens and seconds."""
    from app.tui import main as run_app
    from app.tui import opening_from
    from engine.session import Generated, Session, never, open_session

    generate = Session.generate

    def timed(self: Session, count: int, stop_text: str | None = None, ignore_eos: bool = False,
              stop: Callable[[], bool] = never) -> Iterator[Generated]:  # fmt: skip
        started, before = perf_counter(), len(self.tokens)
        yield from generate(self, count, stop_text, True, stop)
        spent_s = perf_counter() - started
        with open(path, "a") as file:
            file.write(f"{len(self.tokens) - before} {spent_s}\n")

    Session.generate = timed  # type: ignore[method-assign]
    if what == "in-app":
        run_app(words)
    asked = opening_from(words)
    session = open_session(asked.model, asked.settings, asked.sampler, asked.seed)
    for _ in range(TEXTS + 1):
        session.prompt(asked.prompt)
        for _ in session.generate(session.model.config.context - len(session.tokens)):
            pass


def say(part: str, what: str, value: float) -> None:
    """One figure beside its limit."""
    limit, unit = PROMISED[part]
    verdict = "kept" if value <= limit else "MISSED"
    print(f"{part:<9} {value:7.1f} {unit:<2}  limit {limit:g} {unit}: {verdict:<6}  {what}", flush=True)


def main() -> None:
    """Measure what is asked for."""
    if sys.argv[1:2] and sys.argv[1] in ("in-app", "headless"):
        watched(sys.argv[1], sys.argv[2], sys.argv[3:])
        return
    parts = {"wall": measure_wall, "idle": measure_idle, "key": measure_key, "slowdown": measure_slowdown}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*parts], action="append")
    parser.add_argument("--size", type=lambda word: tuple(map(int, word.split("x"))), default=(120, 36))
    parser.add_argument("--keys", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    place = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{place}; pseudo-terminal of {args.size[0]}x{args.size[1]}; load {os.getloadavg()[0]:.1f}")
    for part in args.only or parts:
        parts[part](args)


if __name__ == "__main__":
    main()
