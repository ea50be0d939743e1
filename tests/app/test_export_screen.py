"""The export dialog: what it offers, the files it makes in the background, its progress, its end, its command."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from tui_factory import HOSTILE, application, driver_of, plane, snapshot

from app.cli.main import command_line
from app.screens.exporting import ExportLayer
from engine.driver import Driver
from engine.model import open_model
from engine.session import Session
from engine.session_file import read_session
from engine.trace_file import open_trace
from viewers.export_job import ExportJob
from viewers.exports import EXPORTS, FORMATS, Export, Options, chosen

TABLES = chosen(formats=("csv", "npz"))


def wait(until: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def driver() -> Iterator[Driver]:
    """A real one, with a text of four given tokens and two generated ones."""
    session = Session(open_model("random:gpt2-2x240"), seed=4)
    session.prompt(ids=[1, 2, 3, 4])
    list(session.generate(2))
    made = Driver(session)
    made.start()
    yield made
    made.close()


def finished(job: ExportJob) -> str:
    job.start()
    wait(lambda: job.latest.ended is not None)
    return job.latest.ended or ""


def test_a_job_makes_every_file_and_what_the_driver_saves(driver, tmp_path):
    job = ExportJob(driver, tmp_path / "out", TABLES, Options(), ["t.trace.safetensors", "s.minigpt.json"])
    assert finished(job) == f"{len(TABLES) + 2} files in {tmp_path / 'out'}"
    assert {path.name for path in job.latest.paths} == {path.name for path in (tmp_path / "out").iterdir()}
    trace = open_trace(tmp_path / "out" / "t.trace.safetensors")
    assert list(trace.tokens) == read_session(tmp_path / "out" / "s.minigpt.json").tokens
    with np.load(tmp_path / "out" / "metrics.npz", allow_pickle=False) as metrics:
        assert metrics["token_logprobs"].tobytes() == trace.token_logprobs.tobytes()
    assert job.latest.done == job.latest.total and driver.failure is None


def test_a_job_that_is_stopped_leaves_whole_files(driver, tmp_path):
    job = ExportJob(driver, tmp_path, TABLES * 50, Options(), [])
    job.start()
    wait(lambda: bool(job.latest.paths))
    job.cancel()
    wait(lambda: job.latest.ended is not None)
    assert "stopped" in (job.latest.ended or "") and not list(tmp_path.glob(".minigpt-*"))
    assert driver.latest.busy is None


def test_a_place_that_cannot_be_written_is_said(driver, tmp_path):
    (tmp_path / "taken").write_text("mine")
    assert finished(ExportJob(driver, tmp_path / "taken", TABLES, Options(), [])).startswith("error: ")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_full_disk_is_said(driver, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    for rows, saves in ((TABLES, []), ([], ["s.minigpt.json"])):
        assert "No space left on device" in finished(ExportJob(driver, tmp_path / "out", rows, Options(), saves))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_bug_in_a_picture_is_said_and_reported(driver, tmp_path):
    broken = Export("x", "x", ("png",), "", "math:factorial")
    assert finished(ExportJob(driver, tmp_path, [(broken, "png")], Options(), [])) == "a bug of ours: TypeError"
    assert isinstance(driver.failure, TypeError)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_dialog_fits_and_says_what_it_does(size):
    app = application()
    async with app.run_test(size=size) as pilot:
        await pilot.press("x")
        text = "\n".join(plane(app))
        assert isinstance(app.screen, ExportLayer)
        assert all(
            words in text for words in ("Export this text, 7 tokens", "everything", "light", "minigpt-", "Enter")
        )


async def test_every_choice_can_be_made_and_its_command_is_understood():
    """The command of every state of the dialog parses as `minigpt` and names what is chosen."""
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("x")
        layer = app.screen
        assert isinstance(layer, ExportLayer)
        for what in layer.whats:
            assert layer.what == what
            for form in layer.forms if what not in ("trace", "session") else ():
                layer.form = form
                words = shlex.split(layer.command())
                args = command_line().parse_args(words[1:])
                given = {format for format in FORMATS if getattr(args, format)} or set(FORMATS)
                made = {(row.name, f) for row, f in chosen(args.only or (), tuple(given))}
                assert made == {(row.name, f) for row, f in layer.chosen_rows()}, words
                assert args.ids == [token.id for token in layer.snapshot.tokens] and args.given == 4
            await pilot.press("right")
        assert layer.what == layer.whats[0]


async def test_letters_go_into_the_directory_and_choices_move_by_keys():
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("x", "right", "down", "down", "right", "down")
        layer = app.screen
        assert isinstance(layer, ExportLayer)
        await pilot.press(*["backspace"] * 40, *"a/holY")
        assert (layer.what, layer.dark, layer.where) == (layer.whats[1], True, "a/holY")
        await pilot.press("escape")
        assert not isinstance(app.screen, ExportLayer) and driver_of(app).sent == []


async def test_files_are_made_from_the_dialog_and_named_at_the_end(driver, tmp_path):
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        app.opening.driver = driver
        app.explore.poll()
        await pilot.press("x")
        layer = app.screen
        assert isinstance(layer, ExportLayer)
        layer.what, layer.where = "tables", str(tmp_path / "out")
        await pilot.press("enter")
        assert layer.job is not None
        wait(lambda: layer.job.latest.ended is not None)
        layer.poll()
        await pilot.pause()
        assert any(f"{len(TABLES)} files in" in line for line in plane(app))
        await pilot.press("enter")
        await pilot.pause()
        assert not isinstance(app.screen, ExportLayer)
        assert any(f"{len(TABLES)} files in" in line for line in plane(app))
    assert len(list((tmp_path / "out").iterdir())) == len(TABLES)


async def test_hostile_names_and_paths_are_inert():
    base = snapshot()
    tokens = tuple(replace(token, text=HOSTILE[i % len(HOSTILE)]) for i, token in enumerate(base.tokens))
    app = application(replace(base, tokens=tokens, model_name=HOSTILE[1]))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("x")
        layer = app.screen
        assert isinstance(layer, ExportLayer)
        layer.where = "\x1b[2J[bold]\u202e"
        layer.cursor = 3
        layer.draw()
        await pilot.pause()
        text = "".join(plane(app))
        assert "\x1b" not in text and "\u202e" not in text and "[bold]" in text


def test_the_table_and_the_groups_share_no_name():
    assert not {row.name for row in EXPORTS} & {"everything", "pictures", "pages", "tables", "trace", "session"}
