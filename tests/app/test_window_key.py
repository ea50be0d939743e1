"""`w`: a window in another process sees and drives the session of the terminal app, which outlives it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tui_factory import application, driver_of, give, plane, snapshot

from app.screens import window
from engine.errors import SurroundingsError

SEES_AND_DIES = """
import os, sys, time
from engine.link.remote import connect
remote = connect(int(sys.argv[1]))
while remote.session.latest is None or remote.session.latest.version != 2: time.sleep(0.01)
assert remote.session.latest.tokens[2].text == ' cat'
remote.session.send('take_back')
time.sleep(0.2)
print('error: a bad end', file=sys.stderr, flush=True)
os.abort()
"""


async def until(pilot, happened) -> None:
    for _ in range(1500):
        if happened():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not happen")


async def test_a_window_sees_and_drives_the_session_and_its_crash_is_said(monkeypatch):
    monkeypatch.setattr(window, "require_window", lambda: None)
    monkeypatch.setattr(window, "window_command", lambda fd, _: [sys.executable, "-c", SEES_AND_DIES, str(fd)])
    shown = application()
    async with shown.run_test(size=(120, 36)) as pilot:
        await pilot.press("w")
        give(shown, snapshot(version=2))
        driver = driver_of(shown)
        await until(pilot, lambda: ("take_back", {}) in driver.sent)
        await until(pilot, lambda: shown.explore._window is None)
        assert any("The window is gone: a bad end" in line for line in plane(shown))
        await pilot.press("]")
        assert driver.sent[-1][0] == "generate"


async def test_where_no_window_can_be_shown_the_app_says_why(monkeypatch):
    def refuse() -> None:
        raise SurroundingsError("no display here")

    monkeypatch.setattr(window, "require_window", refuse)
    said: list[str] = []
    shown = application()
    async with shown.run_test(size=(120, 36)) as pilot:
        monkeypatch.setattr(shown.explore, "say", said.append)
        await pilot.press("w")
        assert said == ["error: no display here"] and shown.explore._window is None


def test_a_link_that_is_not_there_is_said_in_one_line():
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    words = [sys.executable, "-m", "app.gui", "--link", "987"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == 3 and done.stderr.startswith("error: no link at descriptor 987")


@pytest.mark.parametrize("words", [["nowhere/at/all"], ["shakespeare", "--temperature", "warm"]])
def test_what_cannot_be_opened_is_said_in_one_line(words):
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "app.gui", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
