"""Edits through the worker: the commands, what they publish, and that a snapshot with them travels."""

from __future__ import annotations

import time

import pytest

from engine.driver import Driver
from engine.link.classes import travelling
from engine.link.codec import Decoder, Encoder
from engine.model import open_model
from engine.session import Session
from engine.trace_file import open_trace


@pytest.fixture
def driver():
    session = Session(open_model("random:sinusoidal-2x64"))
    session.prompt(ids=[1, 2, 3, 4, 5])
    made = Driver(session)
    made.start()
    yield made
    made.close()


def done(driver: Driver, command: str, **arguments: str):
    """The snapshot after a command."""
    before = driver.latest.version
    driver.send(command, **arguments)
    deadline = time.monotonic() + 20
    while driver.latest.version == before or driver.latest.busy:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert driver.failure is None
    return driver.latest


def test_edits_come_and_go_by_commands(driver):
    shown = done(driver, "run_until", address="blocks.1.resid_pre")
    cursor = shown.stepping.cursor
    shown = done(driver, "edit", text="blocks.0.attn.pattern:ablate_head:0")
    assert [edit.text for edit in shown.stepping.edits] == ["blocks.0.attn.pattern:ablate_head:0"]
    assert shown.stepping.cursor == cursor + 1 and shown.notice == str(shown.effect)
    assert not shown.stepping.values["blocks.0.attn.pattern"][:, 0].any()
    shown = done(driver, "undo_edit")
    assert not shown.stepping.edits and shown.effect is None and shown.stepping.cursor == cursor
    assert done(driver, "redo_edit").effect is not None
    assert done(driver, "clear_edits").effect is None


def test_a_wrong_edit_is_said_and_changes_nothing(driver):
    shown = done(driver, "edit", text="embed:zero:*,99")
    assert shown.notice.startswith("error: ") and "99 is not one of its 5 places" in shown.notice
    assert not shown.stepping.edits


def test_a_trace_is_recorded_with_the_edits_that_its_text_takes(driver, tmp_path):
    done(driver, "edit", text="blocks.0.mlp.out:zero")
    done(driver, "edit", text="embed:zero:*,4")
    done(driver, "prompt", ids=[3, 2, 1])
    path = str(tmp_path / "a.trace.safetensors")
    assert done(driver, "trace", path=path).notice == f"saved as {path}"
    trace = open_trace(path)
    assert [str(edit) for edit in trace.edits] == ["blocks.0.mlp.out:zero"] and not trace["blocks.0.mlp.out"].any()


def test_after_another_text_the_effect_is_measured_again_by_stepping_it_anew(driver):
    old = done(driver, "edit", text="embed:scale=2").effect
    done(driver, "prompt", ids=[3, 2, 1])
    assert done(driver, "restep").effect.ids == (3, 2, 1) != old.ids


def test_a_snapshot_with_edits_and_lens_travels(driver):
    done(driver, "run_until", address="blocks.1.resid_pre")
    done(driver, "edit", text="embed:scale=2")
    shown = done(driver, "lens", position=2)
    found = Decoder(travelling()).decode(*Encoder(travelling()).encode(shown))
    assert found.effect == shown.effect and found.lens == shown.lens and found.lens.rows
    assert found.stepping.edits == shown.stepping.edits and found.stepping.rows[5].ins == shown.stepping.rows[5].ins
