"""`Worker`: makes what takes too long to be made between two frames. Only the newest wish counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Worker:
    """A thread. `ask` says what is wanted, by a key that is compared with ==; `latest` is the last, with its key."""

    def __init__(self) -> None:
        self._wish: tuple[object, Callable[[], Any]] | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._doing: object = None
        self.latest: tuple[object, Any] | None = None
        self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def ask(self, key: object, make: Callable[[], Any]) -> Any | None:
        """The thing of this key, if it is there; else it will be."""
        with self._changed:
            if self.latest is not None and self.latest[0] == key:
                return self.latest[1]
            if self._doing != key:
                self._wish = key, make
                self._changed.notify()
        return None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wish is not None or self._closing)
                if self._closing or self._wish is None:
                    return
                (key, make), self._wish = self._wish, None
                self._doing = key
            made = make()
            with self._changed:
                self.latest, self._doing = (key, made), None
