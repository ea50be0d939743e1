"""`minigpt COMMAND`: reads the command line and hands it to one file per command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from app.cli import (
    check,
    corpus,
    diff,
    download,
    evaluation,
    export,
    generate,
    heads,
    info,
    logits,
    phases,
    places,
    quantize,
    step,
    trace,
    train,
)
from app.cli.flags import Parser
from app.cli.guard import guarded
from app.cli.version import VERSION

COMMANDS: dict[str, ModuleType] = {
    "info": info,
    "generate": generate,
    "logits": logits,
    "step": step,
    "eval": evaluation,
    "heads": heads,
    "trace": trace,
    "diff": diff,
    "export": export,
    "quantize": quantize,
    "phases": phases,
    "check": check,
    "train": train,
    "download": download,
    "corpus": corpus,
    "paths": places,
}
DESCRIPTION = "A debugger for transformers: run, step and inspect decoder-only language models in NumPy."
EXAMPLE = "example: minigpt generate random:gpt2-2x240 --ids 1,2,3 -n 5"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(arguments), arguments)


def command_line() -> Parser:
    """The whole command line."""
    parser = Parser(prog="minigpt", description=DESCRIPTION, epilog=EXAMPLE, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"minigpt {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            epilog=f"example: {module.EXAMPLE}",
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_flags(command)
    return parser


def _run(arguments: list[str]) -> int:
    args = command_line().parse_args(arguments)
    return COMMANDS[args.command].run(args)


if __name__ == "__main__":
    sys.exit(main())
