"""The configuration file: theme, default model, keys by the id of their action. All of it may be left out.

    model = "tales"
    theme = "light"

    [keys]
    step = ["n", "f10"]
    play = "ctrl+g"

What is wrong in it is said in one line with its file and key; nothing is half applied.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.errors import FileError, SurroundingsError
from engine.files import refused, shortened
from viewers.key_map import refusal_of, tables

FILE = "config.toml"
MOST_BYTES = 1 << 20
THEMES = {"dark": "textual-dark", "light": "textual-light", "high-contrast": "high-contrast"}
KEYS = ("model", "theme", "keys")


@dataclass(frozen=True)
class Config:
    """model   what opens where none is named; None: the first that is shipped
    theme   of THEMES; `is_theme_given` if the file names it
    keys    by action id, instead of those of the table
    """

    model: str | None = None
    theme: str = "dark"
    is_theme_given: bool = False
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


def config_path() -> Path:
    """Where the file is, or would be."""
    from platformdirs import user_config_path

    return user_config_path("minigpt", appauthor=False) / FILE


def read_config(path: Path | None = None) -> Config:
    """The configuration; the default one where there is no file. Raises FileError, in one line, for what is wrong."""
    path = path or config_path()
    try:
        if not path.exists():
            return Config()
        data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise SurroundingsError(f"{path}: cannot be read: {error.strerror}") from error
    if data is None:
        raise FileError(path, f"expected at most {MOST_BYTES:,} bytes")
    try:
        raw = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileError(path, f"is not TOML: {shortened(error, 120)}") from None
    return config_from(raw, path.name)


def config_from(raw: Mapping[str, Any], name: str) -> Config:
    """A configuration from its parsed file. Raises FileError."""
    for key in raw:
        if key not in KEYS:
            raise refused(name, f"is not known; expected one of {', '.join(KEYS)}", shortened(key, 40))
    model, theme, keys = raw.get("model"), raw.get("theme", "dark"), raw.get("keys", {})
    if model is not None and (not isinstance(model, str) or not model):
        raise refused(name, f"expected the name or path of a model, got {shortened(model, 40)}", "model")
    if theme not in list(THEMES):
        raise refused(name, f"expected one of {', '.join(THEMES)}, got {shortened(theme, 40)}", "theme")
    if not isinstance(keys, dict):
        raise refused(name, f"expected a table of actions and their keys, got {shortened(keys, 40)}", "keys")
    return Config(model, theme, "theme" in raw, MappingProxyType(keys_from(keys, name)))


def keys_from(raw: Mapping[str, Any], name: str) -> dict[str, tuple[str, ...]]:
    """Keys by action id, each one that a terminal has, and none of them twice. Raises FileError."""
    keys: dict[str, tuple[str, ...]] = {}
    for id, value in raw.items():
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not given or not all(isinstance(key, str) for key in given):
            expected = 'expected a key as "n", or a list of them'
            raise refused(name, f"{expected}, got {shortened(value, 40)}", f"keys: {shortened(id, 40)}")
        keys[id] = tuple(given)
    if found := refusal_of(keys):
        id, why = found
        raise refused(name, why, f"keys: {shortened(id, 40)}")
    return keys


def sample_config() -> str:
    """A file that changes nothing, in which everything that can be changed stands as a comment."""
    lines = [
        "# MiniGPT: what the terminal app and the window start with. Take the # away from what you change.",
        "",
        "# What opens where no model is named: a shipped model, a directory, random:PRESET.",
        '# model = "tales"',
        "",
        f"# One of {', '.join(THEMES)}.",
        '# theme = "dark"',
        "",
        "# Keys by action, for example n, ctrl+g, shift+f10, space, enter, pageup. No key may do two things.",
        "# [keys]",
    ]
    told: set[str] = set()
    for screen, table in tables().items():
        own = [action for action in table if action.id not in told]
        lines += ["#", f"# On the {screen} screen{', beside those above' if told else ' and wherever they are'}:"]
        lines += [f"# {row.id} = [{', '.join(map(toml_text, row.keys))}]  # {row.title}" for row in own]
        told |= {row.id for row in own}
    return "\n".join(lines) + "\n"


def toml_text(text: str) -> str:
    """A text in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
