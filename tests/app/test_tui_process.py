"""`minigpt-tui` as a process in a real pseudo-terminal: exit codes, signals, and what reaches the terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pyte
import pytest

from app.tui import main
from engine.session_file import read_session

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests" / "golden" / "models" / "smollm2-like"
BREAKS = "import sys; from app.screens.explore import Explore; Explore.draw = lambda self: 1 / 0; "
RUN = "from app.tui import main; main(sys.argv[1:])"
HURRIED = "import sys; import app.screens.application as a; a.MiniGPTApp.patience_s, a.WATCH_S = 0.5, 0.2; " + RUN


class Terminal:
    """The app in a pseudo-terminal of 80x24, and the screen it draws."""

    def __init__(self, *words: str, code: str = "import sys; " + RUN, **variables: str) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self.before = termios.tcgetattr(slave)
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **variables}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True,
        )  # fmt: skip
        self.slave = slave
        self.screen = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""

    def read(self, until: str = "", seconds: float = 15.0) -> str:
        """Let it draw until these words stand on the screen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                data = os.read(self.master, 65536)
                self.raw += data
                self.stream.feed(data.replace(b"\x1b[>4;0m", b"").replace(b"\x1b[>1u", b"").replace(b"\x1b[<u", b""))
            if until and until in "\n".join(self.screen.display):
                break
            if self.process.poll() is not None and not select.select([self.master], [], [], 0.05)[0]:
                break
        return "\n".join(self.screen.display)

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self, seconds: float = 5.0) -> int:
        """Drain what it still writes and return its exit code."""
        limit = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < limit:
            self.read(seconds=0.1)
        self.read(seconds=0.2)
        return self.process.wait(0.1)

    def is_restored(self) -> bool:
        left = self.raw.rindex(b"\x1b[?1049l") > self.raw.rindex(b"\x1b[?1049h")
        return left and termios.tcgetattr(self.slave) == self.before and b"\x1b[?1000l" in self.raw


@pytest.fixture
def terminals(tmp_path):  # type: ignore[no-untyped-def]
    made: list[Terminal] = []

    def make(*words: str, **options: str) -> Terminal:
        made.append(Terminal(*words, **{"XDG_STATE_HOME": str(tmp_path / "state")} | options))
        return made[-1]

    yield make
    for terminal in made:
        terminal.process.kill()
        terminal.process.wait()
        for descriptor in (terminal.master, terminal.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["some/model"], 3, "not a terminal"),
        (["m", "--ids", "1,x"], 2, "--ids: expected token ids"),
        (["m", "--prompt", "a", "--ids", "1"], 2, "not allowed with"),
        (["m", "--temperature", "-1"], 2, "temperature: expected"),
    ],
)
def test_refusals_are_one_line_before_the_screen_starts(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    told = capsys.readouterr()
    assert left.value.code == code and told.out == ""
    assert told.err.startswith("error: ") and said in told.err and told.err.count("\n") == 1


def test_without_a_terminal_nothing_is_drawn() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "app.tui", str(MODEL)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        cwd=ROOT, timeout=20, check=False,
    )  # fmt: skip
    assert result.returncode == 3 and result.stdout == "" and result.stderr.count("\n") == 1


def test_a_terminal_that_cannot_place_text_is_refused(terminals) -> None:  # type: ignore[no-untyped-def]
    terminal = terminals(str(MODEL), TERM="dumb")
    assert terminal.end(15) == 3 and terminal.raw.startswith(b"error: TERM=dumb: ")


def test_without_a_shipped_model_one_must_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    import engine.model

    monkeypatch.setattr(engine.model, "shipped_models", lambda: ())
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("error: no model given")


def test_a_model_that_is_not_there_is_exit_2_and_one_line(terminals) -> None:  # type: ignore[no-untyped-def]
    terminal = terminals("./no/such/model")
    assert terminal.end(15) == 2
    assert b"error: ./no/such/model" in terminal.raw


