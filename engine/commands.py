"""What each command to a driver does to its session. How commands come and snapshots go stands in `driver`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.analysis.lens import read_through
from engine.analysis.machine_peaks import known_peaks
from engine.edited_decoder import taken
from engine.editing import clear_edits, edit, redo_edit, undo_edit
from engine.errors import Cancelled, InputError, MiniGPTError
from engine.fits import require_memory
from engine.lane import Compared
from engine.model import open_model
from engine.session import Session, asked_for
from engine.session_file import save_session, saved
from engine.settings import TABLE, row_of, shown
from engine.text_history import TextHistory
from engine.timeline import Node
from engine.views import SnapshotMaker
from engine.weighing import weigh

PACE_S = 0.01


class Commands:
    """Works on what a driver has, and tells it what to publish meanwhile."""

    if TYPE_CHECKING:
        _session: Session
        _maker: SnapshotMaker
        _texts: TextHistory
        _notice: str | None
        speed_limit: float | None

        def _publish(self, busy: str | None = None, progress: tuple[int, int] | None = None) -> None: ...

        def _publish_soon(self, busy: str, progress: tuple[int, int] | None = None) -> None: ...

        def _stopped(self) -> bool: ...

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
            if model is not None:
                require_memory(model)
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
    "prompt": Commands._prompt,
    "generate": Commands._generate,
    "next": Commands._next,
    "take_back": lambda driver: driver._change_text("take_back"),
    "choose": lambda driver, position, id: driver._change_text("choose", position=position, id=id),
    "activate": lambda driver, branch: driver._change_text("activate", branch=branch, stop=driver._stopped),
    "undo_text": lambda driver: driver._texts.undo(driver._session.leaf, driver._go_to),
    "redo_text": lambda driver: driver._texts.redo(driver._session.leaf, driver._go_to),
    "toggle": Commands._toggle,
    "configure": Commands._configure,
    "compare": Commands._compare,
    "follow": Commands._follow,
    "uncompare": Commands._uncompare,
    "sampler": Commands._sampler,
    "seed": Commands._seed,
    "step": lambda driver: driver._stepper("step"),
    "step_back": lambda driver: driver._stepper("back"),
    "step_into": lambda driver: driver._stepper("into"),
    "step_out": lambda driver: driver._stepper("out"),
    "run_until": lambda driver, address=None: driver._stepper("run_until", address, driver._stopped),
    "rewind": lambda driver, address=None: driver._stepper("rewind", address),
    "breakpoint": Commands._breakpoint,
    "edit": lambda driver, text: driver._edit(edit, text),
    "undo_edit": lambda driver: driver._edit(undo_edit),
    "redo_edit": lambda driver: driver._edit(redo_edit),
    "clear_edits": lambda driver: driver._edit(clear_edits),
    "lens": Commands._lens,
    "look": lambda driver: None,  # a snapshot of how things are
    "restep": Commands._restep,
    "pass": Commands._pass,
    "save": Commands._save,
    "trace": Commands._trace,
    "peaks": Commands._peaks,
}
