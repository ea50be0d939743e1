"""A typed reader of configuration keys: each key has a type, a range and a default, and says what it expected.

Numbers from a file are Python integers and stay so: a size of 10^12 is refused here, before anything is allocated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import FileError
from engine.files import refused, shortened

REQUIRED: Any = object()  # as a default: the key must be there; as `null`: null is no value for it


@dataclass(frozen=True)
class Key:
    """What one key of a configuration may hold."""

    kind: type  # int, float, bool, str or dict
    low: float = 0
    high: float = 0
    default: Any = REQUIRED  # its value when the key is missing
    null: Any = REQUIRED  # its value when the file says null
    choices: Mapping[str, str] | None = None  # for text: what the file may say -> what we call it
    multiple_of: str | None = None  # another key of the same table

    def expected(self) -> str:
        """The words after "expected" in a refusal."""
        if self.choices is not None:
            return "one of " + ", ".join(self.choices)
        if self.kind is int:
            return f"a whole number from {self.low} to {self.high}"
        if self.kind is float:
            return f"a number from {self.low:g} to {self.high:g}"
        return {bool: "true or false", str: "a text", dict: "an object"}[self.kind]

    def accepts(self, value: object) -> bool:
        """Whether `value` has the type and lies in the range; true is no number, and 2.0 no whole one."""
        if self.choices is not None:
            return isinstance(value, str) and value in self.choices
        if self.kind is float:
            return type(value) in (int, float) and self.low <= value <= self.high  # type: ignore[operator]
        if self.kind is int:
            return type(value) is int and self.low <= value <= self.high
        return isinstance(value, self.kind)


def read_keys(raw: object, table: Mapping[str, Key], name: str) -> dict[str, Any]:
    """The value of every key of `table`, from the object `raw` or by default. Raises FileError naming the key."""
    found = as_object(raw, name)
    values = {key: _value(found, key, rule, name) for key, rule in table.items()}
    for key, rule in table.items():
        if rule.multiple_of:
            check_multiple(values, key, rule.multiple_of, name)
    return values


def check_multiple(values: Mapping[str, Any], key: str, other: str, name: str) -> None:
    """Refuse unless the value of `key` is a multiple of the value of `other`."""
    if values[key] % values[other]:
        raise refused(name, f"expected a multiple of {other} ({values[other]}), got {values[key]}", key)


def as_object(raw: object, name: str) -> dict[str, Any]:
    """`raw` if it is a JSON object."""
    if not isinstance(raw, dict):
        raise refused(name, f"expected an object with keys, got {shown(raw)}")
    return raw


def unexpected(name: str, key: str, expected: str, value: object) -> FileError:
    """The refusal of one key's value."""
    return refused(name, f"expected {expected}, got {shown(value)}", key)


def shown(value: object) -> str:
    """A JSON value in a few characters."""
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else shortened(json.dumps(value, ensure_ascii=False))


def _value(raw: Mapping[str, Any], key: str, rule: Key, name: str) -> Any:
    if key not in raw:
        if rule.default is REQUIRED:
            raise refused(name, f"expected {rule.expected()}, got no such key", key)
        return rule.default
    value = raw[key]
    if value is None and rule.null is not REQUIRED:
        return rule.null
    if not rule.accepts(value):
        raise unexpected(name, key, rule.expected(), value)
    if rule.choices is not None:
        return rule.choices[value]
    return float(value) if rule.kind is float else value
