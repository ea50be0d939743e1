"""One table of what a person can do. Keys, footers, palette, help and documentation are all made from it.

Keys are written as a person would: `n`, `N`, `]`, `ctrl+p`, `shift+tab`, `space`, `f10`. Each screen toolkit translates
them to its own names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.settings import TABLE

EVERYWHERE, PANELS = "everywhere", "in a panel"


@dataclass(frozen=True)
class Action:
    """One row.

    group   the heading it stands under on the help page
    where   EVERYWHERE, PANELS (what the focused panel does with a movement key), or the one panel it belongs to
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    group: str
    where: str = EVERYWHERE


ACTIONS: tuple[Action, ...] = (
    Action("play", ("space",), "Generate or pause",
           "Goes on with the text; the same key stops it. What was made is kept.", "Text"),
    Action("slower", ("-",), "Slower", "Fewer tokens per second, down to one in two seconds.", "Text"),
    Action("faster", ("+", "="), "Faster", "More tokens per second, up to as many as it can.", "Text"),
    Action("next_token", ("]",), "One token on", "Draws one token with the sampler and the seed.", "Text"),
    Action("take_back", ("[",), "One token back",
           "Takes the last token back; going on repeats the same draw.", "Text"),
    Action("edit_prompt", ("i",), "Edit the prompt", "Enter runs it, Escape leaves it as it was.", "Text"),
    Action("colouring", ("e",), "Colour the text",
           "By probability, entropy, difference to the second lane (v) if there is one, or not at all; see its legend.",
           "Text"),
    Action("branches", ("B",), "Branches",
           "The tree of texts that were left by choosing another token, with probabilities; Enter returns to one.",
           "Text"),
    Action("undo_text", ("{",), "Undo in the text",
           "The last prompt, choice or tokens; values changed by hand have an undo of their own.", "Text"),
    Action("redo_text", ("}",), "Redo in the text", "Does again what was undone in the text.", "Text"),
    Action("step", ("n", "f10"), "Step forward", "Does the next line, part or block: s and f set how much.", "Step"),
    Action("step_back", ("N", "shift+f10"), "Step back", "Forgets what the last step made.", "Step"),
    Action("step_into", ("s", "f11"), "Step into",
           "Smaller steps: block, then attention or MLP, then one operation.", "Step"),
    Action("step_out", ("f", "shift+f11"), "Step out", "Larger steps.", "Step"),
    Action("run", ("c",), "Run", "To the next breakpoint or the end.", "Step"),
    Action("rewind", ("C",), "Back to the start", "Forgets every value of the stepped pass.", "Step"),
    Action("breakpoint", ("b", "f9"), "Breakpoint",
           "Stops a run before the line under the listing's cursor.", "Step"),
    Action("restep", ("r",), "Step this text", "Starts the stepped pass again over the text as it is now.", "Step"),
    Action("pass", ("p",), "Which pass: plain, generating, training",
           "As the paper writes it; as generation runs it; or with loss, backward pass and one update of the weights.",
           "Step"),
    Action("edit_value", ("a",), "Change this value",
           "Zero, scale, add, set, mean, a silent head, or a patch; the pass and what is generated go on with it.",
           "Step"),
    Action("watch", ("m",), "Watch this value",
           "Its least, largest, mean and norm stay in sight while the pass is stepped; again drops it.", "Step"),
    Action("run_until", ("R",), "Run until",
           "An address, or a part of one; forward, or back if it is done.", "Step"),
    Action("source", ("O",), "Source of this line",
           "The Python function of its operation, and where the line was written.", "Step"),
    Action("value_form", ("H",), "Value: heat map, numbers, histogram", "Three ways to look at it.", "Look"),
    Action("lens", ("T",), "What a value would say (logit lens)",
           "The end of the model applied to every value of the residual stream; again or Escape closes it.", "Step"),
    Action("undo", ("u",), "Undo a changed value",
           "The last change of values by hand; the text has an undo of its own.", "Step"),
    Action("redo", ("U",), "Redo a changed value", "Changes again the values that were undone last.", "Step"),
    Action("clear_edits", ("A",), "Clear all changes", "The model as it is again; undo brings them back.", "Step"),
    Action("next_panel", ("tab",), "Next panel", "Moves to the next panel, and brings it to the front.", "Look"),
    Action("previous_panel", ("shift+tab",), "Previous panel", "Moves to the panel before.", "Look"),
    Action("maximise", ("z",), "Maximise",
           "Gives the whole screen to one panel; again or Escape gives it back.", "Look"),
    Action("layer_down", ("<",), "Layer before",
           "In attention and entropy; in the listing, the same line one block earlier.", "Look"),
    Action("layer_up", (">",), "Next layer",
           "In attention and entropy; in the listing, the same line one block later.", "Look"),
    Action("head_previous", (",",), "Head before", "Also the slice of a value with heads.", "Look"),
    Action("head_next", (".",), "Next head", "Also the slice of a value with heads.", "Look"),
    Action("entropy_over", ("o",), "Entropy: token, mean, all tokens",
           "The entropy panel shows one token, the mean over the text, or the heads of a layer over all tokens.",
           "Look"),
    Action("attention_view", ("V",), "Attention: head, layer, all, likeness",
           "One head; all heads of its layer; the wall of all layers; how alike heads look. Enter shows one alone.",
           "Look"),
    Action("attention_scale", ("L",), "Attention: colours",
           "Shares by their root, evenly, by their logarithm, or each row by its own largest; the legend says which.",
           "Look"),
    Action("hide_first", ("0",), "Attention without the first token",
           "Leaves it out and divides each row by the sum of the rest: many heads park their attention there.", "Look"),
    Action("find", ("/", "g"), "Find or go to",
           "Part of an address, a token, or a token's number; Enter again finds the next.", "Look"),
    Action("copy", ("y",), "Copy the sentence",
           "What the panel says about the cell, token or line under its cursor.", "Look"),
    Action("copy_command", ("Y",), "Copy the command",
           "A command line that opens this model, text and settings again.", "Look"),
    *(Action(row.name, (row.key,), row.title, row.why, "Settings") for row in TABLE if row.key),
    Action("settings_panel", ("S",), "All settings",
           "Each with its value, its key and why; ← → or a click switch it, Enter types a number.", "Settings"),
    Action("changes", ("D",), "What the last setting changed",
           "The lines that went, came and changed, bytes, speed and drift; again or Escape closes it.", "Settings"),
    Action("sampler", ("t",), "Sampling and seed",
           "Temperature, top-k, top-p, repetition penalty, seed; each change applies at once.", "Settings"),
    Action("export", ("x",), "Export",
           "Pictures, pages, tables, a trace, the session: what, as which files, where.", "Files"),
    Action("save_session", ("ctrl+s",), "Save the session",
           "Text, branches, settings, seed, edits, in a file that is opened again as it was.", "Files"),
    Action("open_session", ("ctrl+o",), "Open a session",
           "Those of this directory, and what was kept for you when the program ended.", "Files"),
    Action("explore", ("f2",), "Explore", "The first screen: a text, and the pass behind its next token.", "Screens"),
    Action("train", ("f3",), "Train", "Watch a model learn a text of yours; it goes on behind the other screens.",
           "Screens"),
    Action("compare", ("v", "f4"), "Compare",
           "Beside another setting, model or text: the first value that parts, and what becomes of it.", "Screens"),
    Action("models", ("M", "f5"), "Models",
           "Shipped, used before, random shapes, or any directory: what each needs of the memory; Enter opens one.",
           "Screens"),
    Action("window", ("w",), "The window",
           "Opens this session in a window too: what one does, the other shows.", "Screens"),
    Action("help", ("?", "f1"), "Help", "This page.", "App"),
    Action("palette", ("ctrl+p",), "Palette", "Find any action by name; themes too.", "App"),
    Action("close", ("escape",), "Close one layer",
           "A page, a maximised panel, running work, a chosen token: the topmost of them.", "App"),
    Action("quit", ("q", "ctrl+q"), "Quit", "Leaves the program.", "App"),
    Action("interrupt", ("ctrl+c",), "Stop", "Stops the work that runs; with none it asks once, then leaves.", "App"),
    Action("up", ("up", "k"), "Up", "One row up; in attention, the layer before.", "Move", PANELS),
    Action("down", ("down", "j"), "Down", "One row down; in attention, the next layer.", "Move", PANELS),
    Action("left", ("left", "h"), "Left",
           "Text: token before. Program: fold. Value: column. Attention: head before.", "Move", PANELS),
    Action("right", ("right", "l"), "Right",
           "Text: next token. Program: unfold. Value: column. Attention: next head.", "Move", PANELS),
    Action("page_up", ("pageup",), "Ten up", "Ten rows up.", "Move", PANELS),
    Action("page_down", ("pagedown",), "Ten down", "Ten rows down.", "Move", PANELS),
    Action("first", ("home",), "First", "First row, token or cell.", "Move", PANELS),
    Action("last", ("end",), "Last",
           "Last row, token or cell; in the text, the place of the next token.", "Move", PANELS),
    Action("enter", ("enter",), "Take",
           "Candidates: put this token here. Program: run to this line. Attention: move inside the picture. "
           "Entropy: look at this head.", "Move", PANELS),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}


