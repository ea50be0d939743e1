"""`LinkServer`: lets a process at the other end of a socket see and drive the drivers of this one.

The newest snapshot goes out when the other end has taken the one before: what it was too slow for is skipped, never
queued. While the engine works, sending takes about `SHARE` of a core from it; the last snapshot of a work goes at once.
Values of the stepped pass stay here until they are asked for. The other end may vanish at any moment.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from time import perf_counter, sleep
from typing import Any, Protocol

import numpy as np

from engine.errors import MiniGPTError
from engine.link.classes import travelling
from engine.link.codec import Decoder, Encoder
from engine.link.frames import LinkClosed, receive_frame, send_frame
from engine.pace import SPEEDS, Frames
from engine.snapshot import Snapshot

INTERVAL_S = 1 / 60
UNTAKEN_S = 10.0
SHARE, SLOWEST_S = 0.15, 1 / 12  # of a core that sending costs during work; but no frame is put off for longer
TRAINING = frozenset({"begin", "resume", "run", "pause", "step", "stop"})


class Source(Protocol):
    """A driver, as far as the link is concerned."""

    @property
    def latest(self) -> Any: ...


class LinkServer:
    """Serves one connection in two threads of its own: one waits for commands, one sends snapshots.

    sources   drivers by name: "session", and "training" if there is one; asked for again each time, so that they may be
              replaced while the link is up
    opened    called with what the other end wants opened: a model or a session file
    """

    def __init__(self, link: socket.socket, sources: Callable[[], Mapping[str, Source | None]],
                 opened: Callable[[str], None] | None = None) -> None:  # fmt: skip
        self._link, self._sources, self._opened = link, sources, opened
        self._encoders: dict[str, Encoder] = {}
        self._sent: dict[str, tuple[int, int]] = {}  # by source: which driver, and the version that was sent
        self._writing = threading.Lock()
        self._untaken_since: float | None = None
        self._frames = Frames(SHARE, SLOWEST_S)
        self.closed = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for work, name in ((self._listen, "link in"), (self._tell, "link out"))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End the link; the other end sees it close."""
        self.closed.set()
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()

    def _tell(self) -> None:
        while not self.closed.is_set():
            sleep(INTERVAL_S)
            since = self._untaken_since  # read once: the other thread may clear it at any moment
            if since is not None and perf_counter() - since < UNTAKEN_S:
                continue
            try:
                self._tell_one()
            except LinkClosed:
                self.close()
            except MiniGPTError as error:
                self._say({"error": str(error)})

    def _tell_one(self) -> None:
        """Send the first snapshot that is news."""
        for name, source in self._sources().items():
            if source is None or (latest := source.latest) is None:
                continue
            stamp = id(source), latest.version
            is_busy = getattr(latest, "busy", None) is not None
            if self._sent.get(name) != stamp and self._frames.is_due(is_busy):
                self._sent[name] = stamp
                encoder = self._encoders.setdefault(name, Encoder(travelling()))
                value, arrays = encoder.encode(_light(latest))
                self._untaken_since = perf_counter()
                self._say({"of": name, "value": value}, arrays)
                return

    def _listen(self) -> None:
        while not self.closed.is_set():
            try:
                said, arrays = receive_frame(self._link)
            except MiniGPTError:  # the other end is gone, or sends what is no frame: nothing after it can be trusted
                self.close()
                return
            try:
                self._obey(said, arrays)
            except MiniGPTError as error:
                self._say({"error": str(error)})
            except Exception as error:  # it made no sense: the link goes on, the session is untouched
                self._say({"error": f"link: not understood: {error}"})

    def _obey(self, said: Mapping[str, Any], arrays: list[np.ndarray]) -> None:
        what = said["do"]
        if what == "taken":
            self._untaken_since = None
        elif what == "want":
            self._give(said["address"], said["serial"])
        elif what == "open" and self._opened is not None:
            self._opened(str(said["spec"]))
        elif what == "pace" and said["limit"] in SPEEDS:
            self._pace(said["limit"])
        elif what in ("send", "cancel"):
            source: Any = self._sources()[said["of"]]
            if source is None:
                return
            if what == "cancel":
                source.cancel()
                return
            arguments = Decoder(travelling()).decode(said["arguments"], arrays)
            if said["of"] == "training":
                if said["command"] in TRAINING:
                    getattr(source, said["command"])(*arguments["positional"])
            else:
                source.send(said["command"], **arguments)

    def _pace(self, limit: float | None) -> None:
        """Another speed of generation; it counts at once, not after the commands that wait."""
        driver: Any = self._sources().get("session")
        if driver is not None:
            driver.speed_limit = limit
            driver.send("look")

    def _give(self, address: str, serial: int) -> None:
        """Send the value at an address of the stepped pass; nothing, if it is not bound any more."""
        source = self._sources().get("session")
        stepping = source.latest.stepping if source is not None and source.latest is not None else None
        value = stepping.values.get(address) if stepping is not None else None
        self._say({"serial": serial, "there": value is not None}, [] if value is None else [np.asarray(value)])

    def _say(self, what: dict[str, Any], arrays: list[np.ndarray] | None = None) -> None:
        with self._writing:
            try:
                send_frame(self._link, what, arrays or ())
            except LinkClosed:
                self.close()


def _light(snapshot: Any) -> Any:
    """A snapshot whose stepped values are only named, each with a mark that changes when the value does."""
    if not isinstance(snapshot, Snapshot) or snapshot.stepping is None:
        return snapshot
    marks = {address: _mark(array) for address, array in snapshot.stepping.values.items()}
    return replace(snapshot, stepping=replace(snapshot.stepping, values=marks))  # type: ignore[arg-type]


def _mark(array: np.ndarray) -> str:
    return f"{np.asarray(array).__array_interface__['data'][0]:x}"
