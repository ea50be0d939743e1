"""`Settings`: how a model is run, as a value; and the one table that makes flags, panels and documentation from it.

Settings are always applied to the plain program and its base weights, in one order (`prepare`), so going back is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.errors import InputError


@dataclass(frozen=True)
class Settings:
    """How a model is run. `threads` None leaves the number of BLAS threads as it is."""

    kv_cache: bool = True
    kv_window: int | None = None
    optimize: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        for row in TABLE:
            value = getattr(self, row.name)
            if not row.is_valid(value):
                raise InputError(f"{row.flag}: expected {row.expected}, got {value!r}")

    def toggled(self, name: str) -> Settings:
        """These settings with one switched to its next value."""
        row = next(row for row in TABLE if row.name == name)
        choices = row.choices
        now = choices.index(getattr(self, name)) if getattr(self, name) in choices else 0
        return replace(self, **{name: choices[(now + 1) % len(choices)]})

    def flags(self) -> list[str]:
        """The command-line flags that say the same, defaults left out."""
        words: list[str] = []
        for row, default in zip(TABLE, fields(self), strict=True):
            value = getattr(self, row.name)
            if value == default.default:
                continue
            words += [row.flag if value else row.off_flag] if isinstance(value, bool) else [row.flag, str(value)]
        return words


@dataclass(frozen=True)
class Setting:
    """One row: the field, its flag, what a key press cycles through, what is allowed, and one line of why."""

    name: str
    title: str
    flag: str
    choices: tuple[Any, ...]
    is_valid: Callable[[Any], bool]
    expected: str
    why: str
    key: str = ""

    @property
    def off_flag(self) -> str:
        return self.flag.replace("--", "--no-", 1)


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)


TABLE: tuple[Setting, ...] = (
    Setting("kv_cache", "KV cache", "--kv", (True, False), lambda v: isinstance(v, bool), "on or off",
            "Keeps keys and values of earlier tokens: a new token costs one row, not the whole text.", "1"),
    Setting("kv_window", "Window", "--kv-window", (None, 64, 128, 256), _is_count, "a number of tokens from 1 up",
            "Each token sees only the last N, itself included; the cache becomes a ring of that size."),
    Setting("optimize", "Optimized", "--optimize", (True, False), lambda v: isinstance(v, bool), "on or off",
            "Folds gains, biases and scales into the matrices and joins q, k, v: same result, fewer steps.", "4"),
    Setting("threads", "Threads", "--threads", (None, 1, 2), _is_count, "a number of threads from 1 up",
            "How many processor threads the matrix products use."),
)  # fmt: skip
