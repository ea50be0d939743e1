"""Files from outside are opened, read and replaced only as they should be, and every refusal is one harmless line."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import LONGEST_MESSAGE, FileError, SurroundingsError
from engine.files import (
    atomic_file,
    atomic_write,
    open_regular,
    parse_json,
    read_json,
    refused,
    remove_stale,
    shortened,
)
from engine.text import visible

REPOSITORY = Path(__file__).resolve().parents[2]
NASTY = "\x1b]0;owned\x07\u202e[/]<b>\ud800"


def refusal(error: BaseException) -> str:
    """The message, once it was found to be one short and inert line of the right class."""
    message = str(error)
    assert type(error) is FileError
    assert len(message) <= LONGEST_MESSAGE and visible(message) == message
    return message


def refused_open(path: Path, *args: object) -> str:
    with pytest.raises(FileError) as caught:
        open_regular(path, *args).close()  # type: ignore[arg-type]
    return refusal(caught.value)


def refused_json(data: bytes) -> str:
    with pytest.raises(FileError) as caught:
        parse_json(data, "config.json")
    return refusal(caught.value)


def test_a_regular_file_is_opened_for_reading(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"content"


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert refused_open(tmp_path / "a.json").startswith("a.json: no such file in ")


def test_a_directory_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    assert refused_open(tmp_path) == f"{tmp_path.name}: is a directory, not a file"
    (tmp_path / "empty").touch()
    assert refused_open(tmp_path / "empty") == "empty: is empty"


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused_open(tmp_path / "pipe") == "pipe: is a FIFO (a named pipe), not a file"


def test_a_fifo_that_takes_the_place_of_a_checked_file_does_not_hang(tmp_path: Path, monkeypatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    before = os.stat(tmp_path / "file")
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", lambda path: before)
        assert refused_open(tmp_path / "pipe") == "pipe: is a FIFO (a named pipe), not a file"


def test_a_device_is_refused() -> None:
    assert refused_open(Path("/dev/zero")) == "zero: is a device, not a file"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        assert refused_open(Path("s")) == "s: is a socket, not a file"


def test_a_link_loop_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert refused_open(tmp_path / "loop") == "loop: is a link that leads back to itself"


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "secret").write_bytes(b"x")

    def deny(*args: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:  # root may read everything, so the refusal is simulated
        patched.setattr(os, "open", deny)
        assert refused_open(tmp_path / "secret") == "secret: cannot be read: permission denied"


@pytest.mark.parametrize("name", ["a\0b", "a\ud800\0"])
def test_an_impossible_name_is_refused(name: str) -> None:
    assert refused_open(Path(name)).endswith("is not a possible file name")


def test_a_name_that_is_too_long_is_refused_with_a_short_line(tmp_path: Path) -> None:
    assert refused_open(tmp_path / ("x" * 5000)).endswith("is too long for a file name")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "is a Git LFS pointer"),
        (b"\n <!DOCTYPE html><html>", "is an HTML page"),
        (b"\xef\xbb\xbf<html lang=en>", "is an HTML page"),
        (b"PK\x03\x04rest", "is a ZIP archive"),
        (b"\x80\x02}q\x00.", "is a Python pickle"),
        (b"\x80\x04\x95\x0a\0\0\0\0\0\0\0}\x94.", "is a Python pickle"),
        (b"\x1f\x8b\x08\0", "is compressed with gzip"),
        (b"GGUF\x03\0\0\0", "is a GGUF file"),
    ],
)
def test_a_file_under_a_wrong_name_is_recognized(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert refused_open(tmp_path / "model.safetensors").startswith(f"model.safetensors: {said}")


@pytest.mark.parametrize("length", [0x0280, 0x0380, 0x0480, 0x0580])
def test_a_safetensors_header_that_begins_like_a_pickle_is_none(tmp_path: Path, length: int) -> None:
    (tmp_path / "model.safetensors").write_bytes(length.to_bytes(8, "little") + b"{")
    open_regular(tmp_path / "model.safetensors").close()


def test_a_zip_is_welcome_where_it_is_expected(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04")
    open_regular(tmp_path / "a.npz", allow=("zip",)).close()


def test_a_file_that_is_too_large_is_refused_with_both_sizes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert refused_open(tmp_path / "a", 4) == "a: expected at most 4 bytes, got 5"


def test_names_and_keys_are_made_harmless_and_short() -> None:
    error = refused(Path(NASTY * 100), "problem " * 1000, NASTY * 1000)
    assert "\\u{001B}" in refusal(error)


@pytest.mark.parametrize("text", ["", "abc", "x" * 60, "x" * 61, "\x1b" * 20, NASTY * 9])
def test_shortened_is_never_longer_than_asked(text: str) -> None:
    assert len(shortened(text, 60)) <= 60
    assert shortened("abc") == "abc"


def test_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, 2.5, null, "\\ud83d\\ude00"], "b": {"[": "{\\"\\\\"}}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, None, "😀"], "b": {"[": '{"\\'}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1, "a": 2}', "config.json: a: this key is there twice"),
        (b'{"a": NaN}', "config.json: expected finite numbers, got NaN"),
        (b"[-Infinity]", "config.json: expected finite numbers, got -Infinity"),
        (b"[1e999]", "config.json: expected finite numbers, got 1e999"),
        (b"[" + b"9" * 5000 + b"]", "config.json: expected numbers of at most 40 characters, got one of 5,000"),
        (b"[0." + b"1" * 5000 + b"]", "config.json: expected numbers of at most 40 characters, got one of 5,002"),
        (b"[" * 65 + b"]" * 65, "config.json: expected at most 64 levels of nesting, got 65"),
        (b"[" * 500_000, "config.json: expected at most 64 levels of nesting, got 500,000"),
        (b"[" + b"[]," * 700_000, "config.json: expected at most 600,000 objects and arrays, got 700,001"),
        (b'{"\\ud800": 1}', "config.json: \\u{D800}: this key holds half of a surrogate pair"),
        (b'{"a\xff": 1}', "config.json: is not UTF-8 text: byte 3 is 0xff"),
        ("[1]".encode("utf-16"), "config.json: is not UTF-8 text: byte 0 is 0xff"),
        (b'{"a": 1', "config.json: is not JSON: Expecting ',' delimiter at line 1, column 8 (truncated or damaged?)"),
        (b"[1] 2", "config.json: is not JSON: Extra data at line 1, column 5 (truncated or damaged?)"),
        (b"", "config.json: is not JSON: Expecting value at line 1, column 1 (truncated or damaged?)"),
    ],
)
def test_json_faults_are_refused(data: bytes, said: str) -> None:
    assert refused_json(data) == said


def test_nesting_up_to_the_limit_and_brackets_in_strings_are_no_fault() -> None:
    assert parse_json(b"[" * 64 + b"]" * 64, "a")
    assert parse_json(b'["' + b"[{" * 1000 + b'\\"[\\\\"]', "a")


def test_a_generator_state_of_128_bits_is_read_exactly() -> None:
    assert parse_json(b"%d" % (2**128 - 1), "a") == 2**128 - 1


def test_json_larger_than_its_cap_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b" " * 100)
    with pytest.raises(FileError, match=r"^a\.json: expected at most 99 bytes, got 100$"):
        read_json(tmp_path / "a.json", 99)


def names_in(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_atomic_write_replaces_the_content_and_leaves_nothing_else(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        atomic_write(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content
    assert names_in(tmp_path) == ["a"]


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", b"old")
    with pytest.raises(KeyError), atomic_file(tmp_path / "a") as file:
        file.write(b"new")
        raise KeyError("stop")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path: Path, monkeypatch, step: str) -> None:
    atomic_write(tmp_path / "a", b"old")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(SurroundingsError) as caught:
        patched.setattr(os, step, full)
        atomic_write(tmp_path / "a", b"new")
    assert str(caught.value) == "a: cannot be written: No space left on device; the old file is untouched"
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]


def test_a_file_larger_than_the_system_allows_leaves_the_old_one(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", b"old")
    script = """
