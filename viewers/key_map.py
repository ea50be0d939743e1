"""Other keys for the actions of the tables: checked as a whole, then put into them before any screen is made.

An action that several screens share has one id, and the same keys on each of them.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from viewers import actions, compare_actions, models_actions, training_actions
from viewers.actions import KEY_NAMES, Action
from viewers.models_actions import TYPING, while_typing

NAMED = {*KEY_NAMES, "backspace", "delete", "insert", *(f"f{i}" for i in range(1, 13))}
KEY = re.compile(r"((?:ctrl\+)?(?:shift\+)?)([!-~]|[a-z0-9]+)")
FIXED = {"interrupt": "ctrl+c", "close": "escape"}  # the ways out stay what they are everywhere
Keys = Mapping[str, Sequence[str]]


def remapped(table: Iterable[Action], keys: Keys) -> tuple[Action, ...]:
    """The table with other keys for some of its actions."""
    return tuple(replace(row, keys=tuple(keys[row.id])) if row.id in keys else row for row in table)


def tables() -> dict[str, tuple[Action, ...]]:
    """Every screen's actions, by what the screen is called."""
    return {
        "Explore": actions.ACTIONS,
        "Train": training_actions.TRAINING_ACTIONS,
        "Compare": compare_actions.COMPARE_ACTIONS,
        "Models": models_actions.MODELS_ACTIONS,
    }


def refusal_of(keys: Keys) -> tuple[str, str] | None:
    """The first action id whose keys cannot be so, and why; None if all can."""
    known = {row.id: row for table in tables().values() for row in table}
    for id, given in keys.items():
        if id not in known:
            close = difflib.get_close_matches(id, known, n=3)
            return id, f"is no action; did you mean {', '.join(close)}?" if close else "is no action"
        if id in FIXED:
            return id, f"stays {FIXED[id]}: it must work everywhere"
        if wrong := next((key for key in given if not is_key(key)), None):
            return id, f"expected a key as n, ctrl+g, shift+f10, space or pageup, got {wrong[:20]!r}"
    for screen, table in tables().items():
        if found := _refused_in(table, keys, screen):
            return found
    return None


def _refused_in(table: Sequence[Action], keys: Keys, screen: str) -> tuple[str, str] | None:
    """Why one screen cannot have these keys."""
    for row in remapped(table, keys):
        if row.where == TYPING and not while_typing(row):
            return row.id, f"needs a key that is no character: on the {screen} screen a name is typed"
    for key in twice(remapped(table, keys)) - twice(table):
        users = [row.id for row in remapped(table, keys) if key in row.keys]
        mine = next(id for id in users if id in keys)
        other = next((id for id in users if id != mine), mine)
        return mine, f"{key!r} is the key of {other} too; give {other} another one"
    return None


def is_key(key: str) -> bool:
    """Whether a terminal can send it: a character, a named key, or one of them with ctrl or shift."""
    found = KEY.fullmatch(key)
    if found is None:
        return False
    held, name = found.groups()
    return name in NAMED or (len(name) == 1 and (not held or (held == "ctrl+" and name.isalpha() and name.islower())))


def twice(table: Iterable[Action]) -> set[str]:
    """The keys that stand in a table more than once."""
    counted = Counter(key for row in table for key in row.keys)
    return {key for key, count in counted.items() if count > 1}


def use(keys: Keys) -> None:
    """Give the tables of actions these keys. Screens are made from them, so it comes before the first of them."""
    actions.ACTIONS = remapped(actions.ACTIONS, keys)
    actions.BY_ID = {action.id: action for action in actions.ACTIONS}
    training_actions.TRAINING_ACTIONS = remapped(training_actions.TRAINING_ACTIONS, keys)
    compare_actions.COMPARE_ACTIONS = remapped(compare_actions.COMPARE_ACTIONS, keys)
    models_actions.MODELS_ACTIONS = remapped(models_actions.MODELS_ACTIONS, keys)
