"""`minigpt trace` and `minigpt export`: files that are what they say, refusals in one line, the command to repeat."""

from __future__ import annotations

import csv
import io
import os
import shlex
from pathlib import Path

import numpy as np
import pytest

from engine.model import open_model
from engine.recording import record_text
from engine.session import Session
from engine.session_file import save_session, saved
from engine.trace_file import open_trace
from viewers.exports import EXPORTS

DATA = sorted(f"{row.stem}.{format}" for row in EXPORTS for format in row.formats if format in ("csv", "npz"))


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def trace(minigpt, reader, tmp_path) -> Path:
    """Four tokens and three generated ones, recorded by the command."""
    path = tmp_path / "t.trace.safetensors"
    made = minigpt("trace", reader, "--ids", "33,65,66,67", "-n", 3, "--seed", 5, "--int8", "mlp", "-o", path)
    assert (made.code, made.out) == (0, "") and "wrote" in made.err
    return path


def test_a_recorded_trace_is_the_engine_s_own(trace, minigpt, reader):
    found = open_trace(trace)
    generated = minigpt(
        "generate", reader, "--ids", "33,65,66,67", "-n", 3, "--seed", 5, "--int8", "mlp", "--json"
    ).json
    assert list(found.tokens) == [33, 65, 66, 67, *generated["ids"]]
    assert found.about.prompt_length == 4 and found.about.seed == 5 and found.settings.int8 == "mlp"
    ours = record_text(open_model(str(reader)), found.tokens, found.settings)
    assert all(found[address].tobytes() == ours[address].tobytes() for address in ours)


def test_a_trace_is_shown_without_its_model(trace, minigpt):
    shown = minigpt("trace", "--show", trace)
    assert shown.code == 0 and "--int8 mlp" in shown.out and "blocks.1.attn.pattern" in shown.out
    facts = minigpt("trace", "--show", trace, "--json").json
    assert facts["values"]["blocks.0.attn.pattern"]["shape"] == [1, 4, 7, 7] and len(facts["tokens"]) == 7


def test_one_value_comes_out_as_csv(trace, minigpt):
    rows = list(csv.reader(io.StringIO(minigpt("trace", "--show", trace, "--value", "blocks.1.attn.pattern").out)))
    cells = np.array([row[3:] for row in rows[1:]], np.float32).reshape(1, 4, 7, 7)
    assert cells.tobytes() == open_trace(trace)["blocks.1.attn.pattern"].tobytes()


def test_keep_and_budget_limit_what_is_recorded(minigpt, reader, tmp_path):
    path = tmp_path / "k.trace.safetensors"
    assert minigpt("trace", reader, "-p", "abc", "--keep", "logits", "--keep", "embed", "-o", path).code == 0
    assert set(open_trace(path)) == {"logits", "embed"}
    assert "did you mean" in minigpt("trace", reader, "-p", "abc", "--keep", "logit", "-o", path).error
    assert set(open_trace(path)) == {"logits", "embed"}


