"""What one row of lying bars shows, without Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BarRow:
    """parts   as many numbers as the legend has names; those that are not finite have no length"""

    name: str
    parts: tuple[float, ...]
    number: str
    details: str = ""
