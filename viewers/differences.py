"""The size of a difference between two runs, as a person reads it and as it is coloured."""

from __future__ import annotations

import math

DECADES = 7  # from no colour at 1e-7 to full colour at 1


def amount(size: float) -> float:
    """How strongly a difference is coloured: 0 up to 1e-7, 1 from 1 on, even steps per decade between."""
    if math.isnan(size) or size >= 1:
        return 1.0
    return max(0.0, 1 + math.log10(size) / DECADES) if size > 0 else 0.0


def size_text(size: float) -> str:
    """A difference in at most 8 characters: `0`, `3.2e-06`, `0.0123`, `inf`."""
    if size == 0:
        return "0"
    return f"{size:.1e}" if size < 1e-3 or (size >= 1e4 and math.isfinite(size)) else f"{size:.3g}"
