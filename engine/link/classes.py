"""Which classes travel: the dataclasses and named tuples that a snapshot can hold, found by the types of its fields."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache


@cache
def travelling() -> dict[str, type]:
    """All dataclasses and named tuples that the two snapshots and the commands can hold, by name."""
    from engine.edits import Edit
    from engine.snapshot import Snapshot
    from engine.training.snapshot import TrainingSnapshot

    found: dict[str, type] = {}
    for kind in (Snapshot, TrainingSnapshot, Edit):
        _collect(kind, found)
    return found


def _collect(kind: type, found: dict[str, type]) -> None:
    if found.get(kind.__name__) is kind:
        return
    if kind.__name__ in found:
        raise TypeError(f"two classes are called {kind.__name__}: {kind} and {found[kind.__name__]}")
    found[kind.__name__] = kind
    for hint in typing.get_type_hints(kind).values():
        for inner in _inside(hint):
            _collect(inner, found)


def _inside(hint: object) -> Iterator[type]:
    """The dataclasses and named tuples in a type, however deep."""
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias):
        if is_dataclass(hint) or (issubclass(hint, tuple) and hasattr(hint, "_fields")):
            yield hint
        return
    for part in typing.get_args(hint):
        yield from _inside(part)
