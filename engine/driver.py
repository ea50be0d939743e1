"""`Driver`: the one worker thread that owns a session. Commands go in, the newest frozen snapshot comes out.

Commands wait in a queue. Snapshots do not: there is one place for the newest, and whoever polls it late has missed the
ones between, which is what a screen wants. A command that fails says so in the snapshot's `notice`; the session is then
as it was.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter, sleep
from typing import Any

import numpy as np

from engine.analysis.lens import read_through
from engine.analysis.machine_peaks import known_peaks
from engine.edited_decoder import taken
from engine.editing import clear_edits, edit, redo_edit, undo_edit
from engine.errors import Cancelled, InputError, MiniGPTError
from engine.lane import Compared
from engine.model import open_model
from engine.session import Session, asked_for
from engine.session_file import save_session, saved
from engine.settings import TABLE, row_of, shown
from engine.snapshot import Snapshot
from engine.text_history import TextHistory
from engine.timeline import Node
from engine.views import SnapshotMaker
from engine.weighing import weigh

SNAPSHOT_INTERVAL_S = 1 / 30
JOIN_S = 1.0
PACE_S = 0.01
LOOKS = ("lens", "look")  # commands that change nothing: what was said before them stays
QUIET_S = 1.0  # without a command, after which the session is kept safe


class Driver:
    """Runs a session in a thread of its own. `keep` gets it when no command has come for a while, and at the end."""

    def __init__(self, session: Session, keep: Callable[[Session], None] | None = None) -> None:
        self._session = session
        self._keep = keep
        self._maker = SnapshotMaker(session)
        self._texts = TextHistory()
        self._commands: queue.SimpleQueue[tuple[int, str, dict[str, Any]] | None] = queue.SimpleQueue()
        self._serials = itertools.count(1)
        self._sent = self._running = self._cancelled = 0  # serial numbers of commands
        self._closing = False
        self._published_s = 0.0
        self._notice: str | None = None
        self.speed_limit: float | None = None  # tokens per second that are not exceeded; anybody may change it
        self.failure: BaseException | None = None
        self.latest: Snapshot = self._maker.make()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command; see `COMMANDS`. Returns at once."""
        if command not in COMMANDS:
            raise InputError(f"no such command: {command}")
        self._sent = next(self._serials)
        self._commands.put((self._sent, command, arguments))

    def cancel(self) -> None:
        """Stop the command that runs now, and those that wait; what was done is kept."""
        self._cancelled = self._sent

    def close(self) -> None:
        """Stop and join the worker."""
        self._closing = True
        self.cancel()
        self._commands.put(None)
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _work(self) -> None:
        while (item := self._next_command()) is not None and not self._closing:
            self._running, command, arguments = item
            if command == "configure" and self._running <= self._cancelled < self._sent:
                continue  # a later one takes its place
            self._notice = self._notice if command in LOOKS else None
            before = self._session.leaf
            try:
                COMMANDS[command](self, **arguments)
            except Cancelled as stopped:
                self._notice = str(stopped)
            except MiniGPTError as error:
                self._notice = f"error: {error}"
            except Exception as error:  # a bug of ours: the screen says so, the session goes on
                self.failure = error
                self._notice = f"internal error in {command}: {error}"
            if command not in ("undo_text", "redo_text"):
                self._texts.note(before, self._session.leaf)
            try:
                self._publish()
            except Exception as error:  # likewise; the last snapshot stays
                self.failure = error

        self._keep_safe()

    def _next_command(self) -> tuple[int, str, dict[str, Any]] | None:
        try:
            return self._commands.get(timeout=QUIET_S)
        except queue.Empty:
            self._keep_safe()
            return self._commands.get()

    def _keep_safe(self) -> None:
        try:
            if self._keep is not None:
                self._keep(self._session)
        except MiniGPTError as error:  # said once; the work goes on without a net
            self._keep, self._notice = None, f"error: the session is not kept safe: {error}"
            self._publish()
        except Exception as error:
            self.failure = error

    def _publish(self, busy: str | None = None, progress: tuple[int, int] | None = None) -> None:
        made = self._maker.make(busy, progress, self._notice)
        self.latest = replace(made, speed_limit=self.speed_limit)
        self._published_s = perf_counter()

    def _publish_soon(self, busy: str, progress: tuple[int, int] | None = None) -> None:
        """Publish, unless the last snapshot is too young to have been seen."""
        if perf_counter() - self._published_s >= SNAPSHOT_INTERVAL_S:
            self._publish(busy, progress)

    def _stopped(self) -> bool:
        return self._closing or self._running <= self._cancelled

    def _prompt(self, text: str | None = None, ids: list[int] | None = None) -> None:
        self._publish("running the prompt")
        self._session.prompt(
            text, ids, self._stopped, lambda done, of: self._publish_soon("running the prompt", (done, of))
        )

    def _generate(self, count: int, stop_text: str | None = None) -> None:
        busy = "generating"
        self._publish(busy, (0, count))
        for i, _ in enumerate(self._session.generate(count, stop_text, stop=self._stopped), 1):
            self._publish(busy, (i, count)) if self.speed_limit else self._publish_soon(busy, (i, count))
            self._pace()
        self._after_generating(count)

    def _pace(self) -> None:
        """Wait until the next token may come; a stop and another limit count at once."""
        made_s = perf_counter()
        while (limit := self.speed_limit) and perf_counter() < made_s + 1 / limit and not self._stopped():
            sleep(min(PACE_S, 1 / limit))

    def _next(self) -> None:
        for _ in self._session.generate(1, stop=self._stopped):
            pass
        self._after_generating(1)

    def _after_generating(self, count: int) -> None:
        if count == 1 and self._session.ended == asked_for(1):  # a single step is no end
            self._session.ended = None
        self._refresh_pass()

    def _change_text(self, method: str, **arguments: Any) -> None:
        getattr(self._session, method)(**arguments)
        self._refresh_pass()

    def _go_to(self, leaf: Node) -> None:
        self._session.go_to(leaf, self._stopped)

    def _refresh_pass(self) -> None:
        """A pass that nobody has begun to step follows the text."""
        stepper = self._session.stepper
        if stepper is None or stepper.run.cursor == 0:
            self._session.restep()

    def _toggle(self, name: str) -> None:
        self._configure(**{name: getattr(self._session.settings.toggled(name), name)})

    def _configure(self, **changes: Any) -> None:
        """Change settings by name. What was asked for is said before the work begins; stopped, the old ones stay."""
        if unknown := changes.keys() - {row.name for row in TABLE}:
            raise InputError(f"no such setting: {', '.join(sorted(unknown))}")
        if self._stopped():
            raise Cancelled("stopped before it began; the settings are as they were")
        settings = replace(self._session.settings, **changes)
        words = ", ".join(f"{row_of(name).title} {shown(value)}" for name, value in changes.items())
        self._publish(f"applying {words}")
        self._session.change(settings, self._stopped)

    @property
    def compared(self) -> Compared | None:
        """What the second lane last differed by; None without one."""
        comparison = self._session.comparison
        return comparison.latest if comparison else None

    def _compare(self, words: str = "", model: str | None = None, **other: Any) -> None:
        """Lock a second lane to the text: settings in words, and if given another model (its name) or text. Where it
        cannot be run, the one before stays."""
        if model is not None:
            self._publish(f"opening {model}")
        before = self._session.comparison
        try:
            self._session.compare(words, open_model(model) if model is not None else None, **other)
            self._follow()
        except MiniGPTError:
            self._session.comparison = before
            raise

    def _uncompare(self) -> None:
        self._session.comparison = None

    def _follow(self) -> None:
        """Bring the second lane to the text; a screen that shows it asks for this when the text has changed."""
        self._session.follow(self._stopped, lambda done, of: self._publish_soon("comparing", (done, of)))

    def _save(self, path: str) -> None:
        save_session(saved(self._session), path)
        self._notice = f"saved as {path}"

    def _trace(self, path: str) -> None:
        """Record the text, as the plain program runs it under the settings, and save it."""
        from engine.recording import record_text
        from engine.trace_file import save_trace

        session, busy = self._session, "recording the pass"
        kept = saved(session)
        self._publish(busy)
        trace = record_text(
            session.model,
            kept.tokens,
            kept.settings,
            prompt_length=kept.given,
            seed=kept.seed if kept.given < len(kept.tokens) else None,
            edits=taken(session.decoder),
            stop=self._stopped,
            report=lambda done, of: self._publish_soon(busy, (done, of)),
        )
        save_trace(trace, path)
        self._notice = f"saved as {path}"

    def _peaks(self) -> None:
        """Measure what the machine can do, once."""
        self._publish("measuring this machine")
        self._maker.peaks = known_peaks()

    def _sampler(self, **changes: Any) -> None:
        self._session.resample(**changes)

    def _seed(self, value: int) -> None:
        self._session.resample(seed=value)

    def _stepper(self, method: str, *arguments: Any) -> None:
        if self._session.stepper is None:
            raise InputError("there is no pass to step yet: give a prompt first")
        getattr(self._session.stepper, method)(*arguments)

    def _breakpoint(self, address: str) -> None:
        self._session.breakpoints.symmetric_difference_update({address})

    def _restep(self) -> None:
        self._session.restep()
        self._weigh()

    def _pass(self, kind: str) -> None:
        self._publish("preparing the pass")
        self._session.restep(kind)
        self._weigh()

    def _edit(self, change: Callable[..., None], *arguments: str) -> None:
        self._publish("running the pass with the edits")
        change(self._session, *arguments, self._stopped)
        self._weigh()
        effect = self._session.effect
        self._notice = str(effect) if effect else "no edits: the pass is the model's own"

    def _lens(self, position: int) -> None:
        """Read the residual stream of the stepped pass, as far as it is done, after the token at a position."""
        session, stepper = self._session, self._session.stepper
        if stepper is None:
            raise InputError("there is no pass to look into yet: give a prompt first")
        values, model = stepper.run.values, session.model
        positions = np.ravel(values.get("position_ids", np.arange(len(session.tokens)))).tolist()
        row = positions.index(position) if position in positions else len(positions) - 1
        text_of = str if model.tokenizer is None else model.tokenizer.token_text
        addresses = [line.out for line in stepper.run.program.lines]
        session.lens = read_through(model.program, model.weights, values, addresses, row, positions[row], text_of)

    def _weigh(self) -> None:
        """Measure again what the edits do, over the text as it is now."""
        self._session.effect = weigh(self._session, self._stopped)


