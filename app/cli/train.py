"""Train a model on your own text, and keep everything in one directory: weights, log, tokens, plot.

A preset is a plan; --config FILE and --set key=value change any part of it. Ctrl-C saves and stops, and
--resume goes on from there, bit for bit. Each step-NNNNNN/ in the directory is a model that every command opens.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from app.cli.flags import count, number, positive
from app.cli.output import line, say, write_json
from app.cli.stopping import Live, saving_signals

if TYPE_CHECKING:
    from engine.model import Model
    from engine.training.loop import Trainer
    from engine.training.report import Report
    from engine.training.start import Opened

HELP = "train a model on a text"
EXAMPLE = "minigpt train --preset mini --data shakespeare.txt -o runs/mini --set steps=2000"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", metavar="NAME", help="a plan that comes with the program; a wrong NAME lists them")
    parser.add_argument("--from", metavar="MODEL", dest="source",
                        help="begin with the weights, the shape and the tokenizer of this model")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="a file like a preset, on top of it")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
                        help="one key of the plan or of the model; may be given often")  # fmt: skip
    parser.add_argument("--data", nargs="+", default=[], metavar="FILE", help="text files, or directories of them")
    parser.add_argument("--validation", nargs="+", default=[], metavar="FILE",
                        help="texts to validate on (the last tenth of the data)")  # fmt: skip
    parser.add_argument("--clean", metavar="HOW", help="alnum: only a-z, 0-9 and single spaces")
    parser.add_argument("-o", "--output", required=True, metavar="RUN", help="the run's directory")
    parser.add_argument("--resume", action="store_true", help="go on with the run that is there")
    parser.add_argument("--steps", type=positive, metavar="N", help="updates in all")
    parser.add_argument("--minutes", type=number, metavar="M", help="save and stop after so many minutes")
    parser.add_argument("--seed", type=count, metavar="N", help="of first weights, order and dropout (0)")
    parser.add_argument("--threads", type=positive, metavar="N", help="processor threads (2)")
    parser.add_argument("--json", action="store_true", help="the outcome for a machine")


def run(args: argparse.Namespace) -> int:
    opened = _opened(args)
    trainer, live, last = opened.trainer, Live(), None
    try:
        for note in opened.notes:
            say(f"note: {note}")
        _introduce(trainer)
        started = monotonic()
        with saving_signals(trainer):
            for last in trainer:
                live.show(last)
                _tell(live, last)
                if args.minutes is not None and monotonic() - started >= 60 * args.minutes:
                    trainer.save()
                    live.clear()
                    say(f"stopped after {args.minutes:g} minutes; --resume goes on")
                    break
        live.clear()
        _finish(args, trainer, last)
    finally:
        live.clear()
        trainer.close()
    return 0


def _opened(args: argparse.Namespace) -> Opened:
    """The run that was asked for. With --resume and nothing there yet, it begins, if there is data to begin with."""
    from engine.errors import InputError
    from engine.training.plan import as_plan, check_source, load_plan
    from engine.training.start import begin, has_run, resume

    settings = [*args.settings, *_settings(args)]
    if args.resume and (has_run(args.output) or not args.data):
        if args.preset or args.config or args.source:
            say("note: a run goes on by its own plan; --preset, --config and --from are left aside")
        return resume(args.output, settings)
    if args.preset is None and args.config is None and args.source is None:
        raise InputError("what shall be trained: give --preset NAME, --config FILE or --from MODEL; "
                         "see 'minigpt train --help'")  # fmt: skip
    source = None if args.source is None else _source(args.source)
    base = None if source is None else as_plan(source.config, source.home if source.tokenizer else None)
    plan = load_plan(args.preset, args.config, settings, base)
    if source is not None:
        check_source(plan, source.config)
        if source.tokenizer is None and not any(text.startswith("tokenizer=") for text in settings):
            raise InputError(
                f"{source.name}: has no tokenizer, and its ids mean nothing without: give --set tokenizer=..."
            )
    if not args.data:
        raise InputError("no text to learn from: give --data FILE")
    live = Live()
    weights = None if source is None else source.weights
    try:
        return begin(args.output, plan, args.data, args.validation, report=live.count, weights=weights)
    finally:
        live.clear()


def _source(spec: str) -> Model:
    """The model to begin from, with its warnings said."""
    from engine.fits import require_memory
    from engine.model import open_model

    require_memory(spec)
    model = open_model(spec)
    for warning in model.warnings:
        say(f"warning: {warning}")
    return model


def _settings(args: argparse.Namespace) -> list[str]:
    """The flags that are short for --set."""
    given = {key: getattr(args, key) for key in ("clean", "steps", "seed", "threads")}
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def _introduce(trainer: Trainer) -> None:
    """Say what is trained on what, and how long it will take."""
    from viewers.run_numbers import about

    config, tokens = trainer.config, trainer.data.tokens
    say(f"{config.model_type}, {config.layers} layers, width {config.width}: {config.parameter_count():,} parameters")
    say(f"{len(tokens.train):,} tokens to learn from, {len(tokens.validation):,} to validate on, "
        f"vocabulary {config.vocab:,}")  # fmt: skip
    if trainer.update < trainer.plan.steps:
        guess = trainer.estimate()
        rate = f"{guess.update_s * 1000:,.0f} ms, {guess.tokens_per_s:,.0f} tokens per second"
        for words in memory_lines(trainer):
            say(words)
        say(f"{guess.updates:,} updates of {rate}: {about(guess.total_s)}; Ctrl-C saves and stops")


def memory_lines(trainer: Trainer) -> list[str]:
    """What a step takes, the formula beside what is allocated, and what recomputing blocks saves or would save."""
    from app.cli.sizes import human
    from engine.training.step_memory import step_memory

    plan, parameters, layers = trainer.plan, trainer.parameters, trainer.config.layers
    copies = 3 + plan.threads + (plan.accumulation > 1)  # weights, two moments, a gradient for each thread, their sum
    chosen, other = (min(plan.recompute, layers), 0 if plan.recompute else layers)
    shape = (plan.batch, trainer.length, plan.threads, plan.dropout)
    is_now, would_be = (step_memory(trainer.config, parameters.values, *shape, range(n)) for n in (chosen, other))
    allocated = getattr(trainer.step, "arena_bytes", is_now.allocated)
    saved = 1 - min(is_now.needed, would_be.needed) / max(is_now.needed, would_be.needed)
    how = f"recompute={chosen}, " if chosen else ""
    every = " (every block)" if other else ""
    return [
        f"memory: {human(copies * parameters.value.nbytes)} for weights, gradients and moments; activations of a step: "
        f"{how}{human(is_now.needed)} by the formula, {human(allocated)} allocated",
        f"with recompute={other}{every} they would be {human(would_be.needed)} by the formula, "
        f"{human(would_be.allocated)} allocated: {saved:.0%} {'less' if other else 'are saved now'}",
    ]


def _tell(live: Live, report: Report) -> None:
    """A line that stays, for each validation."""
    if report.validation_loss is not None:
        saved = f", saved as {report.checkpoint.name}" if report.checkpoint else ""
        live.clear()
        say(f"update {report.step:,}: loss {report.loss:.4f}, validation {report.validation_loss:.4f}, "
            f"perplexity {report.perplexity:,.2f}{saved}")  # fmt: skip


def _finish(args: argparse.Namespace, trainer: Trainer, last: Report | None) -> None:
    """Draw the run and say where everything is."""
    plot = draw(trainer)
    facts = outcome(trainer, last, plot)
    if args.json:
        write_json(facts)
        return
    for key, value in facts.items():
        if value is not None:
            line(f"{key.replace('_', ' '):<16} {value}")


def outcome(trainer: Trainer, last: Report | None, plot: Path | None) -> dict[str, Any]:
    """The figures of a run, as plain values."""
    from engine.training.checkpoints import checkpoints

    rows = trainer.run.rows()
    validated = [row["validation_loss"] for row in rows if "validation_loss" in row]
    saved = checkpoints(trainer.run.path)
    return {
        "run": str(trainer.run.path),
        "updates": trainer.update,
        "steps": trainer.plan.steps,
        "parameters": trainer.config.parameter_count(),
        "loss": rows[-1]["loss"] if rows else None,
        "validation_loss": validated[-1] if validated else None,
        "best_validation_loss": min(validated, default=None),
        "tokens_per_s": round(last.tokens_per_s, 1) if last else None,
        "checkpoint": str(saved[-1]) if saved else None,
        "sample": last.glimpse.text if last and last.glimpse else None,
        "plot": str(plot) if plot else None,
    }


def draw(trainer: Trainer) -> Path | None:
    """Write the plot of a run; None if there is nothing to draw."""
    from engine.files import atomic_write
    from viewers.figures.training import training_png

    rows = trainer.run.rows()
    if not rows:
        return None
    path = trainer.run.path / "training.png"
    atomic_write(path, training_png(rows, f"{trainer.run.path.resolve().name}: {len(rows):,} updates"))
    return path
