"""`Panel`: a rectangle of the screen with a title row, drawn line by line from one snapshot.

A subclass writes `body`: the rows under the title. Rows are kept until something changes, so a repaint of an unchanged
panel costs nothing.
"""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from app.widgets.edges import edge_words
from app.widgets.ink import Row, cells
from app.widgets.keys import bindings
from engine.snapshot import Snapshot
from viewers.actions import PANELS
from viewers.view import View


class Panel(Widget, can_focus=True):
    """`title` is what its tab says; `tabs` are the panels that share its place, in order, itself among them."""

    DEFAULT_CLASSES = "panel"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "panel--title", "panel--tab", "panel--dim", "panel--strong", "panel--accent", "panel--cursor", "panel--good",
        "panel--warn", "panel--mark",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [Binding(*rest, show=False) for rest in bindings(PANELS)]

    title = ""
    offered = True  # whether it has a tab and a turn now
    waiting = "The model is being opened …"

    class TabChosen(Message):
        """The tab of another panel in the same place was clicked."""

        def __init__(self, panel: str) -> None:
            super().__init__()
            self.panel = panel

    class Remark(Message):
        """Something is to be said of a key; no words: of what was said before, it is enough."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def __init__(self, name: str) -> None:
        self._rows: list[Strip] | None = None
        self._styles: dict[str, Style] = {}  # looked up once for each theme
        self.base = Style()  # the panel's own colours, looked up once for each drawing
        super().__init__(id=name)
        self.snapshot: Snapshot | None = None
        self.view = View()
        self.tabs: tuple[tuple[str, str], ...] = ()

    def show(self, snapshot: Snapshot, view: View) -> None:
        """Draw this from now on."""
        before = (self.snapshot, self.view)
        self.snapshot, self.view = snapshot, view
        self.changed(*before)
        if before[0] is None or before[1] != view or self.drawn_from(before[0]) != self.drawn_from(snapshot):
            self.refresh()

    def drawn_from(self, snapshot: Snapshot) -> object:
        """The part of a snapshot that this panel shows: while it stays equal, nothing is drawn again."""
        return snapshot.version

    def changed(self, snapshot: Snapshot | None, view: View) -> None:
        """Called after a change, with what was shown before."""

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        """The rows under the title, at most `height`."""
        raise NotImplementedError

    def note(self) -> str | list[tuple[str, Style]]:
        """A few words at the right of the title."""
        return ""

    def sentence(self) -> str:
        """What the panel says about the thing under its cursor; this is what is copied."""
        return ""

    def style_of(self, part: str) -> Style:
        if part not in self._styles:
            self._styles[part] = self.get_component_rich_style(f"panel--{part}", partial=True)
        return self._styles[part]

    def notify_style_update(self) -> None:
        self._styles.clear()
        self._rows = None
        super().notify_style_update()

    def row(self, width: int) -> Row:
        return Row(width, self.base)

    def wrapped(self, text: str, width: int, rows: int, style: Style | None = None) -> list[Strip]:
        """Words broken over at most `rows` rows."""
        lines: list[str] = [""]
        for word in text.split():
            if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
                lines.append(word)
            else:
                lines[-1] = f"{lines[-1]} {word}".strip()
        if len(lines) > rows and rows:
            lines[rows - 1] += " …" if len(lines[rows - 1]) + 2 <= width else "…"
        return [self.row(width).add(line, style).strip() for line in lines[:rows]]

    def refresh(self, *regions, **options):
        self._rows = None
        return super().refresh(*regions, **options)

    def render_line(self, y: int) -> Strip:
        if self._rows is None:
            self._rows = self._draw()
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self.base)

    def _draw(self) -> list[Strip]:
        width, height = self.size
        if width <= 0 or height <= 0:
            return []
        self.base = self.rich_style
        rows = [self._title_row(width)]
        inner = width - 2
        if inner < 4:
            return rows
        if self.snapshot is None:
            inside = self.wrapped(self.waiting, inner, height - 1, self.style_of("dim"))
        else:
            inside = self.body(self.snapshot, inner, height - 1) if height > 1 else []
        edge = Strip.blank(1, self.base)
        return rows + [Strip.join([edge, strip, edge]) for strip in inside[: height - 1]]

    def _tabs_in(self, width: int) -> list[tuple[str, str]]:
        """The tabs that a row of this width has, as (panel, text). Where not all fit, those around this panel's, with a
        mark for the others."""
        titles = self.tabs or ((self.id or "", self.title),)
        if sum(len(title) + 2 for _, title in titles) <= width:
            return [(name, f"{title} ") for name, title in titles]
        sizes, here = [len(title) + 1 for _, title in titles], [name for name, _ in titles].index(self.id or "")
        first, last = 0, len(titles)
        while sum(sizes[first:last]) + 2 * (first > 0) + 2 * (last < len(titles)) > width and last - first > 1:
            if last - 1 > here:
                last -= 1
            else:
                first += 1
        before = [(titles[first - 1][0], "‹")] if first else []
        after = [(titles[last][0], "›")] if last < len(titles) else []
        return [*before, *titles[first:last], *after]

    def _title_row(self, width: int) -> Strip:
        base, tab = self.style_of("title"), self.style_of("tab")
        row = Row(width, self.base + base)
        for name, title in self._tabs_in(width):
            mine = name == self.id
            mark = ("▌" if self.has_focus else " ") if mine else " "
            style = tab if mine and self.has_focus else self.style_of("strong") if mine else None
            row.add(f"{mark}{title}", style)
        note = self.note() if self.snapshot else ""
        parts = [(note, self.style_of("dim"))] if isinstance(note, str) else note
        size = sum(cells(text) for text, _ in parts) + 1
        if size < row.room:
            row.to(width - size)
            for text, style in parts:
                row.add(text, style)
        return row.strip()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_resize(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.y > 0:
            self.clicked(event.x - 1, event.y - 1)
            return
        place = 0
        for name, title in self._tabs_in(self.size.width):
            place += len(title) + 1
            if event.x < place:
                self.post_message(self.TabChosen(name))
                return

    def clicked(self, x: int, y: int) -> None:
        """A click in the body."""

    def move(self, down: int, right: int) -> None:
        """The cursor goes this far."""

    def went(self, before: int, after: int, count: int, what: str = "line") -> None:
        """Say where a cursor could not go further; where it went, what was said before is done with."""
        self.post_message(self.Remark(edge_words(what, after, count) if after == before else ""))

    def edge(self, end: bool) -> None:
        """The cursor goes to the first or the last place."""

    def action_up(self) -> None:
        self.move(-1, 0)

    def action_down(self) -> None:
        self.move(1, 0)

    def action_left(self) -> None:
        self.move(0, -1)

    def action_right(self) -> None:
        self.move(0, 1)

    def action_page_up(self) -> None:
        self.move(-10, 0)

    def action_page_down(self) -> None:
        self.move(10, 0)

    def action_first(self) -> None:
        self.edge(False)

    def action_last(self) -> None:
        self.edge(True)

    def action_enter(self) -> None:
        """Take what is under the cursor."""

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(-1, 0)


def first_row(cursor: int, count: int, room: int, before: int = 0, ahead: int = 0) -> int:
    """The first of `count` rows to show in `room`, so that the cursor is inside and the view moves little.

    ahead   how many rows behind the cursor are to be seen too
    """
    if count <= room:
        return 0
    low, high = max(0, min(cursor + ahead, count - 1) - room + 1), min(cursor, count - room)
    return min(max(before, low), max(high, low))
