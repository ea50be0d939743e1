"""`minigpt-tui`: the terminal app. It starts, and ends with the exit codes and the one line that every command has."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.cli.flags import (
    MODEL_HELP,
    Parser,
    add_prompt_flags,
    add_sampling_flags,
    add_settings_flags,
    are_settings_given,
    sampler_from,
    settings_from,
)
from app.cli.guard import guarded
from app.cli.output import say
from app.cli.version import VERSION
from engine.errors import InputError, SurroundingsError
from engine.saved import SESSION_ENDING, TRACE_ENDING

if TYPE_CHECKING:
    from app.screens.opening import Opening

NO_MODEL = "no model given, and none is shipped yet; run 'minigpt-tui PATH' or 'make run MODEL=PATH'"
INCAPABLE = ("dumb", "unknown")


def parser() -> Parser:
    """The command line of `minigpt-tui`."""
    made = Parser(
        prog="minigpt-tui",
        description="Step, inspect and run a language model in the terminal.",
        epilog="example: minigpt-tui path/to/model --prompt 'Once upon a time' --temperature 0.8 --seed 1",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"minigpt {VERSION}")
    made.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help=f"{MODEL_HELP}; a saved session, F.minigpt.json; a recorded pass, F.trace.safetensors",
    )
    made.add_argument("--anyway", action="store_true", help="open a session though its model has other weights now")
    add_prompt_flags(made, required=False)
    add_settings_flags(made)
    add_sampling_flags(made)
    return made


def opening_from(words: Sequence[str]) -> Opening:
    """What the command line asks for. Raises InputError."""
    from app.screens.opening import Opening

    args = parser().parse_args(words)
    if args.model is None:
        from app.config import read_config
        from engine.model import default_model

        args.model = read_config().model or default_model()
    if args.model is None:
        raise InputError(NO_MODEL)
    settings, sampler = settings_from(args), sampler_from(args)
    is_text_given = args.prompt is not None or args.ids is not None or are_settings_given(args)
    if args.model.endswith(TRACE_ENDING):
        if is_text_given:
            raise InputError("a trace holds its own text and settings: give none, or name a model")
        return Opening(args.model)
    if args.model.endswith(SESSION_ENDING):
        from engine.session_file import read_session

        if is_text_given:
            raise InputError("a session holds its own text and settings: give none, or name a model")
        kept = read_session(args.model)
        return Opening(kept.model, kept=kept, anyway=args.anyway, is_kept_safe=True)
    return Opening(args.model, prompt=args.prompt, ids=args.ids, settings=settings, sampler=sampler, seed=args.seed,
                   is_kept_safe=True)  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    """Run, and exit with the code that says how it went."""
    arguments = list(sys.argv[1:] if words is None else words)
    sys.exit(guarded(lambda: run(arguments), arguments))


def run(words: Sequence[str]) -> int:
    """Open the model while the screen is being made; return the exit code. What broke is raised after the screen."""
    from app.config import read_config
    from viewers.key_map import use

    opening, config = opening_from(words), read_config()
    use(config.keys)  # before any screen is made
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise SurroundingsError("not a terminal: minigpt-tui needs one; 'minigpt' works without")
    if os.environ.get("TERM") in INCAPABLE:
        raise SurroundingsError(
            f"TERM={os.environ['TERM']}: minigpt-tui needs a terminal that can place text; 'minigpt' works without"
        )
    for stream in (sys.__stdout__, sys.__stderr__):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # whatever the locale says: escapes would move all that follows
    opening.start()
    from app.screens.application import MiniGPTApp

    app = MiniGPTApp(opening, words, config.theme if config.is_theme_given else None)
    try:
        app.run()
    finally:
        said = app.end_training()
        app.opening.close()
    if said:
        say(f"training: {said}")
    if (broken := app.opening.error or app.crash) is not None:
        raise broken
    return app.return_code or 0


if __name__ == "__main__":
    main()
