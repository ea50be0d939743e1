"""A trace in the terminal app: the main screen shows it without its model, and refuses in one line what needs one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tui_factory import plane

from app.screens.application import MiniGPTApp
from app.screens.exporting import ExportLayer
from app.screens.layers import AskLayer
from app.screens.looking import command_of
from app.tui import opening_from
from engine.errors import FileError, InputError
from engine.model import open_model
from engine.recording import record_text
from engine.trace import Trace
from engine.trace_driver import TraceDriver
from engine.trace_file import save_trace
from viewers.numbers import percent_text

IDS = [5, 17, 3, 17, 90]


@pytest.fixture(scope="module")
def trace() -> Trace:
    return record_text(open_model("random:gpt2-2x240"), IDS, prompt_length=3)


@pytest.fixture
def path(trace, tmp_path) -> Path:
    save_trace(trace, tmp_path / "x.trace.safetensors")
    return tmp_path / "x.trace.safetensors"


@pytest.fixture
def app(path) -> MiniGPTApp:
    opening = opening_from([str(path)])
    opening.start()
    opening._thread.join()
    assert opening.error is None and isinstance(opening.driver, TraceDriver)
    return MiniGPTApp(opening)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_text_candidates_and_listing_are_the_trace_s(app, trace, size):
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.explore.bring("candidates")
        await pilot.pause()
        text = "\n".join(plane(app))
        assert "random:gpt2-2x240:0 (recorded)" in text and "5 17 3 17 90" in text
        best = float(trace.candidate_logprobs[-1, 0])
        assert trace.candidate_texts[int(trace.candidate_ids[-1, 0])] in text and f"{best:.2f}" in text
        app.explore.bring("program")
        await pilot.pause()
        text = "\n".join(plane(app))
        assert f"{len(trace.rows)}/{len(trace.rows)} done" in app.explore.listing.note()
        assert trace.rows[-1].address in text and "recorded pass, all 5" in text


async def test_a_recorded_value_is_drawn_and_described(app, trace):
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("value")
        app.explore.look(address="blocks.1.attn.pattern", layer=1, head=2)
        await pilot.pause()
        sentence = app.explore.panel("value").sentence()
        row, column = app.explore.panel("value").cursor
        share = float(trace["blocks.1.attn.pattern"][0, 2, row, column])
        assert percent_text(share).strip() in sentence or f"{share:.3f}" in sentence
        assert "blocks.1.attn.pattern" in "\n".join(plane(app))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("]", "cannot generate"), ("space", "cannot generate"), ("[", "cannot change the text"),
        ("i", "cannot run another prompt"), ("1", "cannot run under other settings"), ("p", "cannot run another pass"),
        ("ctrl+s", "cannot go on as a session"),
    ],
)  # fmt: skip
async def test_what_needs_a_model_says_so_in_the_status_line(app, keys, words):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(keys)
        app.explore.poll()
        await pilot.pause()
        assert any(f"error: a recording has no model and {words}" in line for line in plane(app))
        assert not isinstance(app.screen, AskLayer) and app.explore.failure is None


async def test_steps_walk_through_the_recorded_lines(app, trace):
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("C")
        app.explore.poll()
        await pilot.press("n", "n")
        app.explore.poll()
        await pilot.pause()
        assert app.explore.snapshot.stepping.cursor == 2
        assert trace.rows[1].address in "\n".join(plane(app))


async def test_it_is_exported_but_not_as_a_session(app, path):
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("x")
        layer = app.screen
        assert isinstance(layer, ExportLayer) and "session" not in layer.whats
        assert layer.saves == ["trace.trace.safetensors"]
        assert layer.command().startswith(f"minigpt export {path} -o ")


def test_the_copied_command_is_the_file(app, path):
    assert command_of(app.opening.driver.latest, str(path), None) == f"minigpt-tui {path}"


def test_text_and_settings_of_the_command_line_are_refused(path):
    for words in (["--ids", "1"], ["-p", "x"], ["--int8", "all"]):
        with pytest.raises(InputError, match="a trace holds its own text and settings"):
            opening_from([str(path), *words])


def test_a_file_that_is_no_trace_is_one_line(path):
    path.write_bytes(b"\x05\0\0\0\0\0\0\0nonsense")
    opening = opening_from([str(path)])
    opening.start()
    opening._thread.join()
    assert isinstance(opening.error, FileError) and "\n" not in str(opening.error)
