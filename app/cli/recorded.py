"""The trace that a command works on: recorded from a model and a text, read from its file, or of a session's text."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from app.cli import flags
from app.cli.output import Progress, say
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.edits import Edit
    from engine.model import Model
    from engine.settings import Settings
    from engine.trace import Trace

SOURCE_HELP = "a model as everywhere, or F.trace.safetensors, or F.minigpt.json"
MEBIBYTE = 1 << 20


def add_flags(parser: argparse.ArgumentParser) -> None:
    """What is recorded: the text, what is generated after it, how it is run, and how much is kept."""
    flags.add_prompt_flags(parser, required=False)
    parser.add_argument("-n", "--count", type=flags.count, default=0, metavar="N", help="tokens to generate first (0)")
    parser.add_argument("--given", type=flags.positive, metavar="N",
                        help="how many of the tokens count as the prompt (all that were given)")  # fmt: skip
    parser.add_argument("--lowered", action="store_true",
                        help="record the optimized program that generates, not the plain one")  # fmt: skip
    parser.add_argument("--keep", action="append", metavar="ADDRESS", help="record only this value; may be repeated")
    parser.add_argument("--budget", type=flags.positive, default=256, metavar="MIB",
                        help="memory for the values: first the residual stream, then attention, logits, the rest from "
                        "the smallest up (256)")  # fmt: skip
    parser.add_argument("--anyway", action="store_true", help="open a session though its model has other weights now")
    flags.add_sampling_flags(parser)
    flags.add_settings_flags(parser)


def trace_from(args: argparse.Namespace) -> Trace:
    """Read the trace that `args.source` names, or record one: of a model and a text, or of a session's text."""
    from engine.trace_file import is_trace, open_trace

    flags.settings_from(args), flags.sampler_from(args)  # refused before anything is loaded
    if is_trace(args.source):
        _refuse(args, "a trace holds its own text and settings")
        return open_trace(args.source)
    with flags.threads(args):
        text = _text_of_session(args) if str(args.source).endswith(".minigpt.json") else _text_of_model(args)
        return _recorded(text, args)


class Text(NamedTuple):
    """What is recorded. `given` is how many of the ids were the prompt."""

    model: Model
    settings: Settings
    ids: list[int]
    given: int
    seed: int
    edits: tuple[Edit, ...] = ()


def _text_of_model(args: argparse.Namespace) -> Text:
    """The prompt of the command line, and what is generated after it."""
    from app.cli.opening import open_for, prompt_ids

    if args.prompt is None and args.ids is None:
        raise InputError("one of -p/--prompt and --ids is required to record a model; see --help")
    args.model = args.source
    model, settings = open_for(args), flags.settings_from(args)
    ids = prompt_ids(args, model)
    return Text(model, settings, _continued(model, settings, ids, args), args.given or len(ids), args.seed)


def _continued(model: Model, settings: Settings, ids: list[int], args: argparse.Namespace) -> list[int]:
    """The ids with as many more as were asked for."""
    from engine.session import Session

    if not args.count:
        return ids
    session, progress = Session(model, settings, flags.sampler_from(args), args.seed), Progress("tokens")
    session.prompt(ids=ids)
    for made, _ in enumerate(session.generate(args.count), 1):
        progress.show(made, args.count)
    progress.clear()
    say(f"{len(session.tokens) - len(ids)} tokens generated, ended by: {session.ended}")
    return session.tokens


def _text_of_session(args: argparse.Namespace) -> Text:
    """The active text of a saved session, on the model that it names."""
    from app.cli.opening import open_for
    from engine.session_file import check_model, read_session

    _refuse(args, "a session holds its own text and settings")
    kept = read_session(args.source)
    args.model = kept.model
    model = open_for(args)
    check_model(kept, model, args.anyway)
    return Text(model, kept.settings, kept.tokens, kept.given, kept.seed, kept.edits)


def _recorded(text: Text, args: argparse.Namespace) -> Trace:
    from engine.recording import record_text

    if text.given > len(text.ids):
        raise InputError(f"--given: expected at most {len(text.ids)}, the number of tokens, got {text.given}")
    progress = Progress("lines")
    trace = record_text(
        text.model,
        text.ids,
        text.settings,
        prompt_length=text.given,
        seed=text.seed if len(text.ids) > text.given else None,
        keep=args.keep,
        budget_bytes=args.budget * MEBIBYTE,
        lowered=args.lowered,
        edits=text.edits,
        report=progress.show,
    )
    progress.clear()
    if trace.dropped and not args.keep:
        say(f"{len(trace.dropped)} of {len(trace.rows)} values do not fit in --budget {args.budget} and are left out")
    return trace


def _refuse(args: argparse.Namespace, why: str) -> None:
    """Nothing that was asked for is passed over in silence."""
    asked = {
        "-p": args.prompt is not None,
        "--ids": args.ids is not None,
        "-n": bool(args.count),
        "--given": args.given is not None,
        "a settings flag": flags.are_settings_given(args),
    }
    for flag, is_given in asked.items():
        if is_given:
            raise InputError(f"{flag}: {why}; leave it out, or name a model")
