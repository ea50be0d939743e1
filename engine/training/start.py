"""Begin a run or go on with one: put plan, data, weights, optimizer and step together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.models.config import ModelConfig
from engine.training.checkpoints import checkpoints, load_moments, load_parameters, newest
from engine.training.data import Data, Report, make_data, open_data
from engine.training.loop import Step, Trainer
from engine.training.machine import differences, machine
from engine.training.optimizer import Adam
from engine.training.parameters import FlatParameters, initial_weights
from engine.training.plan import Plan, read_plan, with_settings
from engine.training.run_directory import PLAN, RunDirectory

MakeStep = Callable[[FlatParameters, Plan], Step]
FIXED = (
    "tokenizer",
    "vocabulary",
    "separator",
    "clean",
    "examples",
    "context",
    "seed",
    "batch",
    "accumulation",
    "init_std",
    "init_match",
    "init_copy",
)


@dataclass(frozen=True)
class Opened:
    """A run that is ready, and what a person should know about it."""

    trainer: Trainer
    notes: tuple[str, ...] = ()


def make_step(parameters: FlatParameters, plan: Plan) -> Step:
    """The step of a plan: hand-derived gradients, compiled."""
    from engine.training.step import TrainingStep

    return TrainingStep(
        parameters,
        threads=plan.threads,
        smoothing=plan.label_smoothing,
        drop=plan.dropout,
        checkpointed=range(min(plan.recompute, parameters.config.layers)),
        seed=plan.seed,
    )


def begin(
    path: str | Path,
    plan: Plan,
    files: Sequence[str | Path],
    validation: Sequence[str | Path] = (),
    step: MakeStep = make_step,
    report: Report | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
) -> Opened:
    """Begin a run in a directory: make the data and the first weights, and save them as step 0.

    weights  of a trained model to begin with instead; they must have the shapes of the plan's model

    Raises InputError if a run is there already, SurroundingsError if another process works there.
    """
    run = RunDirectory(path)
    try:
        run.require_new()
        data = make_data(files, plan.data, run.data, validation, report)
        config = plan.config(data.tokenizer.vocabulary_size, _separator_id(plan, data))
        parameters = FlatParameters(config, _first_weights(config, plan) if weights is None else weights)
        trainer = Trainer(plan, data, step(parameters, plan), Adam(parameters, plan.adam), run)
        run.rewind_log(0)
        run.write_plan(plan)
        trainer.save()
    except BaseException:
        run.abandon()
        raise
    return Opened(trainer)


def _first_weights(config: ModelConfig, plan: Plan) -> dict[str, np.ndarray]:
    return initial_weights(config, np.random.default_rng(plan.seed), plan.init_std, plan.init_match, plan.init_copy)


def resume(path: str | Path, settings: Sequence[str] = (), step: MakeStep = make_step) -> Opened:
    """Go on from the newest whole checkpoint, by the run's own plan with `settings` ("key=value") changed.

    Raises InputError if there is no run, or if a setting would make it another one.
    """
    if not Path(path).is_dir():
        raise InputError(f"{path}: no such directory: begin a run without --resume")
    run = RunDirectory(path)
    try:
        before = run.plan()
        plan = changed(before, settings)
        saved, problems = newest(run.path)
        if saved is None:
            raise InputError("; ".join(problems[:1]) or f"{run.path.name}: holds no checkpoint: begin without --resume")
        data = open_data(run.data)
        parameters = load_parameters(saved)
        adam = Adam(parameters, plan.adam)
        load_moments(saved, adam)
        trainer = Trainer(plan, data, step(parameters, plan), adam, run, saved.state.update)
        trainer.validation_loss = saved.state.validation_loss
        run.rewind_log(saved.state.update)
        if plan != before:
            run.write_plan(plan)
    except BaseException:
        run.close()
        raise
    changes = differences(saved.machine, machine(plan.threads))
    said = [f"not bit for bit the run it would have been: {change}" for change in changes]
    return Opened(trainer, (*problems, *said))


def has_run(path: str | Path) -> bool:
    """Whether `resume` has something to go on with in a directory."""
    return (Path(path) / PLAN).exists() and bool(checkpoints(Path(path)))


def changed(plan: Plan, settings: Sequence[str]) -> Plan:
    """The plan with some options changed. Raises InputError for those that make the run what it is."""
    new = read_plan(with_settings(plan.to_json(), settings), "--set")
    fixed = [key for key in FIXED if getattr(plan, key) != getattr(new, key)]
    if dict(new.model) != dict(plan.model):
        fixed.append("model")
    if fixed:
        raise InputError(f"{fixed[0]}: cannot be changed in a run that is under way: begin another one")
    return new


def _separator_id(plan: Plan, data: Data) -> int | None:
    return None if plan.separator is None else data.separator_id(plan.separator)