COMMANDS: dict[str, Callable[..., None]] = {
    "prompt": Driver._prompt,
    "generate": Driver._generate,
    "next": Driver._next,
    "take_back": lambda driver: driver._change_text("take_back"),
    "choose": lambda driver, position, id: driver._change_text("choose", position=position, id=id),
    "activate": lambda driver, branch: driver._change_text("activate", branch=branch, stop=driver._stopped),
    "undo_text": lambda driver: driver._texts.undo(driver._session.leaf, driver._go_to),
    "redo_text": lambda driver: driver._texts.redo(driver._session.leaf, driver._go_to),
    "toggle": Driver._toggle,
    "configure": Driver._configure,
    "compare": Driver._compare,
    "follow": Driver._follow,
    "uncompare": Driver._uncompare,
    "sampler": Driver._sampler,
    "seed": Driver._seed,
    "step": lambda driver: driver._stepper("step"),
    "step_back": lambda driver: driver._stepper("back"),
    "step_into": lambda driver: driver._stepper("into"),
    "step_out": lambda driver: driver._stepper("out"),
    "run_until": lambda driver, address=None: driver._stepper("run_until", address, driver._stopped),
    "rewind": lambda driver, address=None: driver._stepper("rewind", address),
    "breakpoint": Driver._breakpoint,
    "edit": lambda driver, text: driver._edit(edit, text),
    "undo_edit": lambda driver: driver._edit(undo_edit),
    "redo_edit": lambda driver: driver._edit(redo_edit),
    "clear_edits": lambda driver: driver._edit(clear_edits),
    "lens": Driver._lens,
    "look": lambda driver: None,  # a snapshot of how things are
    "restep": Driver._restep,
    "pass": Driver._pass,
    "save": Driver._save,
    "trace": Driver._trace,
    "peaks": Driver._peaks,
}
