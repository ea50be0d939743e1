"""`Remote`: the drivers of another process, as if they were here: `latest`, `send`, `cancel`.

A thread takes snapshots as they come. Values of the stepped pass are fetched when somebody looks at them, and kept as
long as they stay what they are.
"""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from engine.errors import SurroundingsError
from engine.link.classes import travelling
from engine.link.codec import Decoder, Encoder
from engine.link.frames import LinkClosed, receive_frame, send_frame
from engine.snapshot import Snapshot
from engine.training.snapshot import TrainingSnapshot

WAIT_S = 5.0  # for a value


class Remote:
    """One end of a link.

    session, training   the drivers of the other end       error   the last thing the other end refused, or None
    closed              set when the other end is gone
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._decoders: dict[str, Decoder] = {}
        self._writing = threading.Lock()
        self._serials = itertools.count(1)
        self._answers: dict[int, np.ndarray | None] = {}
        self._answered = threading.Condition()
        self._values: dict[str, tuple[str, np.ndarray]] = {}  # by address: the mark of the value, and the value
        self.session = RemoteSession(self)
        self.training = RemoteTraining(self)
        self.error: str | None = None
        self.closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Leave; the other process goes on."""
        self.closed.set()
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def open(self, spec: str) -> None:
        """Ask the other end to open another model or session."""
        self.say({"do": "open", "spec": spec})

    def say(self, what: dict[str, Any], arrays: list[np.ndarray] | None = None) -> None:
        with self._writing:
            try:
                send_frame(self._link, what, arrays or ())
            except LinkClosed:
                self.closed.set()

    def order(self, of: str, command: str, arguments: Mapping[str, Any]) -> None:
        """Have a driver do something."""
        value, arrays = Encoder(travelling()).encode(arguments)
        self.say({"do": "send", "of": of, "command": command, "arguments": value}, arrays)

    def fetch(self, address: str, mark: str) -> np.ndarray | None:
        """The value at an address, from here if it is the one with this mark; None if it is gone or does not come."""
        known = self._values.get(address)
        if known is not None and known[0] == mark:
            return known[1]
        serial = next(self._serials)
        self.say({"do": "want", "address": address, "serial": serial})
        with self._answered:
            self._answered.wait_for(lambda: serial in self._answers or self.closed.is_set(), WAIT_S)
            value = self._answers.pop(serial, None)
        if value is not None:
            self._values[address] = mark, value
        return value

    def _listen(self) -> None:
        try:
            while not self.closed.is_set():
                said, arrays = receive_frame(self._link)
                self._take(said, arrays)
        except LinkClosed:
            pass
        except Exception as error:  # what came in made no sense: nothing after it can be trusted
            self.error = f"link: {error}"
        finally:
            self.close()
            with self._answered:
                self._answered.notify_all()

    def _take(self, said: Mapping[str, Any], arrays: list[np.ndarray]) -> None:
        if "serial" in said:
            with self._answered:
                self._answers[said["serial"]] = arrays[0] if said["there"] else None
                self._answered.notify_all()
        elif "error" in said:
            self.error = str(said["error"])
        else:
            name = said["of"]
            value = self._decoders.setdefault(name, Decoder(travelling())).decode(said["value"], arrays)
            if name == "session":
                self.session.latest = self._with_values(value)
            else:
                self.training.latest = value
            self.say({"do": "taken"})

    def _with_values(self, snapshot: Snapshot) -> Snapshot:
        if snapshot.stepping is None:
            return snapshot
        marks: Mapping[str, str] = snapshot.stepping.values  # type: ignore[assignment]
        self._values = {a: known for a, known in self._values.items() if marks.get(a) == known[0]}
        return replace(snapshot, stepping=replace(snapshot.stepping, values=FarValues(self, marks)))


class FarValues(Mapping[str, np.ndarray]):
    """The values of a stepped pass in another process, fetched one at a time."""

    def __init__(self, remote: Remote, marks: Mapping[str, str]) -> None:
        self._remote, self._marks = remote, marks

    def __getitem__(self, address: str) -> np.ndarray:
        value = self._remote.fetch(address, self._marks[address])
        if value is None:
            raise KeyError(address)
        return value

    def __contains__(self, address: object) -> bool:
        return address in self._marks

    def __iter__(self) -> Iterator[str]:
        return iter(self._marks)

    def __len__(self) -> int:
        return len(self._marks)


class RemoteSession:
    """A `Driver` at the other end. `latest` is None until the first snapshot has come."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self.latest: Snapshot | None = None

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command of `engine.driver.COMMANDS`."""
        self._remote.order("session", command, arguments)

    def cancel(self) -> None:
        self._remote.say({"do": "cancel", "of": "session"})

    def pace(self, limit: float | None) -> None:
        """Generate at most so many tokens a second, one of `engine.pace.SPEEDS`; it counts at once."""
        self._remote.say({"do": "pace", "limit": limit})


class RemoteTraining:
    """A `TrainingDriver` at the other end."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self.latest = TrainingSnapshot()

    def order(self, command: str, *arguments: Any) -> None:
        """`begin`, `resume`, `run`, `pause`, `step` or `stop`, with what it takes."""
        self._remote.order("training", command, {"positional": arguments})


def connect(descriptor: int) -> Remote:
    """The link whose socket was handed to this process. Raises SurroundingsError if there is none."""
    try:
        link = socket.socket(fileno=descriptor)
    except OSError as error:
        raise SurroundingsError(f"no link at descriptor {descriptor}: {error}; start it by `minigpt-gui`") from None
    remote = Remote(link)
    remote.start()
    return remote
