"""`minigpt quantize`: what it writes opens again and gives the logits of the settings, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

MODEL = "random:sinusoidal-2x64"


@pytest.mark.parametrize(
    "flags", [[], ["--int8", "mlp", "--int8-embedding"], ["--rank", "8"], ["--int8", "all", "--rank", "8", "--tie"]]
)
def test_the_written_model_gives_the_same_logits(minigpt, tmp_path, flags):
    assert minigpt("quantize", MODEL, "-o", tmp_path / "small", *flags).code == 0
    settings = flags or ["--int8", "all"]
    for how in ([], ["--no-optimize"]):
        first, second = tmp_path / "a.npy", tmp_path / "b.npy"
        assert minigpt("logits", MODEL, "--ids", "1,2,3,1", "-o", first, *settings, *how).code == 0
        assert minigpt("logits", tmp_path / "small", "--ids", "1,2,3,1", "-o", second, *how).code == 0
        assert first.read_bytes() == second.read_bytes() and np.isfinite(np.load(first)).all()


def test_it_tells_bytes_by_part_and_the_error_of_each_matrix(minigpt, tmp_path):
    told = minigpt("quantize", MODEL, "-o", tmp_path / "q", "--json").json
    parts, file = told["bytes"], tmp_path / "q" / "model.safetensors"
    assert 0.25 < parts["attention"]["after"] / parts["attention"]["float32"] < 0.28
    assert parts["norms"]["after"] == parts["norms"]["float32"]
    total = sum(row["after"] for row in parts.values())
    header = int.from_bytes(file.read_bytes()[:8], "little") + 8
    assert file.stat().st_size == total + header
    assert len(told["errors"]) == 2 * 6 and all(0 < error < 0.02 for error in told["errors"].values())
    table = minigpt("quantize", MODEL, "-o", tmp_path / "q2").out
    assert "attention" in table and "blocks.1.mlp.down.weight" in table and "%" in table


def test_a_tokenizer_comes_along_and_perplexity_is_measured(minigpt, tmp_path, reader):
    (tmp_path / "text").write_text("the quick brown fox " * 20)
    told = minigpt("quantize", reader, "-o", tmp_path / "q", "--text", tmp_path / "text", "--json").json
    assert (tmp_path / "q" / "tokenizer.json").read_bytes() == (reader / "tokenizer.json").read_bytes()
    assert told["perplexity"]["after"] == pytest.approx(told["perplexity"]["before"], rel=0.1)
    evaluated = minigpt("eval", tmp_path / "q", "--text", tmp_path / "text", "--json").json
    assert evaluated["perplexity"] == told["perplexity"]["after"]


def test_a_written_model_runs_by_default_as_it_was_written(minigpt, tmp_path, reader):
    minigpt("quantize", reader, "-o", tmp_path / "q", "--int8", "all", "--rank", "4")
    info = minigpt("info", tmp_path / "q", "--json").json
    assert info["program"]["settings"] == ["--int8", "all", "--rank", "4"]
    assert "linear_int8" in minigpt("step", tmp_path / "q", "-p", "a", "--program").out
    plain = minigpt("step", tmp_path / "q", "-p", "a", "--program", "--int8", "none").out
    assert "linear_int8" not in plain
    assert minigpt("check", tmp_path / "q").out.startswith("yes")


def test_what_would_lose_more_than_asked_is_refused(minigpt, tmp_path, reader):
    assert "that is the model itself" in minigpt("quantize", reader, "-o", reader).error
    minigpt("quantize", reader, "-o", tmp_path / "q")
    result = minigpt("quantize", tmp_path / "q", "-o", tmp_path / "r", "--rank", "2")
    assert result.code == 2 and "is rewritten already" in result.error and not (tmp_path / "r").exists()
    assert minigpt("quantize", reader, "-o", tmp_path / "s", "--int8", "most").code == 2