import resource, sys
from engine.errors import SurroundingsError
from engine.files import atomic_write
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    atomic_write(sys.argv[1], b"new" * 10_000)
except SurroundingsError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, tmp_path / "a"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "a: cannot be written: File too large; the old file is untouched\n"
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]


def test_a_directory_that_is_missing_or_a_file_is_the_surroundings_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for parent in ("missing", "file"):
        with pytest.raises(SurroundingsError, match=r"^a: cannot be written: "):
            atomic_write(tmp_path / parent / "a", b"x")


@pytest.mark.parametrize("target", ["/dev/null", "."])
def test_a_device_or_a_directory_is_never_written_over(target: str) -> None:
    with pytest.raises(FileError, match="it cannot be written over"):
        atomic_write(target, b"x")
    assert Path("/dev/null").is_char_device()


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", b"old")
    script = """
import sys, time
from engine.files import atomic_file
with atomic_file(sys.argv[1]) as file:
    file.write(b"new" * 100_000)
    file.flush()
    print("half", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", script, tmp_path / "a"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"half\n"
        writer.send_signal(signal.SIGKILL)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert remove_stale(tmp_path) == [], "a young temporary file may belong to a living process"
    assert len(remove_stale(tmp_path, older_than_s=0)) == 1
    assert names_in(tmp_path) == ["a"]
