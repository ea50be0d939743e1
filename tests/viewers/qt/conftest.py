"""A window over a real driver in this process, joined by a socket pair; drawn without a screen."""

from __future__ import annotations

import os
import socket

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before Qt is loaded

import pytest

from engine.driver import Driver
from engine.link.remote import Remote
from engine.link.server import LinkServer
from engine.model import open_model
from engine.session import Session
from engine.training.driver import TrainingDriver

PROMPT = "ROMEO: What light"


@pytest.fixture(scope="session")
def model():
    return open_model("shakespeare")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Nothing of the user's own is read or written."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.fixture
def driver(model):
    made = Driver(Session(model))
    made.start()
    made.send("prompt", text=PROMPT)
    made.send("run_until", address="blocks.0.attn.pattern")
    yield made
    made.close()


@pytest.fixture
def link(driver):
    """The driver, and a remote that sees it."""
    here, there = socket.socketpair()
    training = TrainingDriver()
    training.start()
    server, remote = LinkServer(here, lambda: {"session": driver, "training": training}), Remote(there)
    server.start()
    remote.start()
    yield remote
    remote.close()
    server.close()
    training.close(5)


@pytest.fixture
def window(qtbot, home, link):
    """The window, once it shows the prompt and the value of the first pattern."""
    from viewers.qt.window import Window

    made = Window(link)
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    qtbot.waitUntil(lambda: made.snapshot is not None and len(made.snapshot.tokens) == len(PROMPT), timeout=20_000)
    qtbot.waitUntil(lambda: made.panels["value"].picture is not None, timeout=20_000)
    return made
