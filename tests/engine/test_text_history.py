"""Changes of the text are undone and done again with the same numbers; the tree keeps every path that was tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from engine.driver import Driver
from engine.sampling import Sampler
from engine.sampling_stages import stages_of
from engine.session import Session
from engine.views import SnapshotMaker


@pytest.fixture
def session(make_model, text) -> Session:
    session = Session(make_model("llama"), sampler=Sampler(), seed=5)
    session.prompt(ids=text(4))
    return session


@pytest.fixture
def do(session) -> Iterator[Callable[..., list[int]]]:
    """Do a command and return the ids that are then the text."""
    driver = Driver(session)
    driver.start()

    def send(command: str, **arguments: Any) -> list[int]:
        version = driver.latest.version
        driver.send(command, **arguments)
        end = time.monotonic() + 20
        while (driver.latest.version == version or driver.latest.busy) and time.monotonic() < end:
            time.sleep(0.002)
        send.notice = driver.latest.notice  # type: ignore[attr-defined]
        return [token.id for token in driver.latest.tokens]

    yield send
    assert driver.failure is None
    driver.close()


def test_every_kind_of_change_is_undone_and_done_again(do, session, text):
    texts = [session.tokens]
    for command in (("generate", {"count": 3}), ("take_back", {}), ("choose", {"position": 3, "id": 1}),
                    ("generate", {"count": 1}), ("prompt", {"ids": text(3)}), ("generate", {"count": 2})):  # fmt: skip
        texts.append(do(command[0], **command[1]))
    assert len(set(map(tuple, texts))) == len(texts)
    assert [do("undo_text") for _ in texts[1:]] == texts[-2::-1]
    assert do("undo_text") == texts[0] and do.notice == "error: there is no earlier text to go back to"
    assert [do("redo_text") for _ in texts[1:]] == texts[1:]
    assert do("redo_text") == texts[-1] and do.notice == "error: no change of the text was undone"


def test_a_text_that_came_back_has_the_numbers_of_a_fresh_one(do, session, make_model):
    do("generate", count=3)
    do("prompt", ids=[1, 2])
    do("undo_text")
    fresh = Session(make_model("llama"))
    fresh.prompt(ids=session.tokens)
    assert np.allclose(session.leaf.logits, fresh.leaf.logits, atol=1e-5)
    assert session.decoder.ids == session.tokens
    expected = SnapshotMaker(fresh).make()
    for mine, other in zip(SnapshotMaker(session).make().tokens, expected.tokens, strict=True):
        assert mine.rank == other.rank and mine.logprob == pytest.approx(other.logprob, abs=1e-4)


def test_a_new_change_forgets_what_was_undone(do):
    do("generate", count=2)
    do("undo_text")
    do("choose", position=2, id=1)
    do("redo_text")
    assert do.notice == "error: no change of the text was undone"


def test_a_token_taken_back_hangs_in_the_tree_once_after_undo(do, session):
    do("generate", count=2)
    do("take_back")
    do("undo_text")
    assert [child.id for node in session.nodes for child in node.children] == session.tokens[1:]
    assert len(session.branch_ends()) == 1


def test_a_change_that_failed_is_no_change(do):
    do("generate", count=1)
    do("choose", position=99, id=1)
    do("undo_text")
    assert do("undo_text") and do.notice == "error: there is no earlier text to go back to"


def test_the_tree_says_who_left_whom_where_and_how_likely(session):
    """abcd ef, then x in place of c (position 2), then y in place of what follows x."""
    for _ in session.generate(2):
        pass
    first = session.tokens
    session.choose(2, 1 if first[2] != 1 else 2)
    for _ in session.generate(2):
        pass
    second = session.tokens
    session.choose(4, 3 if second[4] != 3 else 4)
    third = session.tokens
    rows = SnapshotMaker(session).make().branches
    by_length = {(row.depth, row.starts_at): row for row in rows}
    assert set(by_length) == {(0, 0), (1, 2), (2, 4)}
    assert [row.active for row in rows].count(True) == 1 and by_length[2, 4].active
    assert [row.length for row in (by_length[0, 0], by_length[1, 2], by_length[2, 4])] == [6, 5, 5]
    nodes = session.nodes
    assert by_length[2, 4].first_logprob == nodes[4].logprob and by_length[2, 4].logprob == nodes[4].logprob
    assert by_length[1, 2].first_logprob == nodes[2].logprob
    assert by_length[2, 4].own_text == session.decode(third[4:])
    assert by_length[1, 2].own_text == session.decode(second[2:]) and by_length[0, 0].own_text == session.decode(first)


def test_stages_of_sampling_by_hand():
    """p = 1/2, 1/4, 1/8, 1/8; top-k 3 leaves 7/8 of it, then top-p 0.8 the first two: 3/4."""
    logits = np.log(np.array([0.5, 0.25, 0.125, 0.125], np.float32))
    model, penalty, tempered, top_k, top_p = stages_of(logits, Sampler(1.0, 3, 0.8), [])
    assert (model.name, model.left, round(model.mass, 6), model.changed) == ("model", 4, 1.0, 0)
    assert model.entropy == pytest.approx(1.75 * np.log(2), abs=1e-6) and model.best == pytest.approx(0.5)
    assert penalty.changed == tempered.changed == 0
    assert (top_k.left, top_k.changed) == (3, 1) and top_k.mass == pytest.approx(0.875)
    assert top_k.best == pytest.approx(4 / 7, abs=1e-6)
    assert (top_p.left, top_p.changed) == (2, 1) and top_p.mass == pytest.approx(0.75)
    assert top_p.best == pytest.approx(2 / 3, abs=1e-6)


def test_temperature_penalty_and_greedy_are_stages_too():
    logits = np.array([2.0, 1.0, 0.0, -1.0], np.float32)
    _, penalty, tempered, *_ = stages_of(logits, Sampler(0.5, repetition_penalty=2.0), [0, 3])
    assert (
        penalty.changed == 2 and penalty.left == 4 and penalty.best == pytest.approx(np.e / (2 * np.e + 1 + np.exp(-2)))
    )
    assert tempered.changed == 3 and tempered.entropy < penalty.entropy
    *_, greedy = stages_of(logits, Sampler(0.0), [])
    assert (greedy.name, greedy.left, greedy.entropy, greedy.best) == ("greedy", 1, 0.0, 1.0)
    assert stages_of(np.array([1.0, np.nan], np.float32), Sampler(), []) == ()


def test_the_snapshot_has_the_stages_of_its_last_token(session):
    session.resample(top_k=5)
    assert SnapshotMaker(session).make().stages == stages_of(session.leaf.logits, session.sampler, session.tokens)