def groups_of(actions: Sequence[Action]) -> tuple[str, ...]:
    """The headings of a help page, in order."""
    return tuple(dict.fromkeys(action.group for action in actions))


FOOTERS: dict[str, tuple[tuple[str, str], ...]] = {
    "text": (("edit_prompt", "prompt"), ("play", "generate"), ("next_token", "one on"), ("take_back", "one back")),
    "candidates": (
        ("enter", "take it"),
        ("next_token", "draw one"),
        ("undo_text", "undo"),
        ("sampler", "sampling"),
    ),
    "program": (("step", "step"), ("run", "run"), ("breakpoint", "breakpoint"), ("pass", "which pass")),
    "value": (("right", "cell"), ("head_next", "head"), ("step", "step"), ("maximise", "maximise")),
    "attention": (("attention_view", "all heads"), ("right", "head"), ("enter", "into"), ("hide_first", "first token")),
    "entropy": (("down", "layer"), ("right", "head"), ("enter", "look"), ("entropy_over", "over what")),
    "settings": (("down", "choose"), ("right", "next"), ("enter", "switch"), ("changes", "what changed")),
    "changes": (("down", "scroll"), ("changes", "close it"), ("settings_panel", "settings"), ("play", "generate")),
    "watch": (("down", "next"), ("watch", "drop it"), ("step", "step"), ("copy", "copy")),
    "lens": (("down", "value before"), ("step", "step"), ("copy", "copy"), ("lens", "close it")),
    "edits": (("edit_value", "change"), ("undo", "undo"), ("clear_edits", "clear"), ("copy_command", "as command")),
    "time": (("down", "line"), ("right", "unfold"), ("enter", "measure"), ("maximise", "maximise")),
    "memory": (("kv_cache", "KV cache"), ("optimize", "optimized"), ("play", "generate"), ("maximise", "maximise")),
}
"""The keys that the bottom line shows for each panel: an action and the word it gets there. ALWAYS follows them."""

ALWAYS: tuple[tuple[str, str], ...] = (("next_panel", "panel"), ("help", "help"), ("quit", "quit"))

KEY_NAMES = {
    "space": "space", "up": "↑", "down": "↓", "left": "←", "right": "→", "enter": "Enter", "escape": "Esc",
    "tab": "Tab", "shift+tab": "⇧Tab", "pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End",
}  # fmt: skip


def shown(key: str) -> str:
    """A key as a person reads it: `↑`, `^p`, `⇧F10`."""
    if key in KEY_NAMES:
        return KEY_NAMES[key]
    *mods, name = key.split("+") if len(key) > 1 else [key]
    marks = "".join({"ctrl": "^", "shift": "⇧"}[mod] for mod in mods)
    return marks + (name.upper() if len(name) > 1 else name)


def key_of(id: str) -> str:
    """The first key of an action as a person reads it; the one it has now, if a person gave it another."""
    return shown(BY_ID[id].keys[0])
