"""Whatever goes wrong, a command leaves one line and an exit code that says whose matter it is."""

from __future__ import annotations

import errno

import pytest

from app.cli import main as command_line
from app.cli import output
from app.cli.flags import add_sampling_flags, add_settings_flags, sampler_from, settings_from
from engine.errors import SurroundingsError
from engine.sampling import Sampler
from engine.settings import TABLE, Settings

PLAIN = "random:gpt2-2x240"
WRONG = [
    [],
    ["frobnicate"],
    ["info"],
    ["info", "no/such/model"],
    ["info", ""],
    ["info", "random:nothing"],
    ["info", PLAIN, "--frob"],
    ["generate", PLAIN],
    ["generate", PLAIN, "-p", "a", "--ids", "1"],
    ["generate", PLAIN, "-p", "a"],
    ["generate", PLAIN, "--ids", ""],
    ["generate", PLAIN, "--ids", "1,,2"],
    ["generate", PLAIN, "--ids", "1,-2"],
    ["generate", PLAIN, "--ids", "1,\x1b[31m"],
    ["generate", PLAIN, "--ids", "9" * 5000],
    ["generate", PLAIN, "--ids", "4000"],
    ["generate", PLAIN, "--ids", ",".join(["1"] * 700)],
    ["generate", PLAIN, "--ids", "1", "-n", "0"],
    ["generate", PLAIN, "--ids", "1", "--temperature", "nan"],
    ["generate", PLAIN, "--ids", "1", "--temperature", "-1"],
    ["generate", PLAIN, "--ids", "1", "--top-p", "0"],
    ["generate", PLAIN, "--ids", "1", "--seed", "x"],
    ["generate", PLAIN, "--ids", "1", "--kv-window", "0"],
    ["generate", PLAIN, "--ids", "1", "--threads", "no"],
    ["generate", "a\x1b]52;c;aGk=\x07b", "--ids", "1"],
]


@pytest.mark.parametrize("words", WRONG, ids=lambda words: " ".join(words)[:40].encode("unicode_escape").decode())
def test_a_wrong_command_line_is_one_harmless_line_and_exit_2(minigpt, words):
    result = minigpt(*words)
    assert result.code == 2 and result.out == ""
    assert result.error.isprintable()


def test_every_command_has_help_with_an_example(minigpt):
    assert all(name in minigpt("--help").out for name in command_line.COMMANDS)
    for name in command_line.COMMANDS:
        result = minigpt(name, "--help")
        assert result.code == 0 and f"example: minigpt {name}" in result.out and result.err == ""


def test_version(minigpt):
    assert minigpt("--version").out.startswith("minigpt 0.")


@pytest.mark.parametrize(
    "case",
    [
        (SurroundingsError("no space"), 3, "error: no space"),
        (MemoryError("cannot allocate 9 GB"), 3, "not enough memory: cannot allocate 9 GB"),
        (OSError(errno.ENOSPC, "No space left on device", "x.npy"), 3, "x.npy: No space left"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C"),
        (ValueError("a\x1b[2J\nb"), 1, "this is a bug in minigpt: ValueError: a\\u{001B}[2J↵b; report: "),
        (RecursionError(), 1, "this is a bug"),
    ],
)
def test_every_exception_has_its_exit_code(minigpt, monkeypatch, tmp_path, case):
    raised, code, words = case

    def fails(_):
        raised.add_note("in line 3: secret details\nwith shapes")
        raise raised

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("app.cli.places.run", fails)
    result = minigpt("paths")
    assert result.code == code and words in result.err and len(result.err.splitlines()) == 1
    reports = list(tmp_path.rglob("*.txt"))
    assert len(reports) == (code == 1)
    if code == 1:
        assert str(reports[0]) in result.err and "secret details" in reports[0].read_text()


def test_crash_reports_are_bounded_and_a_disk_that_refuses_is_survived(minigpt, monkeypatch, tmp_path):
    def fails(_):
        raise ValueError("x" * 10_000)

    monkeypatch.setattr("app.cli.places.run", fails)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for _ in range(25):
        assert len(minigpt("paths").err) < 600
    assert len(list(tmp_path.rglob("*.txt"))) == 20
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    result = minigpt("paths")
    assert result.code == 1 and "no report could be written" in result.err


def test_closed_streams_are_survived(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    output.say("nobody listens")
    output.Progress("tokens").show(1, 2)
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(output.OutputClosed):
        output.write("x")
    output.finish()


def test_every_setting_has_a_flag_and_round_trips():
    parser = command_line.Parser()
    add_settings_flags(parser)
    assert settings_from(parser.parse_args([])) == Settings()
    for settings in (
        Settings(kv_cache=False),
        Settings(kv_window=64, optimize=False),
        Settings(threads=2),
        Settings(int8="mlp", int8_embedding=True, int8_cache=True),
        Settings(low_rank_mlp=12, tie_embeddings=True, fuse_qkv=True),
    ):
        assert settings_from(parser.parse_args(settings.flags())) == settings
    assert all(row.flag in parser.format_help() for row in TABLE)


def test_the_sampler_is_as_asked():
    parser = command_line.Parser()
    add_sampling_flags(parser)
    words = ["--temperature", "0.5", "--top-k", "3", "--top-p", "0.9", "--repetition-penalty", "1.2"]
    assert sampler_from(parser.parse_args(words)) == Sampler(0.5, 3, 0.9, 1.2)
    assert sampler_from(parser.parse_args([])) == Sampler()
