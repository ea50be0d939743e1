"""`minigpt-tui`: the terminal app. It starts, watches over signals and faults, and leaves the terminal as it was."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from engine.errors import LONGEST_MESSAGE, InputError, MiniGPTError, SurroundingsError
from engine.text import visible

if TYPE_CHECKING:
    from app.screens.opening import Opening

NO_MODEL = "no model given, and none is shipped yet; run 'minigpt-tui PATH' or 'make run MODEL=PATH'"


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every error of ours."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(f"{message}; see '{self.prog} --help'")


def parser() -> argparse.ArgumentParser:
    """The command line of `minigpt-tui`."""
    from app.cli.flags import add_sampling_flags, add_settings_flags

    made = OneLineParser(
        prog="minigpt-tui",
        description="Step, inspect and run a language model in the terminal.",
        epilog="example: minigpt-tui path/to/model --prompt 'Once upon a time' --temperature 0.8 --seed 1",
    )
    made.add_argument("model", nargs="?", help="a model directory, a .safetensors file, or the name of a shipped model")
    given = made.add_mutually_exclusive_group()
    given.add_argument("-p", "--prompt", metavar="TEXT", help="the text to begin with")
    given.add_argument("--ids", metavar="1,2,3", help="the tokens to begin with, for models without a tokenizer")
    add_settings_flags(made)
    add_sampling_flags(made)
    return made


def opening_from(words: list[str] | None) -> Opening:
    """What the command line asks for. Raises InputError."""
    from app.cli.flags import sampler_from, settings_from
    from app.screens.opening import Opening

    args = parser().parse_args(words)
    if args.model is None:
        from engine.model import shipped_models

        args.model = next(iter(shipped_models()), None)
    if args.model is None:
        raise InputError(NO_MODEL)
    try:
        ids = None if args.ids is None else [int(word) for word in args.ids.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"--ids: expected whole numbers as 1,2,3, got {args.ids!r}") from None
    return Opening(
        args.model,
        prompt=args.prompt,
        ids=ids,
        settings=settings_from(args),
        sampler=sampler_from(args),
        seed=getattr(args, "seed", 0) or 0,
    )


def main(words: list[str] | None = None) -> None:
    """Run, and exit with the code that says how it went."""
    try:
        code = run(words)
    except MiniGPTError as error:
        code = say(error)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def run(words: list[str] | None) -> int:
    """Open the model while the screen is being made; return the exit code."""
    opening = opening_from(words)
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise SurroundingsError("not a terminal: minigpt-tui needs one; 'minigpt' works without")
    opening.start()
    from app.screens.application import MiniGPTApp

    app = MiniGPTApp(opening)
    try:
        app.run()
    finally:
        opening.close()
    if opening.error is not None:
        return say(opening.error)
    if app.crash is not None:
        return say(app.crash)
    return app.return_code or 0


def say(error: BaseException) -> int:
    """One line on standard error, and the exit code. A bug of ours leaves a report and says where."""
    if isinstance(error, MiniGPTError):
        line, code = f"error: {error}", error.exit_code
    elif isinstance(error, OSError):
        line, code = f"error: {error.filename or 'system'}: {error.strerror or error}", 3
    elif isinstance(error, MemoryError):
        line, code = "error: not enough memory; try a smaller model or --kv-window", 3
    else:
        line, code = f"error: a bug of ours, {type(error).__name__}: {error}; the report is in {report(error)}", 1
    print(visible(line)[:LONGEST_MESSAGE], file=sys.stderr)
    return code


def report(error: BaseException) -> str:
    """Write a crash report; its path, or why there is none."""
    import tempfile
    import traceback

    try:
        handle, path = tempfile.mkstemp(prefix="minigpt-crash-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError as problem:
        return f"no file ({problem.strerror})"
    return path


if __name__ == "__main__":
    main()
