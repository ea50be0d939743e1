"""The table of actions of the Models screen. A name is typed there, so that characters are none of its keys."""

from __future__ import annotations

from dataclasses import replace

from viewers.actions import BY_ID, Action

TYPING = "while typing"
MOVES = {"up": "up", "down": "down", "page_up": "pageup", "page_down": "pagedown", "close": "escape"}
"""What is shared with the first screen, and the key that it has here whatever else it has."""

MODELS_ACTIONS: tuple[Action, ...] = (
    Action("complete", ("tab",), "Complete the name",
           "As far as all rows agree; where they part at once, to the row under the cursor.", "Models", TYPING),
    *(replace(BY_ID[name], where=TYPING) for name in MOVES),
)  # fmt: skip


def while_typing(action: Action) -> tuple[str, ...]:
    """Those of its keys that do not type anything."""
    keys = [key for key in action.keys if len(key) > 1 and key != "space"]
    return tuple(dict.fromkeys([*keys, *filter(None, [MOVES.get(action.id)])]))
