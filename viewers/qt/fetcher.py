"""`Fetcher`: gets one value of the stepped pass from the other process, without holding up the window.

Only the newest wish counts; the window polls for what came.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np


class Fetcher:
    """A thread that looks values up where that may take a while."""

    def __init__(self) -> None:
        self._wish: tuple[str, Mapping[str, np.ndarray]] | None = None
        self._changed = threading.Condition()
        self._closing = False
        self.latest: tuple[str, Mapping[str, np.ndarray], np.ndarray | None] | None = None
        self._thread = threading.Thread(target=self._work, name="values", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def want(self, address: str, values: Mapping[str, np.ndarray]) -> None:
        """Ask for the value at an address; `found` has it when it came."""
        with self._changed:
            if self.latest is None or self.latest[0] != address or self.latest[1] is not values:
                self._wish = (address, values)
                self._changed.notify()

    def found(self, address: str, values: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """The value, if it came."""
        latest = self.latest
        is_it = latest is not None and latest[0] == address and latest[1] is values
        return latest[2] if is_it and latest is not None else None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wish is not None or self._closing)
                if self._closing or self._wish is None:
                    return
                (address, values), self._wish = self._wish, None
            try:
                value = values[address]
            except KeyError:  # it is not bound any more
                value = None
            self.latest = address, values, value
