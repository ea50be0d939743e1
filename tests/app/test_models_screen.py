"""The list of models: what fits and why not, paths that are completed, what is opened in place of what was there."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tui_factory import application, plane

import app.model_choices as choices
import app.screens.models as screen
from app.model_choices import RANDOM, common_start, completions, on_disk, usual, weighed
from app.screens.models import ModelsLayer
from app.state import State, read_state, state_path, write_state
from engine.errors import SurroundingsError
from engine.model import open_model, presets, shipped_models

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "models"
SMALL = "random:gpt2-2x240"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_a_model_is_weighed_without_its_weights():
    parameters = open_model(SMALL).config.parameter_count()
    held = 4 * sum(array.size for array in open_model(SMALL).weights.values())
    found = weighed(RANDOM, SMALL, free=10**12)
    assert (found.parameters, found.fits) == (parameters, True) and parameters * 4 == held
    assert weighed(RANDOM, SMALL, free=held - 1).fits is False
    assert "are free" in weighed(RANDOM, SMALL, free=held - 1).why
    assert weighed(RANDOM, SMALL, free=None).fits is None


def test_why_a_directory_is_no_model(tmp_path):
    (tmp_path / "none").mkdir()
    assert on_disk(tmp_path / "none", None).is_directory
    for name, files, why in (
        ("bare", {"config.json": "{}"}, "no .safetensors file is there"),
        ("odd", {"config.json": '{"model_type": "mamba"}', "model.safetensors": "x"}, "model_type"),
        ("bin", {"config.json": (GOLDEN / "smollm2-like" / "config.json").read_text(), "model.safetensors": "x"},
         "smaller than config.json says"),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
        found = on_disk(tmp_path / name, 10**12)
        assert found.fits is False and why in found.why and "\n" not in found.why


def test_shipped_recent_and_random_are_offered_once():
    recent = ("/elsewhere/model", *shipped_models()[:1])
    offered = usual(recent)
    specs = [spec for _, spec in offered]
    assert len(specs) == len(set(specs)) and "/elsewhere/model" in specs
    assert {f"random:{name}" for name in presets()} < set(specs) and set(shipped_models()) < set(specs)


def test_a_path_lists_what_it_may_become(places):
    for name in ("alpha", "alps", "beta", ".hidden"):
        (places / name).mkdir()
    (places / "alpine.safetensors").write_bytes(b"")
    (places / "alp.txt").write_bytes(b"")
    found = completions(f"{places}/al")
    assert [path.name for path in found] == ["alpha", "alpine.safetensors", "alps"]
    assert common_start([str(path) for path in found]) == f"{places}/alp"
    assert [path.name for path in completions(f"{places}/")] == ["alpha", "alpine.safetensors", "alps", "beta"]
    assert [path.name for path in completions(f"{places}/.h")] == [".hidden"]
    assert completions("/no/such/place") == []


def test_what_was_kept_comes_back_and_damage_is_as_nothing():
    state = State().with_model("a").with_model("b").with_model("a").with_prompt("x\ny")
    assert (state.models, state.prompts) == (("a", "b"), ("x\ny",))
    write_state(state)
    assert read_state() == state
    for text in ("", "{", "[]", '{"models": 3, "prompts": [1, "ok", null]}', "\x00", "[" * 100_000):
        state_path().write_text(text)
        assert read_state() in (State(), State(prompts=("ok",)))


def test_a_state_that_cannot_be_written_is_left(monkeypatch):
    state_path().parent.parent.mkdir(parents=True, exist_ok=True)
    state_path().parent.write_text("a file where a directory should be")
    write_state(State(models=("a",)))
    assert read_state() == State()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_list_says_what_each_needs(size, monkeypatch):
    monkeypatch.setattr(screen, "available_bytes", lambda: 3 * 10**8)
    app = application()
    async with app.run_test(size=size) as pilot:
        await pilot.press("M")
        await pilot.press(*"124m")
        await pilot.pause()
        text = "\n".join(plane(app))
        parameters = weighed(RANDOM, "random:gpt2-124m", None).parameters
        assert f"{parameters:,}" in text and "does not fit" in text and "300 MB are free" in text
        await pilot.press("enter")
        assert isinstance(app.screen, ModelsLayer), "what does not fit is not opened"


async def test_enter_opens_it_in_place_of_what_was_there():
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f5")
        await pilot.press(*"2x240", "enter")
        deadline = time.monotonic() + 20
        while app.opening.model != SMALL and time.monotonic() < deadline:
            await pilot.pause(0.02)
        assert app.opening.driver.latest.model_name == f"{SMALL}:0"
        app.opening.close()


async def test_a_path_is_completed_and_entered(places):
    (places / "models").mkdir()
    (places / "models" / "one").symlink_to(GOLDEN / "smollm2-like")
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("M", ".", "/", "m", "tab")
        await pilot.pause()
        assert app.screen.typed == "models/" or app.screen.typed.endswith("models/")
        await pilot.pause()
        (found,) = app.screen.choices()
        assert found.spec.endswith("models/one") and found.fits
        assert f"{found.parameters:,}" in "\n".join(plane(app))


async def test_a_hostile_directory_is_inert(places):
    (places / "[bold]\x1b[2J\u202e").mkdir()
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("M", ".", "/")
        await pilot.pause()
        text = "\n".join(plane(app))
        assert "[bold]" in text and "\x1b" not in text and "\u202e" not in text


async def test_without_a_network_it_says_so(monkeypatch):
    def refuse(*_: object) -> bool:
        raise SurroundingsError("tinyshakespeare.txt: cannot be fetched: refused; is there a network?")

    monkeypatch.setattr("engine.training.download.download", refuse)
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("M", *"text:", "enter")
        deadline = time.monotonic() + 5
        while "cannot be fetched" not in "\n".join(plane(app)) and time.monotonic() < deadline:
            await pilot.pause(0.05)
        assert "cannot be fetched" in "\n".join(plane(app))
        await pilot.press("escape")
        assert not isinstance(app.screen, ModelsLayer)


async def test_earlier_prompts_come_back_with_the_arrow(monkeypatch):
    write_state(State().with_prompt("the first").with_prompt("the second"))
    app = application(prompt="now")
    app.opening.is_kept_safe = True
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("i", "up", "up", "enter")
        assert ("prompt", {"text": "the first"}) in app.opening.driver.sent
        assert read_state().prompts[0] == "the first"
        assert json.loads(state_path().read_text())["prompts"][1] == "the second"


def test_the_choices_file_knows_no_screen():
    assert "textual" not in Path(choices.__file__).read_text()
