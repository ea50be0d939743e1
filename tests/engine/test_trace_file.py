"""A trace comes back from its file bit for bit; a file that is none is refused in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from engine.edits import Edit
from engine.errors import FileError, SurroundingsError
from engine.model import open_model
from engine.recording import record_text
from engine.settings import Settings
from engine.trace import Foreseen, Trace
from engine.trace_file import open_trace, save_trace
from engine.weights.writing import save_tensors

NOT_A_NUMBER = np.array([np.nan, np.inf, -np.inf, -0.0], np.float32)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def assert_equal(found: Trace, made: Trace) -> None:
    """Every field of two traces, arrays bit for bit."""
    for name in ("fingerprint", "settings", "about", "tokens", "rows", "dropped"):
        assert getattr(found, name) == getattr(made, name), name
    assert list(found) == list(made) and all(same(found[address], made[address]) for address in made)
    for name in ("candidate_ids", "candidate_logprobs", "entropies", "logprobs", "ranks"):
        assert same(getattr(found.foreseen, name), getattr(made.foreseen, name)), name
    assert found.candidate_texts == made.candidate_texts
    assert same(found.head_contributions, made.head_contributions)
    assert len(found.edits) == len(made.edits)
    for edit, other in zip(found.edits, made.edits, strict=True):
        assert (edit.address, edit.kind, edit.selection) == (other.address, other.kind, other.selection)
        assert np.array_equal(np.asarray(edit.values), np.asarray(other.values))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "x.trace.safetensors"


@pytest.fixture
def trace(make_model, text) -> Trace:
    return record_text(make_model("llama"), text(6), Settings(kv_window=4), prompt_length=4, seed=3)


@pytest.fixture
def write(path) -> Callable[..., Path]:
    """Write a file of these tensors with this JSON, as somebody else might."""

    def write(tensors: dict[str, np.ndarray], raw: object) -> Path:
        save_tensors(path, tensors, {"trace": raw if isinstance(raw, str) else json.dumps(raw)})
        return path

    return write


def test_a_trace_comes_back_as_it_was(model, text, path):
    made = record_text(model, text(6), Settings(kv_window=4), prompt_length=4, seed=3)
    save_trace(made, path)
    assert_equal(open_trace(path), made)


def test_what_was_dropped_stays_dropped(model, text, path):
    made = record_text(model, text(6), budget_bytes=3000)
    save_trace(made, path)
    assert made.dropped
    assert_equal(open_trace(path), made)


def test_edits_with_their_values_come_back(make_model, text, path):
    edits = [Edit("blocks.0.attn.z", "ablate_head", (1,)), Edit("embed", "scale", (0, slice(1, 3)), 0.1),
             Edit("blocks.0.resid_post", "add", (0, 2), np.arange(12, dtype=np.float32) / 3),
             Edit("blocks.1.mlp.post", "mean")]  # fmt: skip
    made = record_text(make_model("gpt2"), text(6), edits=edits)
    save_trace(made, path)
    assert_equal(open_trace(path), made)


def test_what_is_no_number_comes_back_and_hostile_texts_too(trace, path):
    texts = ("</script>", '"quote"', "\u202ebidi", "\x1b[2J", "$\\evil$", "\ud800")
    values = MappingProxyType({**trace.values, "embed": NOT_A_NUMBER})
    made = replace(trace, values=values, about=replace(trace.about, texts=texts, name="\x00\n"))
    save_trace(made, path)
    assert_equal(open_trace(path), made)


def test_two_saves_are_byte_identical_and_a_save_of_what_was_opened_too(trace, path, tmp_path):
    save_trace(trace, path)
    save_trace(trace, tmp_path / "again.trace.safetensors")
    save_trace(open_trace(path), tmp_path / "third.trace.safetensors")
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1


def test_tokens_and_tensors_are_enough(trace, write):
    """What a script elsewhere writes: sizes are read off the arrays, candidates worked out from the logits."""
    addresses = [f"blocks.{i}.{value}" for i in range(2) for value in ("attn.pattern", "attn.k", "resid_post")]
    found = open_trace(write({a: trace[a] for a in (*addresses, "logits")}, {"tokens": list(trace.tokens)}))
    about = found.about
    assert (about.layers, about.heads, about.kv_heads, about.head_size, about.vocab) == (2, 4, 2, 6, 19)
    assert about.texts == tuple(map(str, trace.tokens)) and about.prompt_length == 6 and not about.has_tokenizer
    assert found.rows == () and found.settings == Settings() and np.isnan(found.head_contributions).all()
    assert same(found.candidate_ids, trace.candidate_ids) and same(found.token_logprobs, trace.token_logprobs)


@pytest.mark.parametrize("name", ["gpt2-relu", "llama-biases"])
def test_a_trace_that_transformers_recorded_agrees_with_ours(golden, name):
    """Written by assets/docs/record_transformers.py; every address in it is one of ours."""
    theirs = open_trace(golden / "recorded" / f"{name}.trace.safetensors")
    ours = record_text(open_model(str(golden / "models" / name)), theirs.tokens)
    assert len(theirs.values) > 30 and set(theirs) <= set(ours)
    for address in theirs:
        assert theirs[address].shape == ours[address].shape
        assert np.abs(theirs[address] - ours[address]).max() < 1e-4, address
    assert theirs.token_logprobs[1:] == pytest.approx(ours.token_logprobs[1:], abs=1e-4)


def test_a_foreign_trace_may_hold_little_and_other_types(write):
    tensors = {"blocks.2.resid_post": np.ones((1, 2, 3), np.float64), "mask": np.ones(4, np.int64)}
    found = open_trace(write(tensors, {"tokens": [7, 900], "about": {"name": "peer", "texts": ["a", "b"]}}))
    assert found["blocks.2.resid_post"].dtype == np.float32 and found["mask"].dtype == np.int64
    assert (found.about.layers, found.about.name, found.about.has_tokenizer) == (3, "peer", True)
    assert found.candidate_ids.shape == (2, 0) and found.candidate_texts == {}


VALUE = {"embed": np.zeros((1, 2, 3), np.float32)}
LINE = {"address": "embed"}
PATTERN = {"blocks.0.attn.pattern": np.zeros((1, 2, 2, 3), np.float32)}
FAULTS: list[tuple[dict[str, np.ndarray], Any, str]] = [
    (VALUE, "{", "is not JSON"),
    (VALUE, "[]", "trace: expected an object"),
    (VALUE, '{"tokens": [1], "tokens": [2]}', "there twice"),
    (VALUE, '{"tokens": [NaN]}', "finite"),
    (VALUE, "[" * 100, "levels of nesting"),
    (VALUE, {}, "tokens: expected a list of token ids"),
    (VALUE, {"tokens": []}, "at least one token"),
    ({}, {"tokens": [1]}, "at least one token and one tensor"),
    (VALUE, {"tokens": [1, -1]}, "at place 1"),
    (VALUE, {"tokens": [True]}, "at place 0"),
    (VALUE, {"tokens": [2**31]}, "at place 0"),
    (VALUE, {"tokens": [1, 2], "version": 2}, "newer minigpt"),
    (VALUE, {"tokens": [1, 2], "version": "1"}, "version: expected at most 1"),
    (VALUE, {"tokens": [1, 2], "settings": {"warp": 9}}, "warp: is a setting that this version does not know"),
    (VALUE, {"tokens": [1, 2], "settings": {"kv_window": 0}}, "a number of tokens from 1 up"),
    (VALUE, {"tokens": [1, 2], "settings": [1]}, "settings: expected an object"),
    (VALUE, {"tokens": [1, 2], "fingerprint": 3}, "fingerprint: expected a text"),
    (VALUE, {"tokens": [1, 2], "about": {"texts": ["a"]}}, "texts: expected 2 (one for each token), got 1"),
    (VALUE, {"tokens": [1, 2], "about": {"texts": ["a", 2]}}, "texts: expected texts, got 2 at place 1"),
    (VALUE, {"tokens": [1, 2], "about": {"layers": 10**12}}, "layers: expected a whole number"),
    (VALUE, {"tokens": [1, 2], "about": {"layers": 9999, "heads": 9999}}, "about: expected fewer than 9999 layers"),
    (VALUE, {"tokens": [1, 2], "about": {"layers": 2, "windows": [1]}}, "windows: expected 2 (one for each layer)"),
    (VALUE, {"tokens": [1, 2], "about": {"prompt_length": 3}}, "prompt_length: expected a whole number from 0 to 2"),
    (VALUE, {"tokens": [1, 2], "lines": [3]}, "lines: expected objects, got 3 at place 0"),
    (VALUE, {"tokens": [1, 2], "lines": [{}]}, "address: expected a text, got no such key"),
    (VALUE, {"tokens": [1, 2], "lines": [{"address": "a b"}]}, "lines: 0: expected an address"),
    (VALUE, {"tokens": [1, 2], "lines": [LINE | {"shape": [-1]}]}, "shape: expected sizes"),
    (VALUE, {"tokens": [1, 2], "lines": [LINE | {"flops": 1.5}]}, "flops: expected a whole number"),
    (VALUE, {"tokens": [1, 2], "lines": [LINE | {"elapsed_s": -1}]}, "elapsed_s: expected a number"),
    (VALUE, {"tokens": [1, 2], "dropped": "embed"}, "dropped: expected a list of texts"),
    (VALUE, {"tokens": [1, 2], "candidate_texts": {"x": "y"}}, "candidate_texts: x"),
    (VALUE, {"tokens": [1, 2], "edits": [{"address": "embed"}]}, "edits: 0"),
    ({"a b": VALUE["embed"]}, {"tokens": [1, 2]}, "a b: expected an address"),
    ({"blocks.999999.attn.q": VALUE["embed"]}, {"tokens": [1, 2]}, "expected fewer than 1000000 layers"),
    (PATTERN, {"tokens": [1, 2]}, "blocks.0.attn.pattern: expected (1, 2, 2, 2) for 2 tokens, got (1, 2, 2, 3)"),
    ({"logits": np.zeros((2, 5), np.float32)}, {"tokens": [1, 2]}, "logits: expected (1, 2, 5)"),
    ({"logits": np.zeros((1, 2, 0), np.float32)}, {"tokens": [1, 2]}, "logits: expected (1, 2, 1)"),
    ({"logits": np.zeros((1, 2, 5), np.float32)}, {"tokens": [1, 5]}, "tokens: expected ids from 0 to 4, got 5"),
    (VALUE | {"trace.candidate_ids": np.zeros((3, 2), np.int32)}, {"tokens": [1, 2]}, "expected I32 (2, 2), got I32"),
    (VALUE | {"trace.candidate_ids": np.zeros((2, 2), np.int32)}, {"tokens": [1, 2]}, "got no such tensor"),
    (VALUE | {"trace.head_contributions": np.zeros(1, np.float32)}, {"tokens": [1, 2]}, "expected F32 (0, 0, 2)"),
]  # fmt: skip


@pytest.mark.parametrize(("tensors", "raw", "words"), FAULTS)
def test_what_is_no_trace_is_refused_in_one_line(write, tensors, raw, words):
    with pytest.raises(FileError) as refusal:
        open_trace(write(tensors, raw))
    line = str(refusal.value)
    assert words in line and line.startswith("x.trace.safetensors: ") and len(line) <= 400 and line.isprintable()


def test_a_model_is_not_a_trace(path):
    save_tensors(path, VALUE, {"format": "pt"})
    with pytest.raises(FileError, match="is not a trace: its metadata has no 'trace'"):
        open_trace(path)


def test_a_truncated_or_flipped_file_is_refused_or_opens_whole(trace, path):
    """Any prefix is refused; no flipped byte of the header makes anything but a FileError."""
    save_trace(trace, path)
    whole = path.read_bytes()
    for length in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError):
            open_trace(path)
    header = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    for at in rng.integers(0, header, 300):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ int(rng.integers(1, 256))]) + whole[at + 1 :])
        try:
            open_trace(path)
        except FileError as error:
            assert len(str(error)) <= 400


def test_a_full_disk_leaves_the_old_trace(trace, path, monkeypatch):
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SurroundingsError, match="No space left on device; the old file is untouched"):
        save_trace(trace, path)
    assert path.read_text() == "old" and len(list(path.parent.iterdir())) == 1


def test_a_trace_without_logits_is_saved(make_model, text, path):
    made = record_text(make_model("gpt2"), text(6), keep=["embed"])
    empty = Foreseen(np.zeros((6, 0), np.int32), np.zeros((6, 0), np.float32), MappingProxyType({}),
                     *(np.full(6, np.nan, np.float32),) * 2, np.zeros(6, np.int32))  # fmt: skip
    save_trace(replace(made, foreseen=empty), path)
    assert open_trace(path).candidate_ids.shape == (6, 0)
