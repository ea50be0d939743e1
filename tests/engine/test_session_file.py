"""A session is reopened as it was; a file that is none is refused in one line, before any model is opened."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.edits import Edit
from engine.errors import FileError, InputError, SurroundingsError
from engine.model import open_model
from engine.passes import GENERATING
from engine.sampling import Sampler
from engine.session import Session
from engine.session_file import model_spec, read_session, restore, save_session, saved
from engine.settings import Settings


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "x.minigpt.json"


@pytest.fixture
def session(make_model, text) -> Session:
    """A text with two places where another token was chosen, under settings that are not the default."""
    session = Session(make_model("llama"), Settings(kv_window=20, int8="mlp"), Sampler(0.9, 7), seed=5)
    session.prompt(ids=text(6))
    list(session.generate(5))
    session.choose(8, (session.tokens[8] + 1) % 19)
    list(session.generate(3))
    session.choose(7, (session.tokens[7] + 1) % 19)
    list(session.generate(4))
    session.activate(1)
    session.take_edits([
        Edit("blocks.0.attn.z", "ablate_head", (1,)), Edit("embed", "scale", (0, slice(1, 3)), 0.5),
        Edit("blocks.0.resid_post", "add", (0, 2), np.arange(12, dtype=np.float32) / 3),
    ])  # fmt: skip
    session.breakpoints = {"blocks.1.attn.pattern"}
    session.restep(GENERATING)
    return session


def reopened(session: Session, path: Path) -> Session:
    save_session(saved(session), path)
    return restore(read_session(path), session.model)


def tree(session: Session) -> list[tuple[list[int], list[bool]]]:
    paths = [list(end.path())[::-1] for end in session.branch_ends()]
    return [([node.id for node in path], [node.generated for node in path]) for path in paths]


def test_a_session_is_reopened_as_it_was(session, path):
    found = reopened(session, path)
    assert found.tokens == session.tokens and tree(found) == tree(session) and len(tree(session)) == 3
    assert (found.settings, found.sampler, found.seed) == (session.settings, session.sampler, session.seed)
    assert (found.breakpoints, found.pass_kind) == (session.breakpoints, session.pass_kind)
    assert [(e.address, e.kind, e.selection) for e in found.edits] == [
        (e.address, e.kind, e.selection) for e in session.edits
    ]
    assert all(np.array_equal(a.values, b.values) for a, b in zip(found.edits[1:], session.edits[1:], strict=True))


def test_it_goes_on_with_the_same_tokens(session, path):
    found = reopened(session, path)
    going_on = [token.id for token in found.generate(8)]
    assert going_on == [token.id for token in session.generate(8)]
    found.take_back()
    assert found.next_token().id == going_on[-1]


def test_every_branch_can_be_returned_to_and_foresees_as_before(session, path):
    found = reopened(session, path)
    for branch in range(3):
        found.activate(branch)
        session.activate(branch)
        assert found.tokens == session.tokens
        for mine, theirs in zip(found.nodes[1:], session.nodes[1:], strict=True):
            assert mine.logprob == pytest.approx(theirs.logprob, abs=1e-4)
            assert (mine.rank, mine.generated) == (theirs.rank, theirs.generated)


def test_a_session_without_a_text_is_reopened_too(make_model, path):
    found = reopened(Session(make_model("gpt2"), seed=9), path)
    assert found.leaf is None and found.seed == 9


def test_saving_twice_gives_the_same_bytes(session, path):
    save_session(saved(session), path)
    first = path.read_bytes()
    save_session(saved(restore(read_session(path), session.model)), path)
    assert path.read_bytes() == first


def test_what_is_said_of_the_text_needs_no_model(session, path):
    save_session(saved(session), path)
    kept = read_session(path)
    assert kept.tokens == session.tokens and kept.given == 6


def test_a_model_is_named_so_that_it_is_found_from_anywhere(golden, monkeypatch, tmp_path):
    monkeypatch.chdir(golden)
    spec = model_spec(open_model("models/gpt2-relu"))
    monkeypatch.chdir(tmp_path)
    assert open_model(spec).name == "gpt2-relu"
    assert model_spec(open_model("shakespeare")) == "shakespeare"
    assert model_spec(open_model("random:gpt2-2x240:3")) == "random:gpt2-2x240:3"


def test_other_weights_are_said_and_can_be_taken_anyway(session, make_model, path):
    save_session(saved(session), path)
    other = make_model("llama", 1)
    with pytest.raises(InputError, match=r"has other weights than the session was saved with.*--anyway"):
        restore(read_session(path), other)
    assert restore(read_session(path), other, anyway=True).tokens == session.tokens
    with pytest.raises(InputError, match="is this another model"):
        restore(read_session(path), make_model("gpt2", vocab_size=3), anyway=True)


GOOD: dict[str, Any] = {"minigpt_session": 1, "model": "m", "nodes": [[5, -1, 0], [6, 0, 1]], "leaf": 1}
FAULTS: list[tuple[dict[str, Any] | str, str]] = [
    ("{", "is not JSON"),
    ("[1]", "is not a session"),
    ("{}", "is not a session"),
    ('{"minigpt_session": 1, "minigpt_session": 1}', "there twice"),
    ({"minigpt_session": 2}, "a newer version wrote it"),
    ({"minigpt_session": "1"}, "minigpt_session: expected at most 1"),
    ({"model": None}, "model: expected a text"),
    ({"nodes": None}, "nodes: expected a list"),
    ({"nodes": [[5, -1]]}, "nodes: expected lists of an id"),
    ({"nodes": [[5, -1, 2]]}, "at place 0"),
    ({"nodes": [[-5, -1, 0]]}, "at place 0"),
    ({"nodes": [[5, 0, 0]]}, "expected the first to have no parent"),
    ({"nodes": [[5, -1, 0], [6, 1, 0]]}, "got 1 at place 1"),
    ({"nodes": [[5, -1, 0], [6, -1, 0]]}, "got -1 at place 1"),
    ({"leaf": 2}, "leaf: expected the index of a node, 0 to 1, got 2"),
    ({"leaf": -1}, "leaf: expected"),
    ({"leaf": True}, "leaf: expected"),
    ({"seed": -1}, "seed: expected"),
    ({"pass": "sideways"}, "pass: expected one of plain"),
    ({"settings": {"warp": 1}}, "warp: is a setting"),
    ({"sampler": {"temperature": -1}}, "temperature: expected 0"),
    ({"sampler": {"heat": 1}}, "sampler: "),
    ({"edits": [3]}, "edits: edit: expected an object"),
    ({"edits": [{"address": "a", "kind": "melt"}]}, "expected one of zero"),
    ({"breakpoints": [1]}, "breakpoints: expected texts"),
    ({"fingerprint": 1}, "fingerprint: expected a text"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_what_is_no_session_is_refused_in_one_line(path, change, words):
    path.write_text(change if isinstance(change, str) else json.dumps(GOOD | change))
    with pytest.raises(FileError) as refusal:
        read_session(path)
    line = str(refusal.value)
    assert words in line and line.startswith("x.minigpt.json: ") and len(line) <= 400 and line.isprintable()


def test_a_good_one_is_read(path):
    path.write_text(json.dumps(GOOD))
    assert read_session(path).tokens == [5, 6]


def test_a_full_disk_leaves_the_old_session(session, path, monkeypatch):
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SurroundingsError, match="No space left"):
        save_session(saved(session), path)
    assert path.read_text() == "old" and len(list(path.parent.iterdir())) == 1


def test_an_edit_that_json_cannot_hold_is_said(session, path):
    kept = replace(saved(session), edits=(Edit("embed", "set", (), float("inf")),))
    with pytest.raises(InputError, match="NaN or infinity"):
        save_session(kept, path)
    assert not path.exists()
