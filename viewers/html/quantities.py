"""Quantities as a page says them: bytes, operations, seconds, probabilities."""

from __future__ import annotations

import math


def bytes_text(count: float) -> str:
    """`640 B`, `1.2 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1000 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"


def count_text(count: float) -> str:
    """`512`, `12.3 thousand`, `4.1 million`."""
    for unit in ("", " thousand", " million", " billion", " trillion"):
        if count < 1000 or unit == " trillion":
            break
        count /= 1000
    return f"{count:.0f}{unit}" if not unit or count >= 100 else f"{count:.1f}{unit}"


def seconds_text(seconds: float | None) -> str:
    """`12 µs`, `1.2 ms`, `3.4 s`; a dash for what was not measured."""
    if seconds is None:
        return "—"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            break
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"


def percent_text(logprob: float) -> str:
    """`41.2%`, `0.031%`."""
    share = 100 * math.exp(logprob)
    return f"{share:.1f}%" if share >= 10 else f"{share:.2g}%"
