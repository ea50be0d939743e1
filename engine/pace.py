"""How fast things may go: generation, from slow enough to follow each token to no limit, and what shows it."""

from __future__ import annotations

from time import monotonic, thread_time

SPEEDS: tuple[float | None, ...] = (0.5, 1, 2, 4, 8, 16, 32, None)
"""Tokens per second; None: no limit."""


def next_speed(limit: float | None, by: int) -> float | None:
    """The limit so many steps faster (or slower) than this one; at either end it stays."""
    at = SPEEDS.index(limit) if limit in SPEEDS else len(SPEEDS) - 1
    return SPEEDS[min(max(at + by, 0), len(SPEEDS) - 1)]


def speed_words(limit: float | None) -> str:
    """`at most 4 tokens/s`."""
    return f"at most {limit:g} tokens/s" if limit else "as fast as it can"


class Frames:
    """When a thread that shows snapshots may show the next: while the engine works, it holds the interpreter for about
    `share` of the time, which the engine's thread waits for.

    What comes between two frames is dropped. No frame is put off for more than `slowest_s`, whatever frames cost, and
    when nothing runs none is put off. Asked in the thread that shows.
    """

    def __init__(self, share: float, slowest_s: float) -> None:
        self.share, self.slowest_s = share, slowest_s
        self._shown_s = self._used_s = 0.0

    def is_due(self, is_busy: bool) -> bool:
        """Whether what is new should be shown now; if so, the next frame counts from here."""
        now_s, used_s = monotonic(), thread_time()
        if is_busy and now_s - self._shown_s < min((used_s - self._used_s) / self.share, self.slowest_s):
            return False
        self._shown_s, self._used_s = now_s, used_s
        return True
