"""The training driver: commands, what its snapshots say, and that nothing which was done is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.training import driver as module
from engine.training import history
from engine.training.checkpoints import checkpoints, newest
from engine.training.driver import INTERVAL_S, TrainingDriver
from engine.training.history import Gathered
from engine.training.snapshot import DONE, NONE, PAUSED, RUNNING, STOPPED, History, TrainingSnapshot
from tests.engine.training.bigram import Bigram, Result, plan


def until(
    driver: TrainingDriver, true: Callable[[TrainingSnapshot], object], seconds: float = 10.0
) -> TrainingSnapshot:
    end = time.monotonic() + seconds
    while not true(driver.latest):
        assert time.monotonic() < end, driver.latest
        time.sleep(0.002)
    return driver.latest


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingDriver]:
    """It knows one preset: the hand-made model."""

    def load(preset, file, settings):
        options = dict(setting.split("=") for setting in settings)
        return plan(**{key: int(value) for key, value in options.items()})

    monkeypatch.setattr(module, "load_plan", load)
    made = TrainingDriver(Bigram)
    made.start()
    yield made
    made.close(5)
    assert not made.is_alive


def ready(driver: TrainingDriver, corpus: Path, out: Path, *settings: str) -> TrainingSnapshot:
    driver.begin("tiny", [str(corpus)], out, settings)
    return until(driver, lambda s: s.state == PAUSED or s.notice)


def test_a_run_waits_after_it_has_begun_with_an_estimate_and_a_first_look(driver, corpus, tmp_path):
    s = ready(driver, corpus, tmp_path / "run")
    assert (s.state, s.step, s.steps, s.notice) == (PAUSED, 0, 40, None)
    assert s.estimate.updates == 40 and s.left_s == s.estimate.total_s > 0
    assert "1 layer," in s.model_line and "to learn from" in s.data_line and s.out == tmp_path / "run"
    first = s.seen[0]
    assert first.step == 0 and first.path == tmp_path / "run" / "step-000000" and first.path.is_dir()
    assert len(first.tokens) == len(first.ids) == first.patterns[0].shape[-1] and "".join(first.tokens) == first.prompt


def test_one_step_is_one_update_and_waits(driver, corpus, tmp_path):
    ready(driver, corpus, tmp_path / "run")
    driver.step()
    s = until(driver, lambda s: s.step == 1 and s.state == PAUSED)
    time.sleep(0.05)
    assert driver.latest is s and len(s.losses) == 1 and s.losses[0, 0] == 1


def test_a_run_to_the_end_shows_what_its_log_says(driver, corpus, tmp_path):
    ready(driver, corpus, tmp_path / "run")
    driver.run()
    s = until(driver, lambda s: s.state == DONE)
    rows = driver._trainer.run.rows()
    assert s.losses.tolist() == [[r["step"], r["loss"]] for r in rows]
    assert s.rates[:, 1].tolist() == [r["learning_rate"] for r in rows]
    assert s.norms[:, 1].tolist() == [r["gradient_norm"] for r in rows]
    assert s.validation.tolist() == [[r["step"], r["validation_loss"]] for r in rows if "validation_loss" in r]
    assert s.loss == rows[-1]["loss"] and s.best_validation_loss == min(s.validation[:, 1])
    assert dict(s.update_ratios) == rows[-1]["update_ratios"] and s.ratios_step == 40
    assert [seen.step for seen in s.seen] == [0, *range(4, 41, 4)]
    assert s.left_s == 0 and s.tokens_per_s > 0 and "done" in s.notice
    driver.run()
    assert "all 40 updates are done" in until(driver, lambda s: "error" in (s.notice or "")).notice


def test_pause_answers_within_one_update_and_run_goes_on(driver, corpus, tmp_path):
    ready(driver, corpus, tmp_path / "run", "steps=100000", "checkpoint_every=100000")
    driver.run()
    until(driver, lambda s: s.state == RUNNING and s.step > 3)
    driver.pause()
    s = until(driver, lambda s: s.state == PAUSED)
    time.sleep(0.05)
    assert driver.latest is s and s.busy is None
    driver.run()
    until(driver, lambda later: later.step > s.step)


def test_stop_saves_and_lets_go_and_the_run_is_gone_on_with(driver, corpus, tmp_path):
    out = tmp_path / "run"
    ready(driver, corpus, out, "checkpoint_every=1000")
    for _ in range(7):
        driver.step()
    driver.stop()
    s = until(driver, lambda s: s.state == STOPPED)
    assert "step-000007" in s.notice and str(out) in s.notice and s.step == 7 and len(s.losses) == 7
    assert newest(out)[0].state.update == 7
    driver.resume(out)
    s = until(driver, lambda s: s.state == PAUSED)
    assert s.step == 7 and len(s.losses) == 7 and s.seen[0].step == 7
    driver.step()
    until(driver, lambda s: s.step == 8 and s.state == PAUSED)


def test_closing_saves_what_runs(driver, corpus, tmp_path):
    ready(driver, corpus, tmp_path / "run", "steps=100000", "checkpoint_every=100000")
    driver.run()
    until(driver, lambda s: s.step > 5)
    driver.close(10)
    s = driver.latest
    assert not driver.is_alive and s.state == STOPPED and newest(tmp_path / "run")[0].state.update == s.step > 5


def test_closing_breaks_off_a_long_validation_and_saves(driver, corpus, tmp_path, monkeypatch):
    entered = threading.Event()

    def slow(self, tokens, targets):
        entered.set()
        time.sleep(0.05)
        return 1.0, 1

    monkeypatch.setattr(Bigram, "loss", slow)
    ready(driver, corpus, tmp_path / "run", "validate_every=1", "validation_windows=0", "checkpoint_every=1000")
    driver.run()
    assert entered.wait(5)
    started = time.monotonic()
    driver.close(10)
    assert time.monotonic() - started < 2 and newest(tmp_path / "run")[0].state.update == driver.latest.step == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (lambda d, at: d.begin("tiny", [str(at / "none.txt")], at / "run"), "none.txt"),
        (lambda d, at: d.begin("tiny", [str(at / "latin.txt")], at / "run"), "is not UTF-8"),
        (lambda d, at: d.begin("tiny", [str(at / "zero.txt")], at / "run"), "NUL"),
        (lambda d, at: d.resume(at / "nothing"), "no such directory"),
        (lambda d, at: d.run(), "there is no run"),
        (lambda d, at: d.step(), "there is no run"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_the_driver_goes_on(driver, corpus, tmp_path, command, said):
    (tmp_path / "latin.txt").write_bytes("déjà vu".encode("latin-1"))
    (tmp_path / "zero.txt").write_bytes(b"a\0b")
    command(driver, tmp_path)
    s = until(driver, lambda s: s.notice)
    assert said in s.notice and s.notice.startswith("error: ") and "\n" not in s.notice and s.state == NONE
    assert not (tmp_path / "run").exists() and driver.failure is None
    driver.begin("tiny", [str(corpus)], tmp_path / "run")
    assert until(driver, lambda s: s.state == PAUSED).notice is None


def test_a_run_that_diverges_says_so_and_stays_where_it_was(driver, corpus, tmp_path, monkeypatch):
    ready(driver, corpus, tmp_path / "run")
    driver.step()
    until(driver, lambda s: s.step == 1 and s.state == PAUSED)
    monkeypatch.setattr(Bigram, "gradients", lambda *a: Result(np.nan, 1))
    driver.run()
    s = until(driver, lambda s: s.notice)
    assert s.state == PAUSED and "not finite" in s.notice and s.step == 1


def test_a_bug_of_ours_is_kept_and_said(driver, corpus, tmp_path, monkeypatch):
    ready(driver, corpus, tmp_path / "run")
    monkeypatch.setattr(Bigram, "gradients", lambda *a: 1 / 0)
    driver.step()
    s = until(driver, lambda s: s.notice)
    assert "internal error" in s.notice and isinstance(driver.failure, ZeroDivisionError) and s.state == PAUSED


def test_snapshots_are_at_most_thirty_a_second(driver, corpus, tmp_path):
    first = ready(driver, corpus, tmp_path / "run", "steps=100000", "checkpoint_every=100000", "validate_every=100000")
    driver.run()
    started = time.monotonic()
    s = until(driver, lambda s: s.step > 300)
    assert s.version - first.version <= (time.monotonic() - started) / INTERVAL_S + 3


def test_a_snapshot_never_changes(driver, corpus, tmp_path):
    ready(driver, corpus, tmp_path / "run", "steps=600", "validate_every=600", "checkpoint_every=600")
    driver.step()
    s = until(driver, lambda s: s.step == 1 and s.state == PAUSED)
    before = s.losses.copy()
    driver.run()
    until(driver, lambda s: s.state == DONE)
    assert s.losses.shape == (1, 2) and (s.losses == before).all()
    with pytest.raises(ValueError, match="read-only"):
        s.losses[0, 1] = 0


def test_old_checkpoints_are_thinned_out_in_memory_and_pruned_on_the_disk(driver, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(history, "MOST_SEEN", 8)
    out = tmp_path / "run"
    ready(driver, corpus, out, "steps=20", "checkpoint_every=1", "validate_every=200", "sample_tokens=0")
    driver.run()
    s = until(driver, lambda s: s.state == DONE, 30)
    steps = [seen.step for seen in s.seen]
    assert len(steps) <= 8 and steps[0] == 0 and steps[-1] == 20 and steps == sorted(set(steps))
    assert [seen.path.is_dir() for seen in s.seen][-1] and len(checkpoints(out)) <= 3


def test_history_grows_without_touching_what_was_seen():
    rows = History(2)
    for i in range(256):
        rows.add(i, -i)
    old = rows.view()
    rows.add(256, -256)
    assert len(old) == 256 and rows.view()[-1].tolist() == [256, -256] and Gathered().losses.view().shape == (0, 2)
