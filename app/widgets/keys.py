"""From the table of actions to Textual's bindings."""

from __future__ import annotations

from collections.abc import Sequence

from viewers.actions import ACTIONS, Action

NAMES = {
    "]": "right_square_bracket", "[": "left_square_bracket", "?": "question_mark", "/": "slash", ",": "comma",
    ".": "full_stop", "<": "less_than_sign", ">": "greater_than_sign", "+": "plus", "-": "minus",
}  # fmt: skip


def textual_key(key: str) -> str:
    """Textual's name of a key of the table."""
    return NAMES.get(key, key)


def bindings(where: str, actions: Sequence[Action] = ACTIONS) -> list[tuple[str, str, str]]:
    """(keys, action, title) of every action of one place."""
    return [
        (",".join(map(textual_key, action.keys)), action.id, action.title)
        for action in actions
        if action.where == where
    ]
