"""What is compared: A, the session as it stands, and the choice of B."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from textual.message import Message
from textual.strip import Strip

from app.widgets.compare.panel import ComparePanel, is_coming
from app.widgets.compare.texts import summary
from app.widgets.panel import first_row
from engine.lane import Compared, plainly, words_of
from engine.settings import TABLE, Settings, shown
from engine.text import counted
from engine.trace import Trace
from viewers.differences import size_text

ROOMY = 14  # rows from which the list is set off
UNSHOWN = {"kv_cache", "threads"}
"""Settings that change no number of a whole pass."""

OTHERS = (
    ("words", "settings in words …", "several at once, as int8=all,rank=32 (t)"),
    ("model", "another model …", "of one shape with this one, reading the same tokens (M)"),
    ("text", "another text …", "the same model and settings; the common positions are compared (i)"),
    ("none", "nothing", "ends the comparison"),
)


@dataclass(frozen=True)
class Choice:
    """One row: what B becomes, in words of a lane or by its kind, and why one would want it."""

    kind: str
    words: str
    title: str
    why: str


def choices(settings: Settings) -> Iterator[Choice]:
    """Everything B can be beside a session under these settings: each setting switched, and the others."""
    now = plainly(settings)
    for row in TABLE:
        for value in row.choices:
            if row.name not in UNSHOWN and value != getattr(now, row.name):
                words = words_of(replace(now, **{row.name: value}))
                yield Choice("setting", words, f"{row.title} {shown(value)}", row.why)
    for kind, title, why in OTHERS:
        yield Choice(kind, "", title, why)


def default_words(settings: Settings) -> str:
    """What B is before anybody has chosen: INT8 weights, or where the session has them, none."""
    now = plainly(settings)
    return words_of(replace(now, int8="none" if now.int8 != "none" else "all"))


def lane_words(compared: Compared) -> tuple[str, str]:
    """Of each lane what the other has not: its model, its settings; and how long its text is."""
    a, b = compared.a, compared.b
    differing = [row for row in TABLE if row.name not in UNSHOWN]
    differing = [row for row in differing if getattr(a.settings, row.name) != getattr(b.settings, row.name)]
    is_other = a.fingerprint != b.fingerprint

    def words(trace: Trace) -> str:
        settings = [f"{row.title} {shown(getattr(trace.settings, row.name))}" for row in differing]
        return ", ".join([counted(len(trace.tokens), "token"), *settings, *[trace.about.line] * is_other])

    return words(a), words(b)


class LanesPanel(ComparePanel):
    """Up and down move, Enter makes B what is under the cursor."""

    title = "Lanes"

    class Taken(Message):
        """B shall be this."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cursor = self._top = 0
        self._head, self._room = 0, 1  # lines above the list, and of the list: for the mouse

    @property
    def choices(self) -> list[Choice]:
        return list(choices(self.pair.snapshot.settings)) if self.pair else []

    def drawn_from(self, snapshot: Any) -> object:
        return snapshot.compared, snapshot.snapshot.settings, snapshot.is_stale, is_coming(snapshot)

    def note(self) -> str:
        return "older text" if self.pair and self.pair.is_stale else "Enter takes B"

    def sentence(self) -> str:
        compared = self.pair.compared if self.pair else None
        return f"A {compared.name_a}, B {compared.name_b}: {summary(compared)}" if compared else ""

    def body(self, snapshot: Any, width: int, height: int) -> list[Strip]:
        found = self.choices
        self.cursor = min(self.cursor, len(found) - 1)
        head = self._lanes(snapshot.compared, width, height >= ROOMY) if height >= 8 else []
        why = found[self.cursor].why
        tail = self.wrapped(why, width, 2 if height >= ROOMY else 1, self.style_of("dim")) if head else []
        self._head, self._room = len(head), max(1, height - len(head) - len(tail))
        self._top = first_row(self.cursor, len(found), self._room, self._top, ahead=1)
        shown_now = enumerate(found[self._top :][: self._room], self._top)
        rows = [self._choice(choice, i == self.cursor, width) for i, choice in shown_now]
        return [*head, *rows, *[self.row(width).strip()] * (self._room - len(rows)), *tail]

    def _lanes(self, compared: Compared | None, width: int, is_roomy: bool) -> list[Strip]:
        """Each lane by what it has that the other has not, and where they part."""
        accent, dim = self.style_of("accent"), self.style_of("dim")
        if compared is None:
            words = "B is not chosen yet: Enter takes what is under the cursor."
            words = self.coming if self.pair is not None and is_coming(self.pair) else words
            return [*self.wrapped(words, width, 1, dim), self.row(width).strip()]
        rows, (a, b) = [], lane_words(compared)
        for name, lane, has in (("A", compared.name_a, a), ("B", compared.name_b, b)):
            row = self.row(width).add(f"{name} ", accent).add(lane, self.style_of("strong"))
            rows.append(row.add(f"  {has}", dim).strip())
        first = self.look.first(compared.drift)
        row = self.row(width)
        if first is None:
            row.add(f"no address parts by more than {self.look.threshold:g}", self.style_of("good"))
        else:
            row.add(f"they part at {first.address}", self.style_of("warn"))
            row.add(f", relative {size_text(first.apart.relative)}", dim)
        return [*rows, row.strip(), *[self.row(width).strip()] * is_roomy]

    def _choice(self, choice: Choice, is_cursor: bool, width: int) -> Strip:
        row = self.row(width)
        if is_cursor:
            row.base += self.style_of("cursor" if self.has_focus else "mark")
        is_now = choice.kind == "setting" and self._is_now(choice)
        row.add("▶ " if is_cursor else "  ").add("● " if is_now else "○ ", None if is_cursor else self.style_of("dim"))
        title = min(22, max(12, width // 2))
        row.column(choice.title, title)
        return row.add(choice.why if len(choice.why) <= row.room or row.room > 30 else "", self.style_of("dim")).strip()

    def _is_now(self, choice: Choice) -> bool:
        """Whether B is this: the same model and text, under these settings."""
        compared = self.pair.compared if self.pair else None
        if compared is None or compared.a.tokens != compared.b.tokens:
            return False
        return compared.name_b == ":".join(filter(None, (compared.a.about.name, choice.words)))

    def move(self, down: int, right: int) -> None:
        self.cursor = min(max(self.cursor + down, 0), len(self.choices) - 1)
        self.refresh()

    def edge(self, end: bool) -> None:
        self.move(99 if end else -99, 0)

    def clicked(self, x: int, y: int) -> None:
        if 0 <= y - self._head < min(self._room, len(self.choices) - self._top):
            self.cursor = self._top + y - self._head
            self.action_enter()

    def action_enter(self) -> None:
        if found := self.choices:
            self.post_message(self.Taken(found[self.cursor]))
