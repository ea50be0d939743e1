"""A size in bytes as a person reads it."""

from __future__ import annotations

from engine.fits import gigabytes


def human(size: int) -> str:
    """A size in bytes in the unit that suits it: `1.04 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.3g} {unit}" if size < 1e12 else gigabytes(size)
    return f"{size} bytes"
