"""The driver saves the session and records its text, and keeps it safe when no command comes and at its end."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from engine import driver as driver_module
from engine.driver import Driver
from engine.errors import SurroundingsError
from engine.recording import record_text
from engine.session import Session
from engine.session_file import read_session
from engine.trace_file import open_trace


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def session(make_model) -> Session:
    return Session(make_model("llama"), seed=3)


def test_a_session_and_a_trace_are_saved_in_the_worker(session, text, tmp_path):
    driver = Driver(session)
    driver.start()
    driver.send("prompt", ids=text(6))
    driver.send("generate", count=3)
    driver.send("save", path=str(tmp_path / "a.minigpt.json"))
    driver.send("trace", path=str(tmp_path / "a.trace.safetensors"))
    wait(lambda: driver.latest.notice is not None and "trace" in driver.latest.notice)
    driver.close()
    kept, trace = read_session(tmp_path / "a.minigpt.json"), open_trace(tmp_path / "a.trace.safetensors")
    assert kept.tokens == session.tokens == list(trace.tokens) and len(session.tokens) == 9
    assert (trace.about.prompt_length, trace.about.seed) == (6, 3)
    assert trace["logits"].tobytes() == record_text(session.model, session.tokens)["logits"].tobytes()
    assert driver.failure is None


def test_what_cannot_be_written_is_a_notice_and_the_session_goes_on(session, text, tmp_path):
    driver = Driver(session)
    driver.start()
    driver.send("prompt", ids=text(6))
    driver.send("save", path=str(tmp_path / "missing" / "a.minigpt.json"))
    wait(lambda: (driver.latest.notice or "").startswith("error: a.minigpt.json: cannot be written"))
    driver.send("next")
    wait(lambda: len(driver.latest.tokens) == 7)
    driver.close()


def test_the_session_is_kept_when_it_is_quiet_and_at_the_end(session, text, monkeypatch):
    monkeypatch.setattr(driver_module, "QUIET_S", 0.02)
    kept: list[list[int]] = []
    driver = Driver(session, keep=lambda session: kept.append(session.tokens))
    driver.start()
    driver.send("prompt", ids=text(6))
    wait(lambda: bool(kept) and kept[-1] == text(6))
    driver.send("next")
    driver.close()
    assert len(kept[-1]) in (6, 7) and kept[-1] == session.tokens


@pytest.mark.parametrize("error", [SurroundingsError("x: cannot be written: disk full"), ValueError("a bug of ours")])
def test_keeping_that_fails_stops_nothing_and_is_said(session, text, monkeypatch, error):
    monkeypatch.setattr(driver_module, "QUIET_S", 0.02)

    def fail(_: Session) -> None:
        raise error

    driver = Driver(session, keep=fail)
    driver.start()
    driver.send("prompt", ids=text(6))
    if isinstance(error, SurroundingsError):
        wait(lambda: driver.latest.notice == f"error: the session is not kept safe: {error}")
    wait(lambda: driver.failure is (None if isinstance(error, SurroundingsError) else error))
    driver.send("next")
    wait(lambda: len(driver.latest.tokens) == 7)
    driver.close()
