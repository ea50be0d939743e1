"""A headless Chromium, driven over a pair of pipes by its DevTools protocol: real pointer and keys, no package needed.

Messages are JSON, each ended by a zero byte. Ubuntu ships Chromium as a snap, which sees neither these pipes nor files
outside the home directory: there `chromium` of Debian, or Google Chrome, does.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_S = 60.0
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "Home": (36, ""), "End": (35, ""),
        "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, "")}  # fmt: skip


def chromium() -> str | None:
    """The browser of this machine, or None."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    return None if found is None or os.path.realpath(found).startswith("/snap") else found


NEEDS_BROWSER = pytest.mark.skipif(
    chromium() is None and "CI" not in os.environ, reason="no Chromium here: apt-get install chromium"
)
"""Where CI says that it has one, none is a failure."""


class Page:
    """One page of a browser. `said` is everything on its console, `asked` every address it wanted."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._left, self._number = read, write, b"", 0
        self.said: list[str] = []
        self.asked: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    _session = ""

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Do one thing and return what it gave."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        until = monotonic() + PATIENCE_S
        while True:
            answer = self._next(until)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def open(self, path: Path, width: int = 1280, height: int = 800, scheme: str = "dark") -> Page:
        """Open a file in a window of that size, and wait until its first picture is painted."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.said.clear()
        self.asked.clear()
        self.send("Page.navigate", url=path.as_uri())
        return self.wait("document.readyState === 'complete' && performance.getEntriesByName('thumbnail').length > 0")

    def wait(self, condition: str) -> Page:
        """Until a condition of the page holds, and what it led to is drawn."""
        until = monotonic() + PATIENCE_S
        while not self.ask(f"!!({condition})"):
            assert monotonic() < until, f"never came: {condition}; console: {self.said}"
            sleep(0.03)
        return self.settle()

    def settle(self) -> Page:
        """Until the page has drawn twice: the first picture shows what changed, the second what followed."""
        self.ask(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 20))))"
        )
        return self

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, (expression, answer["exceptionDetails"])
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        return self.ask(f"document.querySelector({json.dumps(selector)}).textContent")

    def box(self, selector: str) -> tuple[float, float]:
        """The top left corner of an element, in the window, after scrolling to it."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.ask(f"{element}.scrollIntoView({{block: 'center'}})")
        self.settle()
        corner = self.ask(f"(() => {{ const b = {element}.getBoundingClientRect(); return [b.left, b.top] }})()")
        return corner[0], corner[1]

    def point(self, x: float, y: float) -> Page:
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        return self.settle()

    def click(self, selector: str, dx: float = 4, dy: float = 4) -> Page:
        x, y = self.box(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x + dx, y=y + dy, button="left", clickCount=1)
        return self.settle()

    def press(self, *keys: str) -> Page:
        """Press keys, one after another: names such as ArrowDown, or single letters."""
        for key in keys:
            code, text = KEYS.get(key, (ord(key[0].upper()), key))
            options: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code} | ({"text": text} if text else {})
            self.send("Input.dispatchKeyEvent", type="keyDown", **options)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
        return self.settle()

    def type(self, text: str) -> Page:
        self.send("Input.insertText", text=text)
        return self.settle()

    def picture(self, path: Path, full: bool = False) -> None:
        """A screenshot, for looking at."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self._read, 1 << 20)
            assert piece, "the browser has ended"
            self._left += piece
        line, _, self._left = self._left.partition(b"\0")
        message = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.said.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.said.append(str([argument.get("value") for argument in params["args"]]))
        elif method == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])


@contextmanager
def opened(program: str) -> Iterator[Page]:
    """A browser with one page; its profile is thrown away.

    Without its sandbox, which containers do not allow it: it opens files of ours only.
    """
    to_browser, write = os.pipe()
    read, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run",
                   "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                   "--disable-component-update", "--no-sandbox"]  # fmt: skip
        command = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        process = subprocess.Popen(
            ["bash", "-c", command, program, *options], pass_fds=(to_browser, from_browser), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        try:
            page = Page(read, write)
            yield page
        finally:
            os.close(write)  # it leaves when nobody can speak to it any more
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(read)
