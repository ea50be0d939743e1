"""The lines around the panels: configuration, where one is, what goes on, and the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from app.widgets.ink import Row, cells
from engine.effect import EditView
from engine.settings import TABLE, Settings
from engine.settings import shown as shown_value
from engine.snapshot import Snapshot
from viewers.actions import ACTIONS, ALWAYS, FOOTERS, Action, shown
from viewers.listing_tree import groups_of, label_of
from viewers.numbers import bytes_text
from viewers.view import View

SHORT = {"kv_cache": "KV", "low_rank_mlp": "rank", "optimize": "optimized", "kv_window": "window", "threads": "threads"}
ASKED_FOR = ("kv_cache", "int8", "low_rank_mlp", "optimize")  # settings that the configuration says whatever they are
HELD_S = 3.0


class Lines(Widget):
    """A widget of a few lines, written again after each change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--dim", "lines--strong", "lines--accent", "lines--warn"}

    def __init__(self, name: str) -> None:
        self._rows: list[Strip] | None = None
        super().__init__(id=name)

    def body(self, width: int) -> list[Strip]:
        raise NotImplementedError

    def style_of(self, part: str) -> Style:
        return self.get_component_rich_style(f"lines--{part}", partial=True)

    def refresh(self, *regions, **options):
        self._rows = None
        return super().refresh(*regions, **options)

    def render_line(self, y: int) -> Strip:
        if self._rows is None:
            self._rows = self.body(self.size.width)
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self.rich_style)


