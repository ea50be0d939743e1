"""Frozen values as JSON and arrays, and back. What the other end already has is not sent again.

A snapshot is a tree of frozen dataclasses, tuples, mappings and read-only arrays, and most of it is what the snapshot
before had. Each dataclass, tuple and array gets a number when it is first sent; in the next message only the number
goes. What a message does not name is forgotten on both sides, even if it lies inside of something that is named: it is
sent again, should it ever be needed. Only the classes that the decoder was given are ever made on arrival.

    null, true, 1, "a"    as they are              ["c", "Name", field, ...]   a dataclass or a named tuple
    ["t", ...]            a tuple                  ["m", [k, v], ...]          a mapping
    ["x", "nan"]          nan, inf or -inf         ["p", "…"]                  a path
    ["n", n, v]           v, kept as n             ["k", n], ["a", n]          what is kept as n, array n
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.errors import InputError

Array = np.ndarray
Classes = Mapping[str, type]
DEEPEST = 40
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
SMALL = 4  # a tuple of so many plain values is sent as it is: its number would be as long


class Encoder:
    """One end's memory of what the other has."""

    def __init__(self, classes: Classes) -> None:
        self._names = {kind: name for name, kind in classes.items()}
        self._known: dict[Any, tuple[int, object]] = {}  # by identity or value; holds what it numbers
        self._count = 0

    def encode(self, value: object) -> tuple[dict[str, Any], list[Array]]:
        """What to say, and the arrays that go with it; both for `Decoder.decode`."""
        before, self._known = self._known, {}
        self._before, self._arrays = before, list[Array]()
        self._new: list[int] = []
        tree = self._of(value)
        kept = {number for number, _ in self._known.values()}
        gone = sorted(number for number, _ in before.values() if number not in kept)
        return {"tree": tree, "new": self._new, "gone": gone}, self._arrays

    def _of(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, np.integer)):
            return int(value)
        if isinstance(value, (float, np.floating)):
            return float(value) if math.isfinite(value) else ["x", str(float(value))]
        if isinstance(value, np.ndarray):
            return ["a", self._array(value)]
        if isinstance(value, (tuple, list)) and type(value) not in self._names:
            if len(value) <= SMALL and all(isinstance(v, (int, str, type(None))) for v in value):
                return ["t", *value]
            return self._numbered(id(value), value, lambda: ["t", *map(self._of, value)])
        if isinstance(value, Mapping):
            return ["m", *([self._of(k), self._of(v)] for k, v in value.items())]
        if isinstance(value, Path):
            return ["p", str(value)]
        if type(value) in self._names:
            return self._numbered(_key(value), value, lambda: self._fields(value))
        raise InputError(f"a {type(value).__name__} cannot travel over the link")

    def _fields(self, value: Any) -> list[Any]:
        names = _fields(type(value))
        return ["c", self._names[type(value)], *(self._of(getattr(value, name)) for name in names)]

    def _numbered(self, key: Any, value: object, encode: Callable[[], Any]) -> Any:
        """The number of a value that was sent, kept for as long as it is sent; or the value with a number."""
        if key in self._known:
            return ["k", self._known[key][0]]
        if key in self._before:
            self._known[key] = self._before[key]
            return ["k", self._known[key][0]]
        body = encode()
        self._count += 1
        self._known[key] = (self._count, value)
        return ["n", self._count, body]

    def _array(self, array: Array) -> int:
        key = _place(array)
        if key not in self._known:
            if key in self._before:
                self._known[key] = self._before[key]
            else:
                self._count += 1
                self._known[key] = (self._count, array)
                self._new.append(self._count)
                self._arrays.append(array)
        return self._known[key][0]


class Decoder:
    """The other end: makes the values again, and keeps what will be named by number."""

    def __init__(self, classes: Classes) -> None:
        self._classes = classes
        self._kept: dict[int, Any] = {}

    def decode(self, said: Any, arrays: Sequence[Array]) -> Any:
        """The value that was encoded. Raises InputError if it is not one."""
        try:
            self._kept.update(zip(said["new"], arrays, strict=True))
            value = self._of(said["tree"], 0)
            for number in said["gone"]:
                self._kept.pop(number, None)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"link: expected an encoded value: {error}") from None
        return value

    def _of(self, tree: Any, depth: int) -> Any:
        if not isinstance(tree, list):
            return tree
        if depth > DEEPEST:
            raise InputError("link: a value is nested too deep")
        tag, *rest = tree
        if tag == "t":
            return tuple(self._of(part, depth + 1) for part in rest)
        if tag == "c":
            kind = self._classes[rest[0]]
            return _made(kind, [self._of(part, depth + 1) for part in rest[1:]])
        if tag == "n":
            value = self._kept[rest[0]] = self._of(rest[1], depth + 1)
            return value
        if tag in ("k", "a"):
            return self._kept[rest[0]]
        if tag == "m":
            return MappingProxyType({self._of(k, depth + 1): self._of(v, depth + 1) for k, v in rest})
        if tag == "x":
            return NOT_FINITE[rest[0]]
        if tag == "p":
            return Path(rest[0])
        raise InputError(f"link: unknown mark {str(tag)[:20]!r}")


def _made(kind: type, values: list[Any]) -> Any:
    """A dataclass with these fields, without running its own checks again: they were run at the other end."""
    names = _fields(kind)
    if len(names) != len(values):
        raise InputError(f"link: {kind.__name__} has {len(names)} fields, got {len(values)}")
    if issubclass(kind, tuple):
        return kind(*values)
    made: Any = object.__new__(kind)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(made, name, value)
    return made


def _fields(kind: Any) -> tuple[str, ...]:
    """The names of the fields of a dataclass or a named tuple, in order."""
    return kind._fields if issubclass(kind, tuple) else tuple(kind.__dataclass_fields__)


def _key(value: object) -> Any:
    """Equal values share a number where equality is cheap; what holds arrays is known by identity."""
    try:
        hash(value)
    except TypeError:
        return id(value)
    return (type(value), value) if type(value).__eq__ is not object.__eq__ else id(value)


def _place(array: Array) -> tuple[Any, ...]:
    """The memory an array shows: two views of one place are one array."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str