def test_a_session_is_recorded_as_it_stands(minigpt, reader, tmp_path):
    session = Session(open_model(str(reader)), seed=3)
    session.prompt(ids=[33, 65, 66])
    list(session.generate(2))
    save_session(saved(session), tmp_path / "s.minigpt.json")
    path = tmp_path / "s.trace.safetensors"
    assert minigpt("trace", tmp_path / "s.minigpt.json", "-o", path).code == 0
    found = open_trace(path)
    assert list(found.tokens) == session.tokens and (found.about.prompt_length, found.about.seed) == (3, 3)
    assert "a session holds its own text" in minigpt("trace", tmp_path / "s.minigpt.json", "-p", "a", "-o", path).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "MODEL and -o F.trace.safetensors are required"),
        (("{reader}", "-p", "a", "-o", "x.npz"), "expected a name that ends in .trace.safetensors"),
        (("{reader}", "-o", "x.trace.safetensors"), "one of -p/--prompt and --ids is required"),
        (("{reader}", "--ids", "1,2", "--given", "3", "-o", "x.trace.safetensors"), "--given: expected at most 2"),
        (("{trace}", "-p", "a", "-o", "x.trace.safetensors"), "-p: a trace holds its own text"),
        (("{trace}", "--int8", "all", "-o", "x.trace.safetensors"), "a settings flag: a trace holds"),
        (("--show", "{reader}/model.safetensors"), "is not a trace"),
        (("--show", "{trace}", "-o", "y"), "stands alone"),
        (("--show", "{trace}", "--value", "embd"), "did you mean embed"),
    ],
)
def test_what_cannot_be_traced_is_refused_in_one_line(minigpt, reader, trace, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    result = minigpt("trace", *(word.format(reader=reader, trace=trace) for word in words))
    assert result.code == 2 and said in result.error and files(tmp_path) == ["t.trace.safetensors"]


def test_export_writes_every_table_and_says_how_to_do_it_again(trace, minigpt, reader, tmp_path):
    first = minigpt(
        "export", reader, "--ids", "33,65,66,67", "-n", 3, "--seed", 5, "-o", tmp_path / "a", "--csv", "--npz"
    )
    assert first.code == 0 and files(tmp_path / "a") == DATA
    assert [Path(line).name for line in sorted(first.out.splitlines())] == DATA
    again = shlex.split(first.err.splitlines()[-1].removeprefix("again: "))
    again[again.index("-o") + 1] = str(tmp_path / "b")
    assert again[0] == "minigpt" and minigpt(*again[1:]).code == 0
    for name in set(DATA) - {"lines.csv"}:  # which holds measured times
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_two_exports_of_one_trace_are_byte_identical(trace, minigpt, tmp_path):
    for name in ("a", "b"):
        assert minigpt("export", trace, "-o", tmp_path / name, "--csv", "--npz").code == 0
    for name in DATA:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_everything_of_a_tiny_model_is_made(trace, minigpt, tmp_path):
    """Every row of the table, in every format, in light and dark, of a model without its files at hand."""
    for look in ((), ("--dark", "--dpi", 60, "--size", "6x4", "--layer", 1, "--head", 3)):
        result = minigpt("export", trace, "-o", tmp_path / "all", *look)
        assert result.code == 0, result.err
        left_out = [line for line in result.err.splitlines() if "left out" in line]
        assert len(result.out.splitlines()) + len(left_out) == sum(len(row.formats) for row in EXPORTS)


def test_a_list_of_what_there_is(minigpt):
    listed = minigpt("export", "--list").out
    assert all(row.name in listed and row.title in listed for row in EXPORTS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "nothing"), "nothing: no such export"),
        (("--only", "tokens", "--npz"), "nothing is left to write"),
        (("--size", "0x5"), "expected inches from 1 to 60"),
        (("--size", "big"), "expected inches from 1 to 60"),
        (("--dpi", "5000"), "--dpi: expected at most 1200"),
        (("--layer", "2", "--csv"), "--layer: expected a number from 0 to 1"),
        (("--head", "4", "--csv"), "--head: expected a number from 0 to 3"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_written(minigpt, trace, tmp_path, words, said):
    result = minigpt("export", trace, "-o", tmp_path / "out", *words)
    assert result.code == 2 and said in result.error and not (tmp_path / "out").exists()


def test_a_full_disk_is_exit_3_and_leaves_whole_files(minigpt, trace, tmp_path, monkeypatch):
    done: list[int] = []

    def full(file: int) -> None:
        done.append(file)
        if len(done) > 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = minigpt("export", trace, "-o", tmp_path / "out", "--csv")
    assert result.code == 3 and "cannot be written: No space left on device" in result.err.splitlines()[-1]
    assert files(tmp_path / "out") == ["tokens.csv"]


def test_a_place_that_is_a_file_is_exit_3(minigpt, trace, tmp_path):
    (tmp_path / "taken").write_text("mine")
    result = minigpt("export", trace, "-o", tmp_path / "taken", "--csv")
    assert result.code == 3 and "cannot be made" in result.error and (tmp_path / "taken").read_text() == "mine"
