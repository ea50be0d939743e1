"""`Worker`: makes what takes too long to be made between two frames. Of each asker only the newest wish counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Worker:
    """A thread. `ask` says who wants what, by a key that is compared with ==; `made` counts what is there since."""

    def __init__(self) -> None:
        self._wishes: dict[str, tuple[object, Callable[[], Any]]] = {}
        self._doing: dict[str, object] = {}
        self._found: dict[str, tuple[object, Any]] = {}  # by asker: the last, with its key
        self._changed = threading.Condition()
        self._closing = False
        self.made = 0
        self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def ask(self, who: str, key: object, make: Callable[[], Any]) -> Any | None:
        """The thing of this key, if it is there; else it will be."""
        with self._changed:
            if who in self._found and self._found[who][0] == key:
                return self._found[who][1]
            if who not in self._doing or self._doing[who] != key:
                self._wishes[who] = key, make
                self._changed.notify()
        return None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._wishes) or self._closing)
                if self._closing:
                    return
                who = next(iter(self._wishes))
                key, make = self._wishes.pop(who)
                self._doing[who] = key
            thing = make()
            with self._changed:
                self._found[who] = key, thing
                del self._doing[who]
                self.made += 1
