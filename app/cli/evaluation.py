"""How well a model foresees a text: nats per token and per byte, perplexity, and how often its first choice was right.

The text is cut into windows of --context tokens that do not overlap; every token is scored that has one before it in
its window, a beginning token included. Ctrl-C ends it early and prints what was scored until then.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.cli.flags import add_model, add_settings_flags, positive, settings_from, threads
from app.cli.output import Progress, line, say, write_json

if TYPE_CHECKING:
    from engine.analysis.evaluate import Evaluation

HELP = "measure how well a model foresees a text"
EXAMPLE = "minigpt eval ~/models/SmolLM2-135M --text book.txt --context 256"


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--text", required=True, metavar="FILE", help="a text file, UTF-8")
    parser.add_argument("--context", type=positive, metavar="N", help="tokens in a window (the model's context)")
    parser.add_argument("--json", action="store_true", help="the figures for a machine")
    add_settings_flags(parser)


def run(args: argparse.Namespace) -> int:
    from app.cli.opening import open_for
    from engine.analysis.evaluate import evaluate, read_text, window_of

    settings = settings_from(args)
    text = read_text(args.text)
    model = open_for(args)
    window = window_of(model, args.context)
    say(f"reading {len(text):,} characters")
    progress, done = Progress("tokens"), None
    try:
        with threads(args):
            for done in evaluate(model, text, settings, window):
                progress.show(done.tokens, done.total)
    finally:  # also after Ctrl-C: what was scored counts
        progress.clear()
        if done is not None and done.tokens:
            facts = _facts(done, window)
            write_json({"model": model.name, "fingerprint": model.fingerprint, **facts}) if args.json else _print(facts)
    return 0


def _facts(done: Evaluation, window: int) -> dict[str, Any]:
    return {
        "complete": done.is_complete,
        "tokens_scored": done.tokens,
        "tokens_to_score": done.total,
        "bytes_scored": done.bytes,
        "window": window,
        "nats_per_token": done.nats_per_token,
        "nats_per_byte": done.nats_per_byte if done.bytes else None,
        "perplexity": done.perplexity if done.nats_per_token < 700 else None,
        "top1_accuracy": done.accuracy,
    }


def _print(facts: dict[str, Any]) -> None:
    scored = f"{facts['tokens_scored']:,} tokens in windows of {facts['window']}"
    if not facts["complete"]:
        line(f"stopped early: {facts['tokens_scored']:,} of {facts['tokens_to_score']:,} tokens were scored")
    line(f"scored          {scored}, {facts['bytes_scored']:,} bytes")
    for key in ("nats_per_token", "nats_per_byte", "perplexity"):
        line(f"{key.replace('_', ' '):<15} {'none' if facts[key] is None else format(facts[key], '.4f')}")
    line(f"top-1 accuracy  {facts['top1_accuracy']:.2%}")
