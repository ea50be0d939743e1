"""`TraceDriver`: a recorded pass in the place of a session, for whoever shows one. It has the face of a `Driver`.

What only looks works as it does there: the walk through the lines, breakpoints, and how a token would be drawn where
the logits were recorded. What needs the model says so. There is no thread: every command is done when `send` returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.errors import InputError, MiniGPTError, ProgramError
from engine.sampling import Sampler
from engine.snapshot import ListingRow, Snapshot
from engine.stepper import DEPTHS, unit_of
from engine.trace import Trace
from engine.trace_file import save_trace
from engine.trace_snapshot import TraceSnapshotMaker

MOST_LOGITS = 1 << 24  # that are drawn from at once: about a second's work
NEEDS_MODEL = {
    "prompt": "run another prompt", "generate": "generate", "next": "generate", "take_back": "change the text",
    "choose": "change the text", "activate": "change the text", "toggle": "run under other settings",
    "configure": "run under other settings", "compare": "run beside another", "follow": "run beside another",
    "seed": "draw again", "pass": "run another pass", "save": "go on as a session",
}  # fmt: skip


class TraceDriver:
    """Walks through a trace. At first all of it is done, so that every value can be looked at."""

    compared = None  # a recording has no second lane
    speed_limit: float | None = None  # and nothing that could be too fast
    interval_s = 0.0  # nor too often shown

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.failure: BaseException | None = None
        self._maker = TraceSnapshotMaker(trace)
        self._cursor, self._depth, self._breakpoints = len(self.rows), "line", set[str]()
        self._sampler = Sampler()
        self.latest: Snapshot = self._make(f"{self._maker.what}; n and N walk through it, x exports it")

    @property
    def rows(self) -> tuple[ListingRow, ...]:
        return self._maker.rows

    def start(self) -> None:
        """A driver's worker begins here; a recording has none."""

    def cancel(self) -> None:
        """Nothing runs that could be stopped."""

    def close(self) -> None:
        """Nothing runs that has to end."""

    def send(self, command: str, **arguments: Any) -> None:
        """Do a command of `engine.commands.COMMANDS`, or say in the snapshot's notice why it cannot be done."""
        notice = None
        try:
            if command not in COMMANDS:
                wanted = NEEDS_MODEL.get(command, command.replace("_", " "))
                raise InputError(f"a recording has no model and cannot {wanted}; minigpt-tui MODEL opens one")
            notice = COMMANDS[command](self, **arguments)
        except MiniGPTError as error:
            notice = f"error: {error}"
        except Exception as error:  # a bug of ours: the screen says so
            self.failure, notice = error, f"internal error in {command}: {error}"
        self.latest = self._make(notice)

    def _make(self, notice: str | None) -> Snapshot:
        return self._maker.make(self._cursor, self._depth, self._breakpoints, self._sampler, notice)

    # the walk

    def _step(self) -> None:
        if self._cursor == len(self.rows):
            raise ProgramError("the recording is at its end")
        self._to_end_of(self._unit(self._cursor))

    def _step_back(self) -> None:
        if self._cursor == 0:
            raise ProgramError("the recording is at its beginning")
        unit = self._unit(self._cursor - 1)
        self._cursor -= 1
        while self._depth != "line" and self._cursor and self._unit(self._cursor - 1) == unit:
            self._cursor -= 1

    def _step_into(self) -> None:
        self._depth = DEPTHS[min(DEPTHS.index(self._depth) + 1, len(DEPTHS) - 1)]
        if self._cursor < len(self.rows):
            self._step()

    def _step_out(self) -> None:
        self._depth = DEPTHS[max(DEPTHS.index(self._depth) - 1, 0)]
        if 0 < self._cursor < len(self.rows) and self._unit(self._cursor) == (unit := self._unit(self._cursor - 1)):
            self._to_end_of(unit)

    def _run_until(self, address: str | None = None) -> None:
        last = len(self.rows) if address is None else self._index(address) + 1
        if self._cursor < last:
            self._cursor = next((i for i in range(self._cursor + 1, last) if self._stops_at(i)), last)

    def _rewind(self, address: str | None = None) -> None:
        self._cursor = min(self._cursor, self._index(address) if address else 0)

    def _restep(self) -> None:
        self._cursor = 0

    def _breakpoint(self, address: str) -> None:
        self._breakpoints ^= {address}

    def _to_end_of(self, unit: str) -> None:
        """On to the end of a unit or the next breakpoint; by one line at least."""
        self._cursor += 1
        while self._cursor < len(self.rows) and self._unit(self._cursor) == unit and not self._stops_at(self._cursor):
            self._cursor += 1

    def _unit(self, index: int) -> str:
        return unit_of(self.rows[index].address, self._depth)

    def _stops_at(self, index: int) -> bool:
        return self.rows[index].address in self._breakpoints

    def _index(self, address: str) -> int:
        found = next((i for i, row in enumerate(self.rows) if row.address == address), None)
        if found is None:
            raise ProgramError(f"{address} is not in this recording")
        return found

    # the rest

    def _resample(self, **changes: float) -> None:
        logits = self.trace.values.get("logits")
        if logits is None:
            raise InputError("the logits were not recorded, so sampling cannot be shown")
        if logits.size > MOST_LOGITS:
            raise InputError(f"sampling is shown of at most {MOST_LOGITS:,} recorded logits, not of {logits.size:,}")
        self._sampler = replace(self._sampler, **changes)  # type: ignore[arg-type]

    def _save_trace(self, path: str) -> str:
        save_trace(self.trace, path)
        return f"saved as {path}"


COMMANDS: dict[str, Callable[..., str | None]] = {
    "step": TraceDriver._step,
    "step_back": TraceDriver._step_back,
    "step_into": TraceDriver._step_into,
    "step_out": TraceDriver._step_out,
    "run_until": TraceDriver._run_until,
    "rewind": TraceDriver._rewind,
    "restep": TraceDriver._restep,
    "breakpoint": TraceDriver._breakpoint,
    "sampler": TraceDriver._resample,
    "trace": TraceDriver._save_trace,
    "uncompare": lambda driver: None,
    "look": lambda driver: None,
}
"""What can be done without the model; a remark that is to be shown comes back."""
