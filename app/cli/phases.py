"""How a model changes in ten stages: FP32, operation log, KV cache, tied weights, INT8 attention, INT8 MLP, low-rank
MLP, fused QKV, head views, entropy. Writes phases.md, phases.csv and phase_metrics.png.

Without MODEL, three small models are trained on made-up stories first (plain; tied; tied and of low rank), each for
--minutes, so that quality is compared fairly. They stay in the directory: called again, it measures without training;
stopped with Ctrl-C, it goes on. With MODEL nothing is trained: every stage is applied to the weights as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from app.cli.flags import MODEL_HELP, number, positive, threads
from app.cli.output import Progress, line, say, write_json
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.analysis.phase_metrics import Measured, Sample
    from engine.analysis.phase_report import Facts
    from engine.analysis.phases import Stage
    from engine.model import Model

HELP = "measure a model in ten stages of optimization"
EXAMPLE = "minigpt phases -o ./phases --minutes 10"
STORIES, HELD_OUT, LONGEST, RANK = 6000, 60, 256, 12  # texts; texts; tokens that are timed at most; of the MLP
MILLIONS = ("parameters", "flops")  # how these are drawn
REPORT, TABLE, PICTURE = "phases.md", "phases.csv", "phase_metrics.png"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help=f"{MODEL_HELP} (three are trained)")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="where the report and the runs go")
    parser.add_argument("--minutes", type=number, default=10.0, metavar="M", help="of training, for each model (10)")
    parser.add_argument("--rank", type=positive, default=RANK, metavar="R", help=f"of the low-rank stage ({RANK})")
    parser.add_argument("--text", metavar="FILE", help="what quality is measured on (held-out stories)")
    parser.add_argument("--stories", type=positive, default=STORIES, metavar="N",
                        help=f"to train on ({STORIES:,})")  # fmt: skip
    parser.add_argument("--held-out", type=positive, default=HELD_OUT, metavar="N",
                        help=f"stories that quality is measured on ({HELD_OUT})")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
                        help="one key of the plan or of the trained model; may be given often")  # fmt: skip
    parser.add_argument("--threads", type=positive, metavar="N", help="threads of the matrix products")
    parser.add_argument("--json", action="store_true", help="the figures for a machine")


def run(args: argparse.Namespace) -> int:
    from engine.analysis.phases import stages

    if not args.minutes > 0:
        raise InputError(f"--minutes: expected more than 0, got {args.minutes:g}")
    planned = stages(args.rank)
    with threads(args):
        models, trained, source = _given(args) if args.model else _trained(args)
        text, words = _text(args, next(iter(models.values())))
        sample = _sample(next(iter(models.values())), text)
        rows: list[Measured] = []
        try:
            _measure_all(planned, models, sample, rows)
        finally:  # also after Ctrl-C: what was measured counts
            if rows:
                _write(args, rows, _facts(source, trained, words, sample))
    return 0


def _given(args: argparse.Namespace) -> tuple[dict[str, Model], dict[str, str], str]:
    """One model for all stages."""
    from engine.analysis.phases import LOW_RANK, PLAIN, TIED
    from engine.fits import require_memory
    from engine.model import open_model

    require_memory(args.model)
    model = open_model(args.model)
    if model.config.rewritten is not None:
        raise InputError(f"{model.name}: is rewritten already; the stages begin with a plain model")
    for warning in model.warnings:
        say(f"warning: {warning}")
    if not model.config.tied:
        say("note: its output matrix is not its token table; to tie them makes another model of it")
    said = f"{model.name} ({model.line}); nothing was trained, every stage changes the weights as they are"
    return dict.fromkeys((PLAIN, TIED, LOW_RANK), model), {}, said


def _trained(args: argparse.Namespace) -> tuple[dict[str, Model], dict[str, str], str]:
    """Three models, each of its own training; those that are trained already are opened."""
    from app.cli.phases_training import train
    from engine.analysis.phases import LOW_RANK, PLAIN, TIED
    from engine.model import open_model
    from engine.training.plan import load_plan
    from engine.training.variants import PRESET, make_texts, told, variants

    load_plan(PRESET, None, args.settings)  # refused before anything is made
    directory, progress = Path(args.output), Progress("stories")
    try:
        say("stories to learn from, and others to be judged by; made once")
        texts = make_texts(directory, args.stories, args.held_out, progress.show)
    finally:
        progress.clear()
    models, trained = {}, {}
    for key, variant in zip((PLAIN, TIED, LOW_RANK), variants(args.rank), strict=True):
        models[key] = open_model(str(train(directory, variant, texts, args.minutes, args.settings)))
        trained[key] = told(directory, variant)
    said = f"{models[PLAIN].line}, as preset {PRESET} has it, trained on {args.stories:,} stories of the project's own"
    return models, trained, said


def _text(args: argparse.Namespace, model: Model) -> tuple[str | None, str]:
    """What quality is measured on, and what it is in words; nothing where a model cannot read."""
    from engine.analysis.evaluate import read_text
    from engine.training.variants import make_texts

    if model.tokenizer is None:
        if args.text:
            raise InputError(f"{model.name} has no tokenizer, so it cannot read {Path(args.text).name}")
        return None, ""
    if args.text:
        return read_text(args.text), f"the text {Path(args.text).name}"
    progress = Progress("stories")
    try:
        held_out = make_texts(Path(args.output), None, args.held_out, progress.show).held_out
    finally:
        progress.clear()
    return read_text(held_out), f"held-out stories ({args.held_out:,}), which nothing was learned from"


def _sample(model: Model, text: str | None) -> Sample:
    """The windows that are run: of the text, or of ids drawn at random."""
    import numpy as np

    from engine.analysis.evaluate import windows
    from engine.analysis.phase_metrics import WATCHED_WINDOWS, Sample

    length = min(model.config.context, LONGEST)
    if text is None:
        drawn = np.random.default_rng(0).integers(0, model.config.vocab, (2, length)).tolist()
        return Sample(None, tuple(map(tuple, drawn)))
    pieces = windows(model, text, length).pieces[:WATCHED_WINDOWS]
    return Sample(text, tuple(tuple(piece.ids) for piece in pieces))


def _measure_all(planned: tuple[Stage, ...], models: Mapping[str, Model], sample: Sample, rows: list[Measured]) -> None:
    from engine.analysis.phase_metrics import measure
    from viewers.run_numbers import about

    started = monotonic()
    for number_, stage in enumerate(planned, 1):
        left = (monotonic() - started) / len(rows) * (len(planned) - len(rows)) if rows else None
        after = f"; {about(left)} left" if left is not None else ""
        say(f"stage {number_} of {len(planned)}: {stage.name}{after}")
        progress = Progress("tokens")
        try:
            rows.append(measure(stage, models[stage.variant], sample, progress.show))
        finally:
            progress.clear()


def _facts(source: str, trained: Mapping[str, str], text: str, sample: Sample) -> Facts:
    from engine.analysis.phase_report import Facts
    from engine.training.machine import machine
    from engine.version import VERSION

    found = machine(1)
    return Facts(source, trained, text, len(sample.windows[0]),
                 f"MiniGPT {VERSION}, NumPy {found['numpy']}, {found['blas']}")  # fmt: skip


def _write(args: argparse.Namespace, rows: list[Measured], facts: Facts) -> None:
    """The three files, and the table on standard output."""
    from engine.analysis.phase_report import COLUMNS, claims, phases_csv, phases_markdown, quality
    from engine.files import atomic_write
    from viewers.figures.frame import Look
    from viewers.figures.phases import phase_metrics

    directory = Path(args.output)
    directory.mkdir(parents=True, exist_ok=True)
    names = [name for name in COLUMNS if name not in ("ms_low", "ms_high", "timed_tokens", "arena_bytes")]
    pictured = {
        COLUMNS[name][0] + (", millions" if name in MILLIONS else ""): [_scaled(name, row) for row in rows]
        for name in names
    }
    picture = phase_metrics([row.stage.name for row in rows], pictured, Look(), "Evolution in ten stages", facts.source)
    for name, data in ((TABLE, phases_csv(rows)), (REPORT, phases_markdown(rows, facts)), (PICTURE, picture)):
        atomic_write(directory / name, data)
    if args.json:
        write_json([{"stage": row.stage.name, "settings": row.stage.settings.flags(), "variant": row.stage.variant,
                     "figures": dict(row.figures), "expected": dict(row.expected)} for row in rows])  # fmt: skip
    else:
        _print(rows)
        for words in (*claims(rows), *quality(rows, facts)):
            line(words.replace("**", ""))
    say(f"wrote {directory}: {REPORT}, {TABLE}, {PICTURE}")


def _scaled(name: str, row: Measured) -> float | None:
    value = row.figures[name]
    return value if value is None or name not in MILLIONS else value / 1e6


def _print(rows: list[Measured]) -> None:
    """The figures that a person compares first."""
    from engine.analysis.phase_report import COLUMNS

    names = ("parameters", "weight_bytes", "cache_bytes", "peak_bytes", "perplexity", "ms")
    heads = ("parameters", "weights", "cache", "peak", "perplexity", "ms/token")
    line(f"{'stage':<15}" + "".join(f"{head:>13}" for head in heads))
    for row in rows:
        line(f"{row.stage.name:<15}" + "".join(f"{COLUMNS[name][1](row.figures[name]):>13}" for name in names))