def test_it_opens_and_runs_and_ctrl_c_asks_once_then_leaves(terminals) -> None:  # type: ignore[no-untyped-def]
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # the screen is the same
    terminal = terminals(str(MODEL), "--ids", "1,2,3,4", "--seed", "3", **ascii_only)
    assert "smollm2-like › block 0" in terminal.read("smollm2-like › block 0")
    terminal.type("]")
    assert "tokens 5/" in terminal.read("tokens 5/")
    terminal.type("\x03")
    assert "Press Ctrl-C again" in terminal.read("Press Ctrl-C again")
    terminal.type("\x03")
    assert terminal.end() == 130 and terminal.is_restored()


def test_a_signal_while_it_generates_restores_the_terminal(terminals) -> None:  # type: ignore[no-untyped-def]
    terminal = terminals(str(MODEL), "--ids", "1,2,3")
    terminal.read("tokens 3/")
    terminal.type(" ")
    terminal.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert terminal.end() == 143 and terminal.is_restored()
    assert time.monotonic() - started < 2.5


def test_a_terminal_that_takes_no_more_text_does_not_hold_it(terminals) -> None:  # type: ignore[no-untyped-def]
    terminal = terminals(str(MODEL), "--ids", "1,2,3", code=HURRIED)
    terminal.read("tokens 3/")
    terminal.type("z\x1bz\x1b" * 200)  # more drawing than the terminal holds, and nobody reads it
    time.sleep(0.5)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(6) == 130


@pytest.mark.parametrize("is_signalled", [True, False])
def test_a_terminal_that_goes_away_is_129(is_signalled: bool, terminals) -> None:  # type: ignore[no-untyped-def]
    terminal = terminals(str(MODEL), "--ids", "1,2,3", code=HURRIED)
    terminal.read("tokens 3/")
    os.close(terminal.slave)
    os.close(terminal.master)
    if is_signalled:
        terminal.process.send_signal(signal.SIGHUP)
    assert terminal.process.wait(5) == 129


def test_a_bug_of_ours_is_exit_1_one_line_and_a_report(terminals, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    terminal = terminals(str(MODEL), "--ids", "1,2,3", code=BREAKS + RUN, XDG_STATE_HOME=str(tmp_path))
    assert terminal.end(15) == 1 and terminal.is_restored()
    after = terminal.raw[terminal.raw.rindex(b"\x1b[?1049l") :].decode()
    assert "error: this is a bug in minigpt: ZeroDivisionError" in after and "Traceback" not in after
    assert after.strip().endswith(".txt") and after.count("\n") == 1
    report = next(tmp_path.rglob("*.txt"))
    assert str(report) in after and "ZeroDivisionError" in report.read_text()


def test_hostile_text_does_not_reach_the_terminal(terminals) -> None:  # type: ignore[no-untyped-def]
    code = "import sys; sys.path.insert(0, sys.argv.pop()); from tui_factory import *; " \
           "app = application(snapshot(words=HOSTILE, notice=HOSTILE[2], model_name=HOSTILE[1])); " \
           "app.run(); sys.exit(app.return_code)"  # fmt: skip
    terminal = terminals(str(Path(__file__).parent), code=code)
    assert "[@click=app.quit]" in terminal.read("Candidates")
    terminal.type("\t\t\t\ti")
    terminal.read(seconds=0.5)
    for bad in (b"\x1b]52", b"\xc2\x9b", "\u202e".encode(), b"\x00"):
        assert bad not in terminal.raw
    assert terminal.raw.count(b"\x1b[2J") <= 1  # only Textual's own
    terminal.type("\x1b")
    terminal.read(seconds=0.5)
    terminal.type("q")
    assert terminal.end() == 0 and terminal.is_restored()


def test_what_was_generated_is_kept_when_it_is_told_to_end_and_offered_the_next_time(terminals, tmp_path):
    terminal = terminals(str(MODEL), "--ids", "1,2,3")
    terminal.read(until="pattern")
    terminal.type("]")
    terminal.read(until="next token, 4")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 143
    (path,) = (tmp_path / "state" / "minigpt" / "sessions").iterdir()
    assert len(read_session(path).tokens) == 4
    again = terminals(str(MODEL), "--ids", "1,2,3")
    assert "^o opens it" in again.read(until="opens it")
