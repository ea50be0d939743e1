"""The table of actions of the Train screen; what it shares with the first screen is taken from there."""

from __future__ import annotations

from viewers.actions import BY_ID, PANELS, Action

SHARED = (
    "explore", "train", "compare", "next_panel", "previous_panel", "maximise", "layer_down", "layer_up",
    "head_previous", "head_next", "copy", "copy_command", "help", "palette", "close", "quit", "interrupt",
    "up", "down", "left", "right", "page_up", "page_down", "first", "last",
)  # fmt: skip

TRAINING_ACTIONS: tuple[Action, ...] = (
    Action("play", ("space",), "Begin, start or pause",
           "Makes a run of the preset and the text and says how long it will take; then starts it, and pauses it.",
           "Run"),
    Action("one_update", ("n", "f10"), "One update", "Makes one update and waits.", "Run"),
    Action("stop_run", ("S",), "Save and stop",
           "Saves a checkpoint and ends the run. What is being prepared is given up.", "Run"),
    Action("resume_run", ("r",), "Go on with a run", "Opens the newest checkpoint in a run's directory.", "Run"),
    Action("edit_files", ("i",), "Choose the text", "One or more text files, or directories of them.", "Run"),
    Action("edit_settings", ("t",), "Change settings",
           "Keys of the plan or the model as key=value: steps=2000 batch=16 n_layer=3.", "Run"),
    Action("edit_out", ("O",), "Choose where it is kept", "The run's directory; left empty, one is chosen.", "Run"),
    Action("curve", ("e",), "Which curve", "Loss, learning rate or gradient norm.", "Look"),
    Action("checkpoint_before", ("[",), "Checkpoint before", "Sample and attention as they were then.", "Look"),
    Action("checkpoint_next", ("]",), "Next checkpoint", "At the last one, the newest is followed again.", "Look"),
    Action("explore_checkpoint", ("o",), "Explore this checkpoint",
           "Opens the shown checkpoint in the first screen; the training goes on.", "Look"),
    Action("step_update", ("p",), "Step through an update of it",
           "Opens the shown checkpoint in the first screen, with loss, backward pass and its next update.",
           "Look"),
    *(BY_ID[name] for name in SHARED),
    Action("enter", ("enter",), "Take",
           "Run: choose this preset, or change this line. Attention: move inside the picture.", "Move", PANELS),
)  # fmt: skip

TRAINING_FOOTERS: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (("play", "begin/start/pause"), ("edit_files", "text"), ("one_update", "one step"), ("stop_run", "stop")),
    "curves": (("play", "start/pause"), ("one_update", "one step"), ("curve", "curve"), ("stop_run", "stop")),
    "layers": (("play", "start/pause"), ("one_update", "one step"), ("down", "layer"), ("stop_run", "stop")),
    "sample": (
        ("play", "start/pause"),
        ("checkpoint_before", "before"),
        ("explore_checkpoint", "explore it"),
        ("step_update", "update"),
    ),
    "pinned": (
        ("down", "layer"),
        ("right", "head"),
        ("explore_checkpoint", "explore it"),
        ("step_update", "update"),
    ),
}
