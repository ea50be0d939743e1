"""Lanes: two settings of one model, two models of one shape, or two texts, run side by side and compared.

A lane in one word is MODEL[:setting,...], as `tales:int8=all,rank=32`. It begins with the plain program, which shows
every value, and has what is named: settings are written as their flags are, without the dashes; a switch alone is on,
`no-kv` and `kv=off` turn one off. `optimize` leaves fewer values to look at, and the cache changes none unless it is
INT8, so neither is on until it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.analysis.drift import THRESHOLD, Drift, compare
from engine.errors import InputError
from engine.model import Model
from engine.recording import record_text
from engine.settings import TABLE, Setting, Settings, shown
from engine.text import visible
from engine.trace import Trace

PLAIN = Settings(kv_cache=False, optimize=False)
KEPT_BYTES = 96 << 20  # values of each lane; where they do not fit, fewer addresses are compared, and that is said


def never() -> bool:
    """The stop flag of work that nobody cancels."""
    return False


def word_of(row: Setting) -> str:
    """A setting's name in a lane: `kv-window`."""
    return row.flag.removeprefix("--")


def with_words(settings: Settings, text: str) -> Settings:
    """The settings with those changed that a text names: `int8=all,rank=32,no-kv`. Raises InputError."""
    rows = {name: row for row in TABLE for name in (row.name, row.name.replace("_", "-"), word_of(row))}
    values: dict[str, object] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, is_given, value = word.partition("=")
        row = rows.get(name) or rows.get(name.removeprefix("no-"))
        if row is None or (name not in rows and (is_given or not row.is_switch)):
            known = ", ".join(map(word_of, TABLE))
            raise InputError(f"setting '{visible(name[:40])}': expected one of {known}; as int8=all,rank=32,no-kv")
        if not is_given and not row.is_switch:
            raise InputError(f"setting '{name}': expected {name}=VALUE, {row.expected}")
        values[row.name] = row.read(value) if is_given else name in rows
    return replace(settings, **values)  # type: ignore[arg-type]


def words_of(settings: Settings, base: Settings = PLAIN) -> str:
    """What `with_words` reads as the difference from `base`: `int8=all,rank=32`; empty where there is none."""
    words = []
    for row in TABLE:
        value = getattr(settings, row.name)
        if value != getattr(base, row.name):
            words.append(word_of(row) if value is True else f"{word_of(row)}={shown(value)}")
    return ",".join(words)


def plainly(settings: Settings) -> Settings:
    """Those of a session as a lane has them: what changes the numbers stays, the rest is as in the plain program."""
    int8_cache = settings.int8_cache and settings.kv_cache
    return replace(settings, kv_cache=PLAIN.kv_cache, optimize=PLAIN.optimize, int8_cache=int8_cache)


@dataclass(frozen=True, eq=False)
class Lane:
    """One side. Two are the same lane where model, settings and tokens are."""

    model: Model
    settings: Settings
    ids: tuple[int, ...]

    @property
    def name(self) -> str:
        """`tales:int8=all`."""
        return ":".join(filter(None, (self.model.name, words_of(self.settings))))

    def is_same(self, other: Lane) -> bool:
        return (
            self.model.fingerprint == other.model.fingerprint
            and self.settings == other.settings
            and self.ids == other.ids
        )

    def record(
        self, stop: Callable[[], bool] = never, report: Callable[[int, int], None] | None = None,
        budget_bytes: int = KEPT_BYTES,
    ) -> Trace:  # fmt: skip
        """One pass over its whole text. Raises InputError where that cannot be, Cancelled."""
        settings = replace(self.settings, kv_cache=self.settings.kv_cache or self.settings.int8_cache)
        return record_text(
            self.model, self.ids, settings, lowered=settings.optimize,
            budget_bytes=budget_bytes, stop=stop, report=report,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Compared:
    """Two lanes that have run, and what they differ by."""

    name_a: str
    name_b: str
    a: Trace
    b: Trace
    drift: Drift


@dataclass(frozen=True, eq=False)
class Other:
    """What B is, beside a session: other settings, and if given another model or another text."""

    settings: Settings
    model: Model | None = None
    ids: tuple[int, ...] | None = None

    def lane(self, model: Model, ids: Sequence[int]) -> Lane:
        """B beside the session's model and text."""
        return Lane(self.model or model, self.settings, tuple(ids) if self.ids is None else self.ids)


class Comparison:
    """A session's text under two settings, models or prompts; only the lane that changed is run again."""

    def __init__(self, other: Other, threshold: float = THRESHOLD) -> None:
        self.other, self.threshold = other, threshold
        self.latest: Compared | None = None
        self._lanes: tuple[Lane, Lane] | None = None

    def lanes(self, model: Model, settings: Settings, ids: Sequence[int]) -> tuple[Lane, Lane]:
        """A is the session as it stands, B what was chosen beside it."""
        return Lane(model, plainly(settings), tuple(ids)), self.other.lane(model, ids)

    def is_stale(self, model: Model, settings: Settings, ids: Sequence[int]) -> bool:
        """Whether `latest` is of another text or other settings."""
        now = self.lanes(model, settings, ids)
        return self._lanes is None or not all(new.is_same(old) for new, old in zip(now, self._lanes, strict=True))

    def run(
        self, model: Model, settings: Settings, ids: Sequence[int],
        stop: Callable[[], bool] = never, report: Callable[[int, int], None] | None = None,
    ) -> Compared:  # fmt: skip
        """Run what has changed and compare. `latest` stays if it fails or is stopped."""
        lanes = self.lanes(model, settings, ids)
        a, b = (self._known(lane) or lane.record(stop, report) for lane in lanes)
        self.latest = Compared(lanes[0].name, lanes[1].name, a, b, compare(a, b, self.threshold, stop))
        self._lanes = lanes
        return self.latest

    def _known(self, lane: Lane) -> Trace | None:
        """The trace of a lane that has not changed."""
        if self._lanes is None or self.latest is None:
            return None
        traces = zip(self._lanes, (self.latest.a, self.latest.b), strict=True)
        return next((trace for known, trace in traces if known.is_same(lane)), None)


def beside(words: str = "", model: Model | None = None, ids: Sequence[int] | None = None) -> Comparison:
    """A comparison with the plain program under these settings, as `int8=all`. Raises InputError."""
    return Comparison(Other(with_words(PLAIN, words), model, None if ids is None else tuple(ids)))
