"""`TrainingDriver`: the one worker thread that owns a run. Commands go in, the newest frozen snapshot comes out.

Commands are looked at between two updates, so a run pauses and stops within one. The last run is saved when the driver
is closed. A command that fails says so in the snapshot's `notice`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from engine.errors import Cancelled, InputError, MiniGPTError
from engine.text import counted
from engine.training.history import Gathered
from engine.training.loop import Trainer
from engine.training.parameters import FlatParameters
from engine.training.plan import Plan, load_plan
from engine.training.report import Estimate
from engine.training.snapshot import DONE, NONE, PAUSED, PREPARING, RUNNING, STOPPED, TrainingSnapshot
from engine.training.start import MakeStep, Opened, begin, make_step, resume
from engine.training.watched import Watched

INTERVAL_S = 1 / 30


class TrainingDriver:
    """Runs one training run at a time, in a thread of its own."""

    def __init__(self, step: MakeStep = make_step) -> None:
        self._make = step
        self._commands: queue.SimpleQueue[tuple[Callable[..., None], tuple]] = queue.SimpleQueue()
        self._trainer: Trainer | None = None
        self._gathered = Gathered()
        self._state = NONE
        self._estimate: Estimate | None = None
        self._about: dict[str, Any] = {}  # what stands still during a run
        self._saved = 0  # the update of the last checkpoint
        self._stopped_at = 0  # the update at which the last run ended
        self._notice: str | None = None
        self._breaking = self._closing = False
        self._published_s = 0.0
        self.failure: BaseException | None = None
        self.latest = TrainingSnapshot()
        self._thread = threading.Thread(target=self._work, name="training", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    # commands: each returns at once

    def begin(self, preset: str, files: Sequence[str], out: str | Path, settings: Sequence[str] = ()) -> None:
        """Make the data and the first weights of a new run, and time it. It then waits to be run."""
        self._send(self._begin, preset, tuple(files), Path(out), tuple(settings))

    def resume(self, out: str | Path) -> None:
        """Open the newest checkpoint of a run. It then waits to be run."""
        self._send(self._resume, Path(out))

    def run(self) -> None:
        """Go on until the last update, or until told otherwise."""
        self._send(self._run)

    def pause(self) -> None:
        self._send(self._pause)

    def step(self) -> None:
        """One update, and wait."""
        self._send(self._one)

    def stop(self) -> None:
        """Save a checkpoint and end the run; what is being prepared is given up."""
        self._breaking = True
        self._send(self._stop)

    def finish(self) -> None:
        """Save and end the thread, without waiting for it."""
        self._breaking = self._closing = True
        self._send(self._stop)

    def close(self, seconds: float | None = None) -> None:
        """Save and end the thread."""
        if self._thread.is_alive():
            self.finish()
            self._thread.join(seconds)

    def _send(self, command: Callable[..., None], *arguments: Any) -> None:
        self._commands.put((command, arguments))

    # the worker

    def _work(self) -> None:
        while not (self._closing and self._trainer is None and self._commands.empty()):
            try:
                command, arguments = self._commands.get(block=self._state != RUNNING)
            except queue.Empty:
                self._guard(self._update)
            else:
                self._notice = None if self._trainer is not None or command != self._stop else self._notice
                self._guard(command, *arguments)
                self._publish()

    def _guard(self, command: Callable[..., None], *arguments: Any) -> None:
        try:
            command(*arguments)
            return
        except Cancelled as stopped:
            self._notice = str(stopped)
        except MiniGPTError as error:
            self._notice = f"error: {error}"
        except (MemoryError, OSError) as error:
            self._notice = f"error: the machine refuses: {error or 'not enough memory'}"
        except Exception as error:  # a bug of ours: the screen says so
            self.failure = error
            self._notice = f"internal error in training: {error}"
        self._state = PAUSED if self._trainer is not None else STOPPED if self._state == STOPPED else NONE
        self._publish()

    def _begin(self, preset: str, files: tuple[str, ...], out: Path, settings: tuple[str, ...]) -> None:
        def opened() -> Opened:
            plan = load_plan(preset, None, settings)
            return begin(out, plan, files, step=self._watched, report=self._preparing)

        self._open(opened, preset=preset, files=files, out=out, settings=settings)

    def _resume(self, out: Path) -> None:
        self._open(lambda: resume(out, step=self._watched), preset="", files=(), out=out, settings=())

    def _open(self, opened: Callable[[], Opened], **about: Any) -> None:
        self._stop()
        self._breaking = self._closing
        self._gathered, self._estimate, self._about, self._state = Gathered(), None, about, PREPARING
        self._publish("reading the text")
        found = opened()
        trainer = self._trainer = found.trainer
        self._saved = trainer.update
        config, tokens = trainer.config, trainer.data.tokens
        self._about |= {
            "steps": trainer.plan.steps,
            "model_line": f"{config.model_type}, {counted(config.layers, 'layer')}, width {config.width}, "
            f"{counted(config.heads, 'head')}: {config.parameter_count():,} parameters",
            "data_line": f"{len(tokens.train):,} tokens to learn from, {len(tokens.validation):,} to validate on, "
            f"vocabulary {config.vocab:,}",
        }
        for row in trainer.run.rows():
            self._gathered.read(row)
        path = trainer.run.path / f"step-{trainer.update:06d}"
        self._gathered.see(trainer.update, trainer.glimpse(), trainer, trainer.validation_loss, path)
        self._publish("timing two updates")
        if trainer.update < trainer.plan.steps:
            self._estimate = trainer.estimate()
            self._gathered.left_s = self._estimate.total_s
        self._state = PAUSED if trainer.update < trainer.plan.steps else DONE
        self._notice = "; ".join(found.notes) or None

    def _watched(self, parameters: FlatParameters, plan: Plan) -> Watched:
        return Watched(self._make(parameters, plan), self._judging)

    def _preparing(self, what: str, done: int, of: int) -> None:
        if self._breaking:
            raise Cancelled("given up before it began; nothing was kept")
        self._publish_soon(what, (done, of))

    def _judging(self) -> None:
        if self._breaking:
            raise Cancelled("stopped while it was validating")
        self._publish_soon("validating")

    def _ready(self) -> Trainer:
        if self._trainer is None:
            raise InputError("there is no run: choose a preset and a text, then begin")
        return self._trainer

    def _run(self) -> None:
        trainer = self._ready()
        if trainer.update >= trainer.plan.steps:
            raise InputError(f"all {trainer.plan.steps:,} updates are done: begin another run, or give it more steps")
        self._state = RUNNING

    def _pause(self) -> None:
        if self._state == RUNNING:
            self._state = PAUSED

    def _one(self) -> None:
        self._run()
        self._update()
        self._pause()

    def _update(self) -> None:
        trainer = self._ready()
        report = next(trainer)
        self._gathered.add(report, trainer)
        if report.checkpoint is not None:
            self._saved = report.step
        if trainer.update >= trainer.plan.steps:
            self._state = DONE
            self._notice = f"done: {trainer.update:,} updates, saved in {trainer.run.path.name}"
            self._publish()
        else:
            self._publish_soon("training")

    def _stop(self) -> None:
        """Save if there is something new, and let go of the directory; what cannot be saved stays, unless all ends."""
        trainer = self._trainer
        self._breaking = self._closing
        if trainer is None:
            return
        try:
            if trainer.update != self._saved:
                self._publish("saving")
                self._notice = f"stopped; saved as {trainer.save().name}, in {trainer.run.path}"
            else:
                self._notice = f"stopped; everything was saved already, in {trainer.run.path}"
        except Exception as error:
            if not self._closing:
                raise
            self._notice = f"error: the updates after {self._saved:,} are not saved: {error}"
        trainer.close()
        self._trainer, self._state, self._stopped_at = None, STOPPED, trainer.update

    def _publish_soon(self, busy: str | None = None, progress: tuple[int, int] | None = None) -> None:
        if perf_counter() - self._published_s >= INTERVAL_S:
            self._publish(busy, progress)

    def _publish(self, busy: str | None = None, progress: tuple[int, int] | None = None) -> None:
        g, trainer = self._gathered, self._trainer
        step = trainer.update if trainer else self._stopped_at if self._state == STOPPED else 0
        if busy is None and self._state == RUNNING:
            busy = "training"
        if busy in ("training", "validating") and trainer is not None:
            progress = (step, trainer.plan.steps)
        self.latest = TrainingSnapshot(
            version=self.latest.version + 1, state=self._state, busy=busy, progress=progress, notice=self._notice,
            step=step, losses=g.losses.view(), validation=g.validation.view(), rates=g.rates.view(),
            norms=g.norms.view(), gradient_norms=g.gradient_norms, update_ratios=g.update_ratios,
            ratios_step=g.ratios_step, tokens_per_s=g.tokens_per_s, left_s=g.left_s, estimate=self._estimate,
            seen=g.seen, **self._about,
        )  # fmt: skip
        self._published_s = perf_counter()
