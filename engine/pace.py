"""How fast generation may go: a few limits, from slow enough to follow each token to none."""

from __future__ import annotations

SPEEDS: tuple[float | None, ...] = (0.5, 1, 2, 4, 8, 16, 32, None)
"""Tokens per second; None: no limit."""


def next_speed(limit: float | None, by: int) -> float | None:
    """The limit so many steps faster (or slower) than this one; at either end it stays."""
    at = SPEEDS.index(limit) if limit in SPEEDS else len(SPEEDS) - 1
    return SPEEDS[min(max(at + by, 0), len(SPEEDS) - 1)]


def speed_words(limit: float | None) -> str:
    """`at most 4 tokens/s`."""
    return f"at most {limit:g} tokens/s" if limit else "as fast as it can"
