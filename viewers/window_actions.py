"""What a person can do in the window: the actions of the first screen, and those that only a window has."""

from __future__ import annotations

from dataclasses import replace

from viewers.actions import ACTIONS, Action
from viewers.key_map import Keys, remapped

NO_KEYS: Keys = {}
ELSEWHERE = frozenset({
    "up", "down", "left", "right", "page_up", "page_down", "first", "last", "enter",  # the widgets' own keys
    "explore", "interrupt", "next_panel", "previous_panel", "palette", "export", "changes", "window",
})  # fmt: skip

OWN: tuple[Action, ...] = (
    Action("open_model", ("ctrl+shift+o",), "Open a model …",
           "A directory in the Hugging Face layout, or a .safetensors file.", "Files"),
    Action("save_trace", ("ctrl+t",), "Save a trace …",
           "Every value of the pass over this text, in one file.", "Files"),
    Action("copy_picture", ("ctrl+shift+c",), "Copy the picture", "The panel as it is, for another program.", "Files"),
    Action("save_picture", ("ctrl+shift+s",), "Save the picture …", "The panel as PNG or SVG.", "Files"),
    Action("export_files", ("ctrl+shift+e",), "Export files …",
           "Every picture, page and table of the text, into a directory.", "Files"),
    Action("copy_value", ("ctrl+shift+v",), "Copy the value", "The numbers of the shown value, as a table.", "Look"),
    Action("commands", ("ctrl+shift+p",), "Find an action", "Type a part of its name.", "App"),
    Action("theme", ("ctrl+shift+d",), "Light, dark, contrast, as the system", "Changes the window's colours.", "App"),
    Action("reset_layout", (), "Put the panels back", "As they were when the window was first opened.", "App"),
)  # fmt: skip

MORE_KEYS = {
    "undo": ("ctrl+z",), "redo": ("ctrl+shift+z",), "find": ("ctrl+f",), "copy": ("ctrl+c",),
}  # fmt: skip
"""Keys that are habits of windows, beside those of the table."""

SAME = {"export_files": "export", "commands": "palette"}
"""What does in a window what an action of the table does in a terminal: it has that one's keys too."""


def window_actions(keys: Keys = NO_KEYS) -> tuple[Action, ...]:
    """Every row of the window, with other keys for some. What a person gave to one action is nobody else's."""
    table = remapped(ACTIONS, keys)
    of_table = {row.id: row.keys for row in table}
    taken = {key for row in table if row.id not in ELSEWHERE or row.id in SAME.values() for key in row.keys}
    rows = [_with(row, MORE_KEYS.get(row.id, ()), taken) for row in table if row.id not in ELSEWHERE]
    for row in OWN:
        own = tuple(key for key in row.keys if key not in taken)
        rows.append(replace(row, keys=(*of_table.get(SAME.get(row.id, ""), ()), *own)))
    return tuple(rows)


def _with(row: Action, more: tuple[str, ...], taken: set[str]) -> Action:
    return replace(row, keys=(*row.keys, *(key for key in more if key not in taken)))


TOOLBAR: tuple[str | None, ...] = (
    "edit_prompt", "play", "take_back", "next_token", None,
    "restep", "rewind", "step_back", "step", "run", "step_into", "step_out", "breakpoint", "pass", None,
    "kv_cache", "int8", "low_rank_mlp", "optimize", None,
    "colouring", "attention_view", "lens", "watch", None,
    "models", "export_files", "theme",
)  # fmt: skip

ICONS = {
    "edit_prompt": "mdi6.pencil-outline", "play": "mdi6.play", "take_back": "mdi6.chevron-left",
    "next_token": "mdi6.chevron-right", "restep": "mdi6.refresh", "rewind": "mdi6.skip-backward",
    "step_back": "mdi6.step-backward", "step": "mdi6.step-forward", "run": "mdi6.skip-forward",
    "step_into": "mdi6.arrow-collapse-down", "step_out": "mdi6.arrow-collapse-up",
    "breakpoint": "mdi6.record-circle-outline", "pass": "mdi6.swap-horizontal", "kv_cache": "mdi6.database-outline",
    "int8": "mdi6.numeric-8-box-outline", "low_rank_mlp": "mdi6.arrow-split-vertical", "optimize": "mdi6.flash-outline",
    "colouring": "mdi6.palette-outline", "export_files": "mdi6.export",
    "attention_view": "mdi6.view-grid-outline", "lens": "mdi6.magnify", "watch": "mdi6.eye-outline",
    "models": "mdi6.folder-open-outline", "theme": "mdi6.theme-light-dark",
}  # fmt: skip
