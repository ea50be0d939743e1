"""`Trainer`: an iterator that makes one update and reports it, each time it is asked.

So a run is paused by not asking, stepped by asking once, and stopped by not asking again. Nothing that happens between
two updates, nor when, changes a bit of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np

from engine.errors import InputError
from engine.sampling import Sampler
from engine.training.batches import Documents, Examples, Windows, batch, validation_batches, validation_documents
from engine.training.checkpoints import State, prune, write_checkpoint
from engine.training.data import Data
from engine.training.glimpse import pinned_prompt, take_glimpse
from engine.training.machine import machine
from engine.training.optimizer import CHUNK, DIVERGED, Adam
from engine.training.parameters import FlatParameters
from engine.training.plan import Plan
from engine.training.report import Estimate, Glimpse, Pace, Report
from engine.training.run_directory import RunDirectory

Array = np.ndarray


class Result(Protocol):
    """What a gradient belongs to."""

    @property
    def loss_sum(self) -> float: ...
    @property
    def target_count(self) -> int: ...


class Step(Protocol):
    """Computes losses and gradients; `engine.training.step` has the real one."""

    parameters: FlatParameters

    def gradients(self, tokens: Array, targets: Array, update: int, first_sample: int) -> Result:
        """Overwrite `parameters.gradient` with the sum over all targets of the gradient of their loss."""
        ...

    def loss(self, tokens: Array, targets: Array) -> tuple[float, int]:
        """The summed loss without dropout, and the number of targets."""
        ...


class Trainer:
    """A run in the making: `update` updates are done.

    is_changing    true while weights, moments or files are being changed: no time to raise an exception into it
    when_changed   called after each update and before the next; it may raise
    """

    def __init__(self, plan: Plan, data: Data, step: Step, adam: Adam, run: RunDirectory, update: int = 0) -> None:
        self.plan, self.data, self.step, self.adam, self.run = plan, data, step, adam, run
        self.parameters = step.parameters
        self.config = self.parameters.config
        self.update = update
        self.validation_loss: float | None = None
        self.is_changing = False
        self.when_changed: Callable[[], None] | None = None
        self.length = plan.context or self.config.context
        self.examples = _examples(plan, data, self.length)
        self.pace = Pace()
        self.prompt = pinned_prompt(plan.prompt, data.tokenizer, data.tokens.validation, self.length)
        self._tokenizer = (run.data / "tokenizer.json").read_bytes()
        self._workers = ThreadPoolExecutor(plan.threads, "optimizer") if plan.threads > 1 else None
        self._sum = np.empty_like(self.parameters.gradient) if plan.accumulation > 1 else None
        self._saved: int | None = None

    @property
    def per_update(self) -> int:
        """Examples in one update."""
        return self.plan.batch * self.plan.accumulation

    def __iter__(self) -> Iterator[Report]:
        return self

    def __next__(self) -> Report:
        """Make one update. Raises InputError, leaving the weights as they were, if the loss is not a number."""
        if self.update >= self.plan.steps:
            raise StopIteration
        started = perf_counter()
        try:
            report = self._one_update(started)  # and is still changing: a stop from here on finds the report made
        except BaseException:
            self.is_changing = False
            raise
        try:
            self._settle()
            is_saving = self.update % self.plan.checkpoint_every == 0 or self.update == self.plan.steps
            if is_saving or self.update % self.plan.validate_every == 0:
                report = replace(report, validation_loss=self.validate())
            if is_saving:
                report = replace(report, glimpse=self.glimpse())
                report = replace(report, checkpoint=self._checkpoint)
        finally:  # also if this is interrupted: the update is done
            self.pace.whole_s += max(0.0, perf_counter() - started - report.elapsed_s)
            report = replace(report, left_s=self.pace.left_s(self.plan.steps - self.update))
            with self._changing():
                self.run.log(report.to_json())
        if report.checkpoint is not None:
            self.save()  # after its row: a run that goes on from here has the rows of all updates before
        self._settle()
        return report

    def estimate(self) -> Estimate:
        """Time two updates without making them: the weights stay as they are."""
        seconds, tokens = [], 0
        for _ in range(2):
            started = perf_counter()
            _, tokens = self._gradients(self.update)
            seconds.append(perf_counter() - started)
        return Estimate(min(seconds), self.plan.steps - self.update, tokens / min(seconds))

    def validate(self, most: int | None = None) -> float | None:
        """Mean loss per token of the validation text, read as the model is trained to read: in windows that do not
        overlap, or in whole documents; None if there is no such text.

        most   windows or documents at most, evenly spread; by default as the plan says, and all after the last update
        """
        if most is None:
            most = 0 if self.update >= self.plan.steps else self.plan.validation_windows
        total, count = 0.0, 0
        for tokens, targets in self._validation(most or None):
            loss, targets_here = self.step.loss(tokens, targets)
            total, count = total + loss, count + targets_here
        self.validation_loss = total / count if count and math.isfinite(total) else None
        return self.validation_loss

    def _validation(self, most: int | None) -> Iterator[tuple[Array, Array]]:
        text, rows = self.data.tokens.validation, self.plan.batch
        if not isinstance(self.examples, Documents) or not len(text):
            return validation_batches(text, self.length, rows, most)
        return validation_documents(replace(self.examples, tokens=text), rows, most)

    def glimpse(self) -> Glimpse:
        """What the model makes of the pinned prompt now."""
        weights = {address: value.view() for address, value in self.parameters.values.items()}
        for view in weights.values():
            view.flags.writeable = False
        plan, tokenizer = self.plan, self.data.tokenizer
        length = min(len(self.prompt) + plan.sample_tokens, self.length)  # beyond it nothing was learned
        sampler = Sampler(plan.temperature)
        return take_glimpse(self.config, weights, tokenizer, self.prompt, length, sampler, plan.seed)

    @property
    def _checkpoint(self) -> Path:
        return self.run.path / f"step-{self.update:06d}"

    def save(self) -> Path:
        """Write a checkpoint of the updates done, and delete old ones."""
        path = self._checkpoint
        if self._saved == self.update:
            return path
        state = State(self.update, self.update * self.per_update, self.plan.seed, self.adam.step, self.validation_loss)
        with self._changing():
            facts = machine(self.plan.threads)
            path = write_checkpoint(self.run.path, self.parameters, self.adam, self._tokenizer, state, facts)
            self._saved = self.update
            prune(self.run.path, self.plan.keep)
        return path

    def close(self) -> None:
        """End the threads and let others use the directory."""
        if self._workers is not None:
            self._workers.shutdown()
        if close := getattr(self.step, "close", None):
            close()
        self.run.close()

    def _one_update(self, started: float) -> Report:
        loss, targets = self._gradients(self.update)
        if not math.isfinite(loss):
            raise InputError(f"the loss of update {self.update + 1} is not finite: {DIVERGED}")
        rate = self.plan.rates.rate(self.update)
        measure = (self.update + 1) % self.plan.measure_every == 0
        gradient = self.parameters.gradient if self._sum is None else self._sum
        self.is_changing = True
        done = self.adam.update(rate, targets, gradient, self._workers, self.plan.threads, measure)
        self.update += 1
        self.validation_loss = None
        spent = perf_counter() - started
        self.pace.add(targets, spent)
        return Report(
            step=self.update,
            steps=self.plan.steps,
            loss=loss / targets,
            learning_rate=rate,
            gradient_norm=done.norm,
            gradient_norms=done.norms,
            update_ratios=done.ratios,
            tokens=targets,
            tokens_per_s=self.pace.tokens_per_s,
            elapsed_s=spent,
            left_s=math.nan,
        )

    def _gradients(self, update: int) -> tuple[float, int]:
        """Sum the gradients of all batches of an update; returns the summed loss and the number of targets."""
        total, count = 0.0, 0
        for i in range(self.plan.accumulation):
            first = i * self.plan.batch
            tokens, targets = batch(self.examples, update * self.per_update + first, self.plan.batch)
            result = self.step.gradients(tokens, targets, update, first)
            total, count = total + result.loss_sum, count + result.target_count
            if self._sum is not None:
                _add(self._sum, self.parameters.gradient, is_first=i == 0)
        return total, count

    def _settle(self) -> None:
        """Nothing is being changed now: whoever waited for this may act."""
        self.is_changing = False
        if self.when_changed:
            self.when_changed()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self.is_changing = True
        try:
            yield
        finally:
            self.is_changing = False


def _examples(plan: Plan, data: Data, length: int) -> Examples:
    if plan.examples == "windows":
        return Windows(data.tokens.train, length, plan.seed)
    if plan.separator is None:
        raise InputError("examples: documents need a separator: --set 'separator=<|endoftext|>'")
    return Documents(data.tokens.train, length, plan.seed, data.separator_id(plan.separator))


def _add(total: Array, part: Array, is_first: bool) -> None:
    """Sum two flat arrays in place, piece by piece through the cache."""
    for start in range(0, total.size, CHUNK):
        piece = slice(start, start + CHUNK)
        if is_first:
            total[piece] = part[piece]
        else:
            total[piece] += part[piece]
