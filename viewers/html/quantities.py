"""Quantities where a page has room for words: operations in full, probabilities of any size."""

from __future__ import annotations

import math


def count_text(count: float) -> str:
    """`512`, `12.3 thousand`, `4.1 million`."""
    for unit in ("", " thousand", " million", " billion", " trillion"):
        if count < 1000 or unit == " trillion":
            break
        count /= 1000
    return f"{count:.0f}{unit}" if not unit or count >= 100 else f"{count:.1f}{unit}"


def percent_text(logprob: float) -> str:
    """`41.2%`, `0.031%`."""
    share = 100 * math.exp(logprob)
    return f"{share:.1f}%" if share >= 10 else f"{share:.2g}%"
