"""Quantities as people read them: bytes, operations, seconds, probabilities."""

from __future__ import annotations


def bytes_text(count: float) -> str:
    """`640 B`, `1.2 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1000 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"


def count_text(count: float) -> str:
    """`512`, `12.3k`, `4.1M`: for operations, without a unit."""
    for unit in ("", "k", "M", "G", "T"):
        if count < 1000 or unit == "T":
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


def percent_text(fraction: float) -> str:
    """Five cells: `41.2%`, `0.03%`, ` 100%`."""
    percent = 100 * fraction
    if percent >= 99.95:
        return " 100%"
    if 0 < percent < 0.005:
        return "<.01%"
    return f"{percent:4.1f}%" if percent >= 9.995 else f"{percent:4.2f}%"


def shape_text(shape: tuple[int, ...]) -> str:
    """`1×12×64`; a single number is `scalar`."""
    return "×".join(map(str, shape)) or "scalar"


def bar(fraction: float, width: int) -> str:
    """A bar of eighths of a cell."""
    eighths = round(min(max(fraction, 0.0), 1.0) * width * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
