"""Variants of one plan, trained in directories beside each other on the same text for as long, to be compared.

    DIR/tales-6000.txt, held-out-60.txt       stories, the same for every variant; no held-out story is trained on
    DIR/plain/, tied/, tied-low-rank-12/      a run each, with its log and its last checkpoint

A run that is done is opened as it is; one that was stopped goes on. The number of updates is chosen from the time that
an update takes, so that the learning rate comes down to its floor within the minutes given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.corpus.tales import write_corpus
from engine.files import read_json
from engine.training.checkpoints import newest
from engine.training.data import TOKENIZER, Report
from engine.training.plan import Plan, load_plan, read_plan
from engine.training.run_directory import DATA, LOG, PLAN
from engine.training.start import begin, has_run, resume

if TYPE_CHECKING:
    from engine.training.loop import Trainer
    from engine.training.report import Report as Update

PRESET = "phases"
SEED = 0
WARMUP_SHARE = 10  # of the updates, one in so many at most
SPENT_ON_UPDATES = 0.85  # of the minutes; the rest is the optimizer, validation and saving


@dataclass(frozen=True)
class Variant:
    """One of the models: its directory's name, and what of the plan it changes ("key=value")."""

    name: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Texts:
    """The stories to learn from (none where nothing is trained), and those that nothing is learned from."""

    train: Path | None
    held_out: Path


def variants(rank: int) -> tuple[Variant, Variant, Variant]:
    """Plain; tied; tied with MLP matrices that are of low rank from their first weights on."""
    tied = "tie_word_embeddings=true"
    section = f'minigpt={{"version": 1, "low_rank_mlp": {rank}}}'
    return Variant("plain"), Variant("tied", (tied,)), Variant(f"tied-low-rank-{rank}", (tied, section))


def make_texts(
    directory: Path, stories: int | None, held_out: int, report: Callable[[int, int], None] | None = None
) -> Texts:
    """Write the stories of one seed, unless they are there. Without a number of `stories` only the held-out ones."""
    directory.mkdir(parents=True, exist_ok=True)
    train = None if stories is None else directory / f"tales-{stories}.txt"
    if stories is not None and train is not None and not train.exists():
        write_corpus(train, stories, SEED, "train", report)
    aside = directory / f"held-out-{held_out}.txt"
    if not aside.exists():
        write_corpus(aside, held_out, SEED, "held_out", report)
    return Texts(train, aside)


def trained_model(directory: Path, variant: Variant) -> Path | None:
    """The checkpoint of a variant whose run is done; None if it was never begun or was stopped."""
    run = directory / variant.name
    if not has_run(run):
        return None
    saved, _ = newest(run)
    is_done = saved is not None and saved.state.update >= read_plan(read_json(run / PLAN), PLAN).steps
    return saved.path if saved is not None and is_done else None


def open_variant(
    directory: Path,
    variant: Variant,
    texts: Texts,
    minutes: float,
    settings: Sequence[str] = (),
    report: Report | None = None,
) -> Trainer:
    """The run of a variant, ready to go on: begun if it is new, with as many updates as fit into the minutes."""
    run = directory / variant.name
    if not has_run(run):
        assert texts.train is not None
        begin(run, _plan(directory, variant, settings), [texts.train], [texts.held_out], report=report).trainer.close()
    trainer = resume(run).trainer
    if trainer.update:
        return trainer
    steps = max(1, int(60 * minutes * SPENT_ON_UPDATES / trainer.estimate().update_s))
    warmup = min(trainer.plan.warmup, steps // WARMUP_SHARE)
    trainer.close()
    return resume(run, [f"steps={steps}", f"warmup={warmup}"]).trainer


def updates(trainer: Trainer, minutes: float) -> Iterator[Update]:
    """Make updates to the end, or until the run has taken longer than the minutes by half, counted over all calls.

    A run that ends early for that is saved as done, so that it is not gone on with.
    """
    spent = sum(row.get("elapsed_s", 0.0) for row in trainer.run.rows())
    for made in trainer:
        yield made
        spent += made.elapsed_s
        if spent > 90 * minutes and trainer.update < trainer.plan.steps:
            trainer.validate()
            trainer.save()
            trainer.run.write_plan(_ended(trainer.plan, trainer.update))
            return


def told(directory: Path, variant: Variant) -> str:
    """What a run was, in words: its updates, its time, its losses."""
    rows = [json.loads(line) for line in (directory / variant.name / LOG).read_text().splitlines()]
    seconds = sum(row["elapsed_s"] for row in rows)
    count = f"{len(rows):,} update{'s' * (len(rows) != 1)}"
    return f"{count} in {seconds / 60:.1f} minutes, the last loss {rows[-1]['loss']:.3f}"


def _plan(directory: Path, variant: Variant, settings: Sequence[str]) -> Plan:
    """The preset with what was asked for. All variants share one tokenizer and one vocabulary, whatever it has."""
    plan = load_plan(PRESET, None, settings)
    changes = [*settings, f"vocab_size={plan.vocabulary}", *variant.changes]
    tokenizer = directory / variants(1)[0].name / DATA / TOKENIZER
    if tokenizer.exists() and variant.changes:
        changes.append(f"tokenizer={tokenizer}")
    return load_plan(PRESET, None, changes)


def _ended(plan: Plan, update: int) -> Plan:
    """The same plan, ending where it is."""
    raw = plan.to_json()
    return read_plan({**raw, "training": {**raw["training"], "steps": update}}, PLAN)
