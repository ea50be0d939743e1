"""How many processor threads the matrix products use: one number for the whole process, as BLAS has it."""

from __future__ import annotations

from typing import Any


class ThreadLimit:
    """A limit that can be changed and lifted. While none is set, BLAS uses what it started with."""

    def __init__(self) -> None:
        self._limit: Any = None

    def set(self, count: int | None) -> None:
        """Let matrix products use `count` threads; None lifts the limit."""
        if self._limit is not None:
            self._limit.restore_original_limits()
            self._limit = None
        if count is not None:
            from threadpoolctl import threadpool_limits

            self._limit = threadpool_limits(count, user_api="blas")
