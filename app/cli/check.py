"""Is this a model that can be opened? A plain answer: yes and what it is, or no and why (exit code 2).

Reads the configuration, every tensor and the tokenizer; runs nothing.
"""

from __future__ import annotations

import argparse

from app.cli.output import line, say, write_json
from engine.errors import MiniGPTError

HELP = "say whether a model can be opened"
EXAMPLE = "minigpt check ~/models/SmolLM2-135M"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="PATH", help="a model directory or a .safetensors file")
    parser.add_argument("--json", action="store_true", help="the answer for a machine")


def run(args: argparse.Namespace) -> int:
    from engine.fits import require_memory
    from engine.model import open_model

    try:
        model = open_model(args.model)
    except MiniGPTError as error:
        if args.json:
            write_json({"ok": False, "reason": str(error)})
        else:
            line("no")
        raise
    tokens = f"{model.tokenizer.vocabulary_size:,} tokens" if model.tokenizer else "no tokenizer: takes ids"
    if args.json:
        answer = {"ok": True, "name": model.name, "model": model.line, "dtype": model.dtype}
        write_json({**answer, "has_tokenizer": model.tokenizer is not None, "warnings": list(model.warnings)})
    else:
        line(f"yes: {model.name}: {model.line}, {model.dtype}, {tokens}")
    for warning in model.warnings:
        say(f"warning: {warning}")
    try:
        require_memory(args.model)
    except MiniGPTError as too_large:
        say(f"warning: {too_large}")
    return 0
