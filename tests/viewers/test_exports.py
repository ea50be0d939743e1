"""Every row of the table of exports becomes a whole file, or says why not; the data is the trace's own."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from engine.analysis import tables
from engine.errors import Cancelled, InputError, SurroundingsError
from engine.model import open_model
from engine.recording import record_text
from engine.trace import Trace, nothing_foreseen
from viewers.exports import DATA, EXPORTS, FORMATS, Export, chosen, export


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Twelve tokens of a shipped model, four of them counted as generated."""
    model = open_model("shakespeare")
    return record_text(model, model.tokenizer.encode_prompt("Hark! Who, me"), prompt_length=9, seed=3)


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def arrays_of(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return dict(file)


def numbers(column: list[str]) -> np.ndarray:
    return np.array([float(cell) if cell else np.nan for cell in column], np.float32)


def test_names_and_files_are_distinct_and_formats_known():
    files = [(row.stem, format) for row in EXPORTS for format in row.formats]
    assert len({row.name for row in EXPORTS}) == len(EXPORTS) and len(set(files)) == len(files)
    assert {format for _, format in files} <= set(FORMATS)


def test_tokens_are_the_trace_bit_for_bit(trace):
    rows = rows_of(tables.tokens_csv(trace))
    assert tuple(int(row["id"]) for row in rows) == trace.tokens
    assert tuple(json.loads(row["text"]) for row in rows) == trace.about.texts
    assert [row["generated"] for row in rows] == ["0"] * 9 + ["1"] * 4
    assert numbers([row["logprob_nats"] for row in rows]).tobytes() == trace.token_logprobs.tobytes()
    assert numbers([row["entropy_after_nats"] for row in rows]).tobytes() == trace.token_entropies.tobytes()
    assert [row["rank"] for row in rows] == ["", *map(str, trace.token_ranks[1:])]


def test_candidates_are_the_trace_bit_for_bit(trace):
    rows = rows_of(tables.candidates_csv(trace))
    assert [int(row["id"]) for row in rows] == trace.candidate_ids.reshape(-1).tolist()
    assert numbers([row["logprob_nats"] for row in rows]).tobytes() == trace.candidate_logprobs.tobytes()
    assert json.loads(rows[0]["text"]) == trace.candidate_texts[int(rows[0]["id"])]


def test_heads_lines_and_memory_agree_with_the_trace(trace):
    heads = rows_of(tables.heads_csv(trace))
    assert numbers([row["contribution_length"] for row in heads]).tobytes() == trace.head_contributions.tobytes()
    pattern = trace["blocks.1.attn.pattern"][0, 2, 5, :6].astype(np.float64)
    found = next(row for row in heads if (row["layer"], row["head"], row["position"]) == ("1", "2", "5"))
    assert float(found["attention_entropy_nats"]) == pytest.approx(-(pattern * np.log(pattern)).sum(), abs=1e-5)
    lines = rows_of(tables.lines_csv(trace))
    assert [row["address"] for row in lines] == [row.address for row in trace.rows]
    assert [int(row["flops"]) for row in lines] == [row.cost.flops for row in trace.rows]
    weights = sum(int(row["weight_bytes"]) for row in rows_of(tables.memory_csv(trace)))
    assert weights == sum(row.weight_bytes for row in trace.rows) > 0


def test_a_value_as_csv_has_a_column_for_its_last_axis(trace):
    value = trace["blocks.0.attn.q"]
    rows = rows_of(tables.value_csv(value))
    cells = [float(row[str(i)]) for row in rows for i in range(value.shape[-1])]
    assert np.array(cells, np.float32).reshape(value.shape).tobytes() == value.tobytes()
    assert (rows[-1]["axis_1"], rows[-1]["axis_2"]) == ("3", "12")
    assert tables.value_csv(np.array(2.5, np.float32)) == b"0\n2.5\n"


def test_npz_holds_every_value_and_no_object(trace):
    values = arrays_of(tables.values_npz(trace))
    assert list(values) == list(trace) and all(values[a].tobytes() == trace[a].tobytes() for a in trace)
    metrics = arrays_of(tables.metrics_npz(trace))
    assert metrics["token_logprobs"].tobytes() == trace.token_logprobs.tobytes()
    assert metrics["attention_entropy"].shape == trace.head_contributions.shape


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", '"', "a,b\r\n", "\x1b[2J", "\u202e", "é"])
def test_no_token_text_is_obeyed_by_a_spreadsheet_or_a_terminal(trace, text):
    hostile = replace(trace, about=replace(trace.about, texts=(text,) * len(trace.tokens)))
    data = tables.tokens_csv(hostile)
    cells = [row["text"] for row in rows_of(data)]
    assert all(cell.startswith('"') and cell.isascii() and cell.isprintable() for cell in cells)
    assert {json.loads(cell) for cell in cells} == {text}


def test_all_data_is_written_and_the_same_twice(trace, tmp_path):
    wanted = chosen(formats=DATA)
    for directory in ("a", "b"):
        done = list(export(trace, tmp_path / directory / "deep", wanted))
        assert [e.path.name for e in done] == [f"{row.stem}.{format}" for row, format in wanted]
        assert all(e.left_out is None and e.path.stat().st_size for e in done)
    for path in (tmp_path / "a" / "deep").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "deep" / path.name).read_bytes()


def test_what_a_trace_lacks_is_left_out_and_said(trace, tmp_path):
    poor = replace(trace, rows=(), values=MappingProxyType({}), foreseen=nothing_foreseen(len(trace.tokens)))
    done = {e.path.name: e.left_out for e in export(poor, tmp_path, chosen(formats=DATA))}
    assert done["candidates.csv"] == "the trace holds no logits"
    assert done["lines.csv"] == done["memory.csv"] == "the trace does not say which lines were run"
    assert done["heads.csv"] is None and not (tmp_path / "lines.csv").exists()
    assert Export("x", "x", ("png",), "", "", "patterns").lacks(poor) == "the attention of layer 0 is not in the trace"


def test_only_what_was_named_is_made():
    assert chosen(["tokens"], ["csv", "png"]) == [(EXPORTS[0], "csv")]
    assert chosen(["tokens"], ["png"]) == []
    with pytest.raises(InputError, match="nothing: no such export; there are"):
        chosen(["nothing"])


def test_stopping_leaves_whole_files_only(trace, tmp_path):
    work = export(trace, tmp_path, chosen(formats=DATA), stop=lambda: len(list(tmp_path.iterdir())) == 2)
    with pytest.raises(Cancelled):
        list(work)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["candidates.csv", "tokens.csv"]


def test_a_directory_that_cannot_be_written_is_refused_in_one_line(trace, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SurroundingsError, match="cannot be made"):
        list(export(trace, tmp_path / "file", chosen(["tokens"])))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("full", [os.fsync, os.replace])
def test_a_full_disk_leaves_the_old_file(trace, tmp_path, monkeypatch, full):
    (tmp_path / "tokens.csv").write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, full.__name__, fail)
    with pytest.raises(SurroundingsError, match=r"tokens\.csv: cannot be written: No space left"):
        list(export(trace, tmp_path, chosen(["tokens"])))
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.csv"]
    assert (tmp_path / "tokens.csv").read_text() == "old"
