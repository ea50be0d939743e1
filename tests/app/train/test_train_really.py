"""The Train screen over the real driver and a model that is trained in a moment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from train_factory import application
from tui_factory import plane

from app.screens.train_draft import placed
from engine.training.checkpoints import newest
from engine.training.snapshot import DONE, PAUSED, RUNNING, STOPPED
from tests.engine.training.bigram import Bigram

SIZES = "n_layer=1 n_embd=8 n_head=2 n_inner=16 n_positions=16 tie_word_embeddings=false "
SETTINGS = SIZES + "batch=4 steps=100000 checkpoint_every=3 "
pytestmark = pytest.mark.usefixtures("really")


@pytest.fixture
def really(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn by the hand-made model; compiling the real one takes longer than it is trained here."""
    from engine.training import driver

    monkeypatch.setattr(driver.TrainingDriver.__init__, "__defaults__", (Bigram,))


async def until(pilot, true: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await pilot.pause(0.02)


async def begun(app, pilot, text: Path, settings: str = SETTINGS):
    text.write_text("the cat sat on the mat and the dog ran to the cat " * 40)
    await pilot.press("f3")
    train = app.train
    train.look(draft=placed(replace(train.view.draft, files=str(text), settings=settings)))
    await pilot.press("space")
    await until(pilot, lambda: train.snapshot.state == PAUSED)
    return train


async def test_a_run_is_begun_started_paused_stepped_and_quitting_saves_it(tmp_path: Path, state: Path) -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        train = await begun(app, pilot, tmp_path / "a.txt")
        out = state / "runs" / "mini-a"
        assert train.snapshot.out == out and train.snapshot.estimate is not None
        await pilot.press("n")
        await until(pilot, lambda: train.snapshot.step == 1)
        await pilot.press("space")
        await until(pilot, lambda: train.snapshot.step > 6 and train.snapshot.state == RUNNING)
        await pilot.press("space")
        await until(pilot, lambda: train.snapshot.state == PAUSED)
        assert train.snapshot.seen[-1].step == train.snapshot.step // 3 * 3
        await pilot.press("space", "q")
        await until(pilot, lambda: not app.is_running)
        assert app.training is not None and not app.training.is_alive
        assert newest(out)[0].state.update == app.training.latest.step  # type: ignore[union-attr]
        assert str(out) in app.end_training()


async def test_a_checkpoint_is_opened_in_the_first_screen(tmp_path: Path) -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        train = await begun(app, pilot, tmp_path / "a.txt", SETTINGS.replace("steps=100000", "steps=3"))
        await pilot.press("space")
        await until(pilot, lambda: train.snapshot.state == DONE)
        await pilot.press("o")
        await until(pilot, lambda: app.screen is app.explore)
        await until(pilot, lambda: app.explore.snapshot and app.explore.snapshot.tokens)
        shown = app.explore.snapshot
        assert shown is not None and shown.model_name == "step-000003"
        assert [token.id for token in shown.tokens] == list(train.snapshot.seen[-1].ids)
        app.opening.close()
        app.end_training()


async def test_what_a_stop_saved_is_opened_and_what_was_said_before_is_gone(tmp_path: Path) -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        train = await begun(app, pilot, tmp_path / "a.txt", SIZES + "batch=4 steps=100 checkpoint_every=50")
        for step in (1, 2):
            await pilot.press("n")
            await until(pilot, lambda step=step: train.snapshot.step == step)
        await pilot.press("S")
        await until(pilot, lambda: train.snapshot.state == STOPPED)
        app.explore.say("a remark on the model before")
        await pilot.press("o")
        await until(pilot, lambda: app.screen is app.explore and app.explore.snapshot is not None)
        assert app.explore.snapshot.model_name == "step-000002"
        assert "a remark" not in "\n".join(plane(app))
        app.opening.close()
        app.end_training()


async def test_an_update_of_a_checkpoint_is_stepped_in_the_first_screen(tmp_path: Path) -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        train = await begun(app, pilot, tmp_path / "a.txt", SETTINGS.replace("steps=100000", "steps=3"))
        await pilot.press("space")
        await until(pilot, lambda: train.snapshot.state == DONE)
        await pilot.press("p")
        await until(pilot, lambda: app.screen is app.explore and app.explore.stepping and app.explore.stepping.cursor)
        stepping = app.explore.stepping
        assert stepping.kind == "training" and "update 4 at rate" in stepping.what
        assert "the checkpoint's moments" in stepping.what
        await pilot.press("c")
        await until(pilot, lambda: app.explore.stepping.done)
        assert app.explore.stepping.values["new.embed.weight"].shape[1] == 8
        await pilot.press("p")
        await until(pilot, lambda: app.explore.stepping.kind == "plain")
        app.opening.close()
        app.end_training()


def test_the_first_screen_loads_nothing_of_the_training() -> None:
    code = "import sys, app.screens.application; print(*sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert not [name for name in done.stdout.split() if name.startswith(("engine.training", "textual_plot"))]
