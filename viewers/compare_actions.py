"""The table of actions of the Compare screen; what it shares with the first screen is taken from there."""

from __future__ import annotations

from viewers.actions import BY_ID, PANELS, Action

SHARED = (
    "explore", "train", "next_panel", "previous_panel", "maximise", "copy", "copy_command", "help", "palette", "close",
    "quit", "interrupt", "up", "down", "left", "right", "page_up", "page_down", "first", "last",
)  # fmt: skip

COMPARE_ACTIONS: tuple[Action, ...] = (
    Action("compare", ("v", "f4"), "Choose B", "Another setting, another model, or another text beside this one.",
           "Lanes"),
    Action("edit_words", ("t",), "B's settings in words", "Several at once: int8=all,rank=32,kv-window=16.", "Lanes"),
    Action("edit_model", ("M",), "Another model as B",
           "A directory, a shipped model or random:PRESET; settings may follow a colon: tales:int8=all.", "Lanes"),
    Action("edit_text", ("i",), "Another text for B",
           "Both lanes are compared on the positions that both texts have; empty: the same text.", "Lanes"),
    Action("next_token", ("]",), "One token on", "Draws one token of the session's text; both lanes follow.", "Text"),
    Action("take_back", ("[",), "One token back", "Takes the last token back; both lanes follow.", "Text"),
    Action("flip_next", ("d",), "Next changed choice",
           "The next token for which B's first choice is not A's.", "Text"),
    Action("flip_previous", ("D",), "Changed choice before", "The one before.", "Text"),
    Action("first_over", ("f",), "Where they part", "The first address over the threshold, in execution order.",
           "Drift"),
    Action("over_next", ("n",), "Next over the threshold", "The next address that has parted.", "Drift"),
    Action("over_previous", ("N",), "Over the threshold, before", "The one before.", "Drift"),
    Action("threshold_up", ("+",), "Higher threshold", "Ten times the relative error above which one has parted.",
           "Drift"),
    Action("threshold_down", ("-",), "Lower threshold", "A tenth of it.", "Drift"),
    Action("order", ("e",), "Order of addresses", "As executed, the worst first, or only those over the threshold.",
           "Drift"),
    Action("find", ("/", "g"), "Find an address", "Part of an address, or a token's number; again: the next.", "Drift"),
    Action("layer_down", ("<",), "Layer before", "The same address one block earlier.", "Look"),
    Action("layer_up", (">",), "Next layer", "The same address one block later.", "Look"),
    Action("head_previous", (",",), "Head before", "The slice of a value with heads.", "Look"),
    Action("head_next", (".",), "Next head", "The slice of a value with heads.", "Look"),
    *(BY_ID[name] for name in SHARED),
    Action("enter", ("enter",), "Take", "Lanes: make B what is under the cursor.", "Move", PANELS),
)  # fmt: skip

COMPARE_FOOTERS: dict[str, tuple[tuple[str, str], ...]] = {
    "lanes": (("enter", "take B"), ("edit_words", "in words"), ("edit_model", "model"), ("edit_text", "text")),
    "texts": (("right", "token"), ("flip_next", "next change"), ("next_token", "one on"), ("compare", "choose B")),
    "tokens": (("down", "token"), ("flip_next", "next change"), ("next_token", "one on"), ("compare", "choose B")),
    "drift": (("first_over", "first that parts"), ("over_next", "next"), ("order", "order"), ("compare", "choose B")),
    "curve": (("down", "layer"), ("first_over", "first that parts"), ("compare", "choose B"), ("maximise", "maximise")),
    "values": (("right", "cell"), ("head_next", "head"), ("layer_up", "layer"), ("compare", "choose B")),
}
