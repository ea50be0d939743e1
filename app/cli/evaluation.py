"""How well a model foresees a text: nats per token and per byte, perplexity, and how often its first choice was right.

The text is cut into windows of --context tokens that do not overlap; every token is scored that has one before it in
its window, a beginning token included. Ctrl-C ends it early and prints what was scored until then.

With --against both settings read the text in lockstep: A is what the flags say, B the same with the settings changed
that are named. KL(A||B) is in nats per token, over the whole vocabulary; agreement is of the first choice. Tokens of
which A was sure (entropy below 1 nat) and the others are counted apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from app.cli.flags import add_model, add_settings_flags, positive, settings_from, threads
from app.cli.output import Progress, line, say, write_json

if TYPE_CHECKING:
    from engine.analysis.against import Against, Agreement
    from engine.analysis.evaluate import Evaluation
    from engine.model import Model
    from engine.settings import Settings

HELP = "measure how well a model foresees a text"
EXAMPLE = "minigpt eval ~/models/SmolLM2-135M --text book.txt --context 256"


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--text", required=True, metavar="FILE", help="a text file, UTF-8")
    parser.add_argument("--context", type=positive, metavar="N", help="tokens in a window (the model's context)")
    parser.add_argument("--against", metavar="SETTINGS",
                        help="compare with other settings, as int8=all,rank=32,no-optimize")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the figures for a machine")
    add_settings_flags(parser)


def run(args: argparse.Namespace) -> int:
    from app.cli.opening import open_for
    from engine.analysis.evaluate import read_text, window_of

    _settings(args)  # refused before anything is loaded
    text = read_text(args.text)
    model = open_for(args)
    settings, other = _settings(args)
    window = window_of(model, args.context)
    say(f"reading {len(text):,} characters")
    progress, done = Progress("tokens"), None
    try:
        with threads(args):
            for done in _scored(model, text, settings, other, window):
                progress.show(_first(done).tokens, _first(done).total)
    finally:  # also after Ctrl-C: what was scored counts
        progress.clear()
        if done is not None and _first(done).tokens:
            _tell(args, model, done, window)
    return 0


def _settings(args: argparse.Namespace) -> tuple[Settings, Settings | None]:
    """Those of A, and those of B if there is one."""
    settings = settings_from(args)
    return settings, None if args.against is None else _other(settings, args.against)


def _other(settings: Settings, words: str) -> Settings:
    from engine.lane import with_words

    return with_words(settings, words)


def _scored(
    model: Model, text: str, settings: Settings, other: Settings | None, window: int
) -> Iterator[Evaluation] | Iterator[Against]:
    if other is None:
        from engine.analysis.evaluate import evaluate

        return evaluate(model, text, settings, window)
    from engine.analysis.against import evaluate_against

    return evaluate_against(model, text, settings, other, window)


def _first(done: Evaluation | Against) -> Evaluation:
    """The figures of A, or of the only one."""
    from engine.analysis.evaluate import Evaluation

    return done if isinstance(done, Evaluation) else done.a


def _tell(args: argparse.Namespace, model: Model, done: Evaluation | Against, window: int) -> None:
    from engine.analysis.against import Against

    facts = {"model": model.name, "fingerprint": model.fingerprint, **_facts(_first(done), window)}
    if isinstance(done, Against):
        facts["against"] = _against(args.against, done)
    write_json(facts) if args.json else _print(facts)


def _against(words: str, done: Against) -> dict[str, Any]:
    b = done.b
    figures = {
        "nats_per_token": b.nats_per_token,
        "nats_per_byte": b.nats_per_byte if b.bytes else None,
        "perplexity": b.perplexity if b.nats_per_token < 700 else None,
        "top1_accuracy": b.accuracy,
    }
    parts = {"all": done.all, "entropy_below_1": done.sure, "entropy_from_1": done.unsure}
    return {"settings": words, **figures, **{name: _agreement(part) for name, part in parts.items()}}


def _agreement(part: Agreement) -> dict[str, Any]:
    return {
        "tokens": part.tokens,
        "mean_kl_nats": part.mean_kl if part.tokens else None,
        "top1_agreement": part.share if part.tokens else None,
    }


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
    other = facts.get("against")
    sides = [facts, other] if other else [facts]
    if other:
        line(f"{'':<16}{'A':<14}B: {other['settings'] or 'the same settings'}")
    for key in ("nats_per_token", "nats_per_byte", "perplexity"):
        line(f"{key.replace('_', ' '):<16}" + _cells("none" if s[key] is None else f"{s[key]:.4f}" for s in sides))
    line("top-1 accuracy  " + _cells(f"{side['top1_accuracy']:.2%}" for side in sides))
    if other:
        line("")
        line(f"{'':<16}{'tokens':<14}{'KL(A||B) nats':<16}same first choice")
        for key, title in (("all", "all"), ("entropy_below_1", "entropy < 1"), ("entropy_from_1", "entropy >= 1")):
            part = other[key]
            said = f"{part['mean_kl_nats']:<16.3g}{part['top1_agreement']:.2%}" if part["tokens"] else "none"
            line(f"{title:<16}{part['tokens']:<14,}{said}")


def _cells(values: Iterable[str]) -> str:
    return "".join(f"{value:<14}" for value in values).rstrip()
