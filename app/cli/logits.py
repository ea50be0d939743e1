"""The logits of every token of a text, as a .npy file: float32, (T, V); row t is what the model expects after token t.

They are computed by the program that the settings run; without flags that is the one that generates. With --edit it is
the plain program, in which values are changed by hand.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.cli.flags import (
    add_edit_flag,
    add_model,
    add_prompt_flags,
    add_settings_flags,
    are_settings_given,
    settings_from,
    threads,
)
from app.cli.output import Progress, say
from engine.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from engine.model import Model
    from engine.settings import Settings

HELP = "write the logits of a text to a .npy file"
EXAMPLE = "minigpt logits random:gpt2-2x240 --ids 1,2,3 -o logits.npy"


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_prompt_flags(parser)
    parser.add_argument("-o", "--output", required=True, metavar="F.npy", help="the file to write")
    add_edit_flag(parser)
    add_settings_flags(parser)


def run(args: argparse.Namespace) -> int:
    from app.cli.opening import open_for, prompt_ids

    settings_from(args)  # refused before anything is loaded
    if args.edit and are_settings_given(args):
        raise InputError("--edit changes values of the plain program: leave out the settings flags")
    model = open_for(args)
    ids = prompt_ids(args, model)
    with threads(args):
        logits = edited(model, ids, args.edit) if args.edit else compute(model, settings_from(args), ids)
    _warn(logits)
    save(args.output, logits)
    say(f"wrote {args.output}: float32, {logits.shape[0]} tokens x {logits.shape[1]} logits")
    return 0


def compute(model: Model, settings: Settings, ids: list[int]) -> np.ndarray:
    """Logits (T, V) of a text, fed as generation feeds a prompt."""
    import numpy as np

    from engine.decoder import Decoder
    from engine.prepare import prepare

    decoder, progress, parts = Decoder(prepare(model.config, model.weights, settings)), Progress("tokens"), []
    for fed in decoder.feed(ids):
        parts.append(fed.logits)
        progress.show(len(decoder.ids), len(ids))
    progress.clear()
    return np.concatenate(parts)


def edited(model: Model, ids: list[int], texts: list[str]) -> np.ndarray:
    """Logits (T, V) of the plain program with values changed by hand. Raises InputError for an edit it cannot take."""
    from engine.edit_text import edit_from_text, from_trace
    from engine.session import Session

    session = Session(model)
    session.edits = [edit_from_text(text, from_trace) for text in texts]
    session.prompt(ids=ids)
    assert session.stepper is not None
    if problem := next((view.problem for view in session.stepper.edits if view.problem), None):
        raise InputError(problem)
    return session.stepper.run.run()["logits"][0]


def save(path: str, logits: np.ndarray) -> None:
    """Write the array and read it back before it takes its name."""
    import numpy as np

    from engine.errors import SurroundingsError
    from engine.files import atomic_file, shortened

    with atomic_file(path) as file:
        np.save(file, logits, allow_pickle=False)
        file.flush()
        file.seek(0)
        if np.load(file, allow_pickle=False).tobytes() != logits.tobytes():
            raise SurroundingsError(f"{shortened(path)}: the disk gave back other bytes than were written")


def _warn(logits: np.ndarray) -> None:
    import numpy as np

    bad = ~np.isfinite(logits)
    if bad.any():
        first = int(bad.any(1).argmax())
        say(f"warning: {int(bad.sum()):,} logits are NaN or infinite, the first after token {first}")
