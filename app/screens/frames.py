"""When the next snapshot may be drawn: drawing holds the interpreter, which the engine's thread then waits for.

While the engine works, the screen takes about `SHARE` of one core, and at least some frames a second, whatever they
cost; what came between two frames is dropped. A key is answered at once all the same, and when nothing runs every
snapshot is drawn.
"""

from __future__ import annotations

from time import monotonic, thread_time

SHARE = 0.1
SLOWEST_S = 1 / 8  # between two frames, at most
ALONE_S, WITH_WINDOW_S = 1 / 12, 1 / 30  # between two snapshots that the engine makes while it works


class Frames:
    """Of one screen, asked in its thread."""

    def __init__(self) -> None:
        self._drawn_s = self._used_s = 0.0

    def is_due(self, is_busy: bool) -> bool:
        """Whether what is new should be drawn now; if so, the next frame counts from here."""
        now_s, used_s = monotonic(), thread_time()
        if is_busy and now_s - self._drawn_s < min((used_s - self._used_s) / SHARE, SLOWEST_S):
            return False
        self._drawn_s, self._used_s = now_s, used_s
        return True
