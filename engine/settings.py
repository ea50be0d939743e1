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
    int8: str = "none"
    int8_embedding: bool = False
    int8_cache: bool = False
    low_rank_mlp: int | None = None
    tie_embeddings: bool = False
    fuse_qkv: bool = False
    optimize: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        for row in TABLE:
            value = getattr(self, row.name)
            if not row.is_valid(value):
                raise InputError(f"{row.flag}: expected {row.expected}, got {value!r}")

    def toggled(self, name: str) -> Settings:
        """These settings with one switched to its next value."""
        choices = row_of(name).choices
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
    """One row: the field, its flag, what a key press cycles through, what is allowed, and one line of why.

    The kind of value is that of the choices: on or off, one of some words, or a number that may be None.
    """

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

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return isinstance(self.choices[0], bool)

    @property
    def is_word(self) -> bool:
        """Whether it is one of a few words."""
        return isinstance(self.choices[0], str)

    def read(self, text: str) -> Any:
        """The value that a text names: `on`, `off`, a word, a number, or `none`. Raises InputError."""
        values: dict[str, Any] = {shown(choice): choice for choice in self.choices}
        value = values.get(text, int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else text)
        if not self.is_valid(value):
            raise InputError(f"{self.flag}: expected {self.expected}, got {text[:40]!r}")
        return value


def row_of(name: str) -> Setting:
    """The row of one field."""
    return next(row for row in TABLE if row.name == name)


def shown(value: Any) -> str:
    """A value as a person reads and writes it: `on`, `off`, `none`, `attention`, `64`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)


def settings_markdown() -> str:
    """The table for the documentation: one row for each setting, with its key, flag, values and why."""
    rows = []
    for row in TABLE:
        flags = f"`{row.flag}`, `{row.off_flag}`" if row.is_switch else f"`{row.flag} {'WORD' if row.is_word else 'N'}`"
        values = ", ".join(map(shown, row.choices)) + ("" if row.is_switch or row.is_word else ", any number")
        rows.append(f"| {row.title} | {f'`{row.key}`' if row.key else ''} | {flags} | {values} | {row.why} |")
    return "\n".join(rows)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)


INT8 = ("none", "mlp", "attention", "all")

TABLE: tuple[Setting, ...] = (
    Setting("kv_cache", "KV cache", "--kv", (True, False), _is_switch, "on or off",
            "Keeps keys and values of earlier tokens: a new token costs one row, not the whole text.", "1"),
    Setting("kv_window", "Window", "--kv-window", (None, 64, 128, 256), _is_count, "a number of tokens from 1 up",
            "Each token sees only the last N, itself included; the cache becomes a ring of that size.", "5"),
    Setting("int8", "INT8", "--int8", INT8, INT8.__contains__, "one of none, mlp, attention, all",
            "Stores matrices as whole numbers of one byte with a scale per output: a quarter of the bytes.", "2"),
    Setting("int8_embedding", "INT8 embedding", "--int8-embedding", (False, True), _is_switch, "on or off",
            "The token table and the output matrix as INT8, a scale per token; shared where they are tied.", "6"),
    Setting("int8_cache", "INT8 cache", "--int8-cache", (False, True), _is_switch, "on or off",
            "Keys and values are kept as INT8, a scale per token and head: a third of the cache, or less.", "7"),
    Setting("low_rank_mlp", "Low rank", "--rank", (None, 64, 32, 12), _is_count, "a rank from 1 up",
            "Each MLP matrix becomes two thin ones, the best of that rank: fewer numbers, and something is lost.", "3"),
    Setting("tie_embeddings", "Tied", "--tie", (False, True), _is_switch, "on or off",
            "The output reads the token table too: one matrix less; another model where the two were not equal.", "8"),
    Setting("fuse_qkv", "Fused q, k, v", "--fuse-qkv", (False, True), _is_switch, "on or off",
            "One product instead of three makes queries, keys and values; optimizing includes it.", "9"),
    Setting("optimize", "Optimized", "--optimize", (True, False), _is_switch, "on or off",
            "Folds gains, biases and scales into the matrices and joins q, k, v: same result, fewer steps.", "4"),
    Setting("threads", "Threads", "--threads", (None, 1, 2), _is_count, "a number of threads from 1 up",
            "How many processor threads the matrix products use."),
)  # fmt: skip

SAVED = ("int8", "int8_embedding", "low_rank_mlp", "tie_embeddings")
"""The settings that a saved model keeps."""
