"""From the table of actions to Textual's bindings."""

from __future__ import annotations

from collections.abc import Sequence

from viewers import actions, models_actions
from viewers.actions import ACTIONS, Action
from viewers.models_actions import while_typing

NAMES = {
    "]": "right_square_bracket", "[": "left_square_bracket", "?": "question_mark", "/": "slash", ",": "comma",
    ".": "full_stop", "<": "less_than_sign", ">": "greater_than_sign", "+": "plus", "-": "minus",
}  # fmt: skip


def textual_key(key: str) -> str:
    """Textual's name of a key of the table."""
    return NAMES.get(key, key)


def bindings(where: str, table: Sequence[Action] = ACTIONS) -> list[tuple[str, str, str]]:
    """(keys, action, title) of every action of one place."""
    return [
        (",".join(map(textual_key, action.keys)), action.id, action.title) for action in table if action.where == where
    ]


def keys_of(id: str, *more: str) -> str:
    """The keys of one action as a binding takes them, and more of the caller's own."""
    return ",".join(dict.fromkeys(map(textual_key, (*actions.BY_ID[id].keys, *more))))


def typing_keys(id: str) -> str:
    """The keys of one action of the Models screen as a binding takes them."""
    action = next(row for row in models_actions.MODELS_ACTIONS if row.id == id)
    return ",".join(map(textual_key, while_typing(action)))