class ConfigStrip(Lines):
    """What runs and how: always visible."""

    snapshot: Snapshot | None = None
    opening = ""

    def show(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.refresh()

    def body(self, width: int) -> list[Strip]:
        return self.body_lines(self.snapshot, width)

    def body_lines(self, snapshot: Snapshot | None, width: int) -> list[Strip]:
        """The strip of a snapshot, as many lines as it needs."""
        row, rows = Row(width, self.rich_style).add(" "), []
        if snapshot is None:
            return [row.add(f"MiniGPT · opening {self.opening}", self.style_of("strong")).strip()]
        for name, value in fields(snapshot):
            size = cells(name) + cells(value) + 3
            if row.used > 1 and row.used + size - 2 > width:
                rows.append(row.strip())
                row = Row(width, self.rich_style).add(" ")
            row.add(f"{name} " if name else "", self.style_of("dim")).add(value, self.style_of("strong"))
            row.add("  "[: row.room])
        row.right(f" {snapshot.model_line} ", self.style_of("dim"))
        return [*rows, row.strip()]


def fields(snapshot: Snapshot) -> list[tuple[str, str]]:
    """The configuration as (name, value), in the order of the strip."""
    s, sampler = snapshot.settings, snapshot.sampler
    speed = f"{snapshot.tokens_per_s:.0f}" if snapshot.tokens_per_s is not None else "—"
    memory = snapshot.memory
    used = sum(memory.total(part) for part in ("weights_bytes", "cache_allocated_bytes", "activation_held_bytes"))
    return [
        ("", snapshot.model_name),
        ("", snapshot.dtype),
        *settings_fields(s),
        *edits_fields(snapshot.edits),
        ("seed", str(snapshot.seed)),
        ("T", "0 greedy" if sampler.temperature == 0 else f"{sampler.temperature:g}"),
        ("top-k", str(sampler.top_k) if sampler.top_k else "off"),
        ("top-p", f"{sampler.top_p:g}" if sampler.top_p < 1 else "off"),
        *([("repetition", f"{sampler.repetition_penalty:g}")] if sampler.repetition_penalty != 1 else []),
        ("tokens", f"{len(snapshot.tokens)}/{snapshot.context}"),
        ("memory", bytes_text(used)),
        ("tokens/s", speed),
    ]


def settings_fields(settings: Settings) -> list[tuple[str, str]]:
    """The settings that everybody asks for, and of the others those that are not as they are by default."""
    usual = Settings()
    rows = [row for row in TABLE if row.name in ASKED_FOR or getattr(settings, row.name) != getattr(usual, row.name)]
    return [(SHORT.get(row.name, row.title), shown_value(getattr(settings, row.name))) for row in rows]


def edits_fields(edits: Sequence[EditView]) -> list[tuple[str, str]]:
    """What was changed by hand, and how that runs whatever the settings say; nothing where nothing was."""
    taken = sum(not edit.problem for edit in edits)
    count = str(taken) if taken == len(edits) else f"{taken} of {len(edits)}"
    return [("edits", f"{count} (plain, no KV)")] if edits else []


class Crumb(Lines):
    """Where one is: model › block › part › value; and the token."""

    where: tuple[str, ...] = ()

    def show(self, snapshot: Snapshot, view: View, address: str) -> None:
        self.where = crumbs(snapshot, view, address)
        self.refresh()

    def body(self, width: int) -> list[Strip]:
        row = Row(width, self.rich_style).add(" ")
        for i, place in enumerate(self.where):
            last = i == len(self.where) - 1
            row.add(" › " if i else "", self.style_of("dim")).add(place, self.style_of("accent" if last else "dim"))
        return [row.strip()]


def crumbs(snapshot: Snapshot, view: View, address: str) -> tuple[str, ...]:
    """The way from the model to what is looked at."""
    way = dict.fromkeys((*groups_of(address), *([address] if address else ())))
    return (snapshot.model_name, *map(_place, way), f"layer {view.layer} head {view.head}")


def _place(name: str) -> str:
    """A line or a group in the words of the breadcrumb."""
    label = label_of(name)
    return {"attn": "attention", "mlp": "MLP"}.get(label, label.replace("blocks.", "block ", 1))


class Status(Lines):
    """What goes on: the work and its progress, else the last remark. One that is made while work runs can be read."""

    busy: str | None = None
    progress: tuple[int, int] | None = None
    notice: str | None = None
    said: str = ""
    held_until_s: float = 0.0

    def show(self, snapshot: Snapshot) -> None:
        shown_before = (self.busy, self.progress, self.notice)
        if snapshot.notice != self.notice or (snapshot.busy and monotonic() >= self.held_until_s):
            self.said = ""
        self.busy, self.progress, self.notice = snapshot.busy, snapshot.progress, snapshot.notice
        if shown_before != (self.busy, self.progress, self.notice):
            self.refresh()

    def say(self, words: str, held_s: float | None = None) -> None:
        """A remark of the screen's own, until something else is to be said; work that begins leaves it for `held_s`."""
        held_s = held_s or (HELD_S if self.busy else 0.0)
        self.said, self.held_until_s = words, monotonic() + held_s
        self.refresh()

    def body(self, width: int) -> list[Strip]:
        row = Row(width, self.rich_style).add(" ")
        if self.said:
            return [row.add(self.said, self.style_of("warn")).strip()]
        if self.busy:
            row.add("● ", self.style_of("accent")).add(self.busy, self.style_of("strong"))
            if self.progress:
                row.add(f"  {self.progress[0]} of {self.progress[1]}")
            return [row.add("  space, Esc or ^c stops it", self.style_of("dim")).strip()]
        return [row.add(self.notice or "", self.style_of("warn")).strip()]


class KeyLine(Lines):
    """The five to seven keys that matter in the focused panel; a click does what its key does."""

    panel = "text"
    actions: ClassVar[tuple[Action, ...]] = ACTIONS
    footers: ClassVar[Mapping[str, tuple[tuple[str, str], ...]]] = FOOTERS

    class Pressed(Message):
        """An action was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def show(self, panel: str) -> None:
        if panel != self.panel:
            self.panel = panel
            self.refresh()

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        return (*self.footers.get(self.panel, ()), *ALWAYS)

    def key(self, action: str) -> str:
        """The main key of an action, as it is read."""
        return shown(next(row.keys[0] for row in self.actions if row.id == action))

    def body(self, width: int) -> list[Strip]:
        row = Row(width, self.rich_style)
        for action, words in self.keys:
            key = self.key(action)
            if row.room >= cells(key) + cells(words) + 2:
                row.add(" ").add(key, self.style_of("accent")).add(f" {words} "[: row.room])
        return [row.strip()]

    def on_click(self, event: events.Click) -> None:
        place = 0
        for action, words in self.keys:
            place += cells(self.key(action)) + cells(words) + 3
            if event.x < place:
                self.post_message(self.Pressed(action))
                return
