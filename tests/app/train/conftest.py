"""Every test of the Train screen has a state directory of its own, and a driver that trains nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from train_factory import FakeTraining

import engine.training.driver


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state" / "minigpt"


@pytest.fixture(autouse=True)
def training_driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "really" not in request.fixturenames:
        monkeypatch.setattr(engine.training.driver, "TrainingDriver", FakeTraining)
