"""The first screen: a text, the pass behind its next token, and every number of it.

The screen polls the driver's newest snapshot, hands it to the panels, and turns their messages and the keys into
commands. What a person looks at is one `View`; what the model does is the session's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from app.cli.crash import write_report
from app.screens.arrangement import PANELS, Arrangement, arrange
from app.screens.doing import Doing
from app.screens.opening import FIRST_VIEW, Opening
from app.widgets.attention import AttentionPanel
from app.widgets.candidates import CandidatesPanel
from app.widgets.entropy import EntropyPanel
from app.widgets.keys import bindings
from app.widgets.listing import ListingPanel, is_stale
from app.widgets.memory import MemoryPanel
from app.widgets.panel import Panel
from app.widgets.strips import ConfigStrip, Crumb, KeyLine, Status
from app.widgets.text_panel import TextPanel
from app.widgets.value import ValuePanel, line_of
from app.widgets.view import View
from engine.snapshot import Snapshot
from viewers.actions import EVERYWHERE

KINDS: dict[str, Callable[[str], Panel]] = {
    "text": TextPanel, "candidates": CandidatesPanel, "program": ListingPanel, "value": ValuePanel,
    "attention": AttentionPanel, "entropy": EntropyPanel, "memory": MemoryPanel,
}  # fmt: skip
POLL_S = 1 / 25


class Explore(Doing, Screen[None]):
    """Panels, the lines around them, and the wiring."""

    AUTO_FOCUS = "#text"
    BINDINGS: ClassVar[list[BindingType]] = [Binding(*rest, show=False) for rest in bindings(EVERYWHERE)]

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self.opening = opening
        self.view = View()
        self.snapshot: Snapshot | None = None
        self.recent: list[str] = ["text", "program", "candidates", "attention"]  # panels, the one looked at last first
        self.maximised = False
        self.reached = FIRST_VIEW  # how far the pass goes by itself
        self.followed: object = None
        self.stepped = False  # whether a person has begun to step; until then the pass follows the text
        self.arrangement: Arrangement | None = None
        self.failure: BaseException | None = None  # the driver's last bug of ours, once it is reported

    def compose(self) -> ComposeResult:
        yield ConfigStrip("config")
        yield Crumb("crumb")
        yield from (KINDS[name](name) for name in PANELS)
        yield Status("status")
        yield KeyLine("keys")

    def on_mount(self) -> None:
        self.query_one(ConfigStrip).opening = self.opening.model
        self.lay_out()
        self.set_interval(POLL_S, self.poll)
        self.poll()

    def reopen(self, opening: Opening) -> None:
        """Go over to another model, from the beginning."""
        self.opening, self.snapshot, self.view = opening, None, View()
        self.reached, self.followed, self.stepped = FIRST_VIEW, None, False
        self.query_one(ConfigStrip).opening = opening.model
        self.poll()

    def panel(self, name: str) -> Panel:
        return self.query_one(f"#{name}", Panel)

    def poll(self) -> None:
        """Show the newest snapshot, if it is new."""
        if self.opening.error is not None:
            self.app.exit(return_code=1)  # `main` says what it was
            return
        if self.opening.driver is None:
            return
        failure, snapshot = self.opening.driver.failure, self.opening.driver.latest
        if self.snapshot is None or snapshot.version != self.snapshot.version:
            self.take(snapshot)
        if failure is not self.failure and failure is not None:
            self.failure = failure
            path = write_report(failure, [self.opening.model])
            self.say(f"a bug of ours, {type(failure).__name__}; the session goes on; report: {path or 'not written'}")

    def take(self, snapshot: Snapshot) -> None:
        """Go over to a snapshot: cursors that followed go on following."""
        before, self.snapshot = self.snapshot, snapshot
        now = snapshot.stepping
        was = before.stepping if before else None
        if now and now.rows and (was is None or was.cursor != now.cursor or was.what != now.what):
            self.view = replace(self.view, address=now.rows[max(0, now.cursor - 1)].address)
        if before is None or before.model_name != snapshot.model_name:
            self.view = replace(self.view, layer=0, head=0)
        self.lay_out()
        self.draw()
        self.follow(snapshot)

    def follow(self, snapshot: Snapshot) -> None:
        """Begin the pass again over a text that has changed, as far as it was, unless a person is stepping it."""
        now = snapshot.stepping
        if self.stepped or snapshot.busy or now is None:
            return
        is_old, driver = is_stale(snapshot), self.opening.driver
        if now.cursor and not is_old:
            self.reached = now.rows[now.cursor - 1].address
        elif driver is not None and self.followed != (wanted := (is_old, now.what, snapshot.tokens)):
            self.followed = wanted  # asked for once, whatever becomes of it
            if is_old:
                driver.send("restep")
            if any(row.address == self.reached for row in now.rows):
                driver.send("run_until", address=self.reached)

    def look(self, **changes: object) -> None:
        """Look at something else."""
        self.say("")
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]
        self.draw()

    def draw(self) -> None:
        """Hand what is to be seen to whatever is visible."""
        if self.snapshot is None:
            return
        for panel in self.query(Panel):
            if panel.display and (panel.snapshot is not self.snapshot or panel.view is not self.view):
                panel.show(self.snapshot, self.view)
        self.query_one(ConfigStrip).show(self.snapshot)
        line = line_of(self.snapshot.stepping, self.view.address)
        self.query_one(Crumb).show(self.snapshot, self.view, self.view.address or (line.address if line else ""))
        self.query_one(Status).show(self.snapshot)

    def say(self, words: str) -> None:
        """A remark, until the next thing is done."""
        self.query_one(Status).say(words)

    def on_resize(self) -> None:
        self.lay_out()
        self.draw()

    def lay_out(self) -> None:
        """Put every widget into its place; of the panels that share one, show the one looked at last."""
        width, height = self.app.size
        strip = self.query_one(ConfigStrip)
        plan = arrange(width, height, len(strip.body_lines(self.snapshot, width)), self.maximised)
        if plan == self.arrangement and all(self.panel(n).display == self._is_front(n, plan) for n in PANELS):
            return
        self.arrangement = plan
        _put(strip, 0, 0, width, plan.config)
        _put(self.query_one(Crumb), 0, plan.config, width, plan.crumb)
        _put(self.query_one(Status), 0, height - plan.keys - plan.status, width, plan.status)
        _put(self.query_one(KeyLine), 0, height - plan.keys, width, plan.keys)
        for place in plan.places:
            for name in place.panels:
                panel = self.panel(name)
                panel.tabs = tuple((n, self.panel(n).title) for n in place.panels)
                is_front = self._is_front(name, plan)
                _put(panel, place.x, place.y, place.width, place.height if is_front else 0)

    def _is_front(self, name: str, plan: Arrangement) -> bool:
        panels = plan.place_of(name).panels
        return name == min(panels, key=lambda n: self.recent.index(n) if n in self.recent else len(PANELS))

    def bring(self, name: str, focus: bool = True) -> None:
        """Make a panel visible, and by default the focused one."""
        self.recent = [name, *(n for n in self.recent if n != name)]
        self.say("")
        self.lay_out()
        self.draw()
        if focus:
            self.panel(name).focus()
            self.query_one(KeyLine).show(name)

    def seen(self, *names: str) -> None:
        """Bring the first of these panels to the front, unless one of them is visible: what a key does must be seen."""
        if not any(self.panel(name).display for name in names):
            self.bring(names[0])

    def on_descendant_focus(self) -> None:
        focused = self.focused
        if isinstance(focused, Panel) and focused.id:
            self.recent = [focused.id, *(n for n in self.recent if n != focused.id)]
            self.query_one(KeyLine).show(focused.id)

    def on_panel_tab_chosen(self, message: Panel.TabChosen) -> None:
        self.bring(message.panel)

    def on_text_panel_moved(self, message: TextPanel.Moved) -> None:
        self.go_to_token(message.place)

    def on_candidates_panel_moved(self, message: CandidatesPanel.Moved) -> None:
        self.go_to_token(message.place)

    def on_candidates_panel_picked(self, message: CandidatesPanel.Picked) -> None:
        self.choose(message.position, message.token)

    def on_listing_panel_moved(self, message: ListingPanel.Moved) -> None:
        self.look(address=message.address)

    def on_listing_panel_run_to(self, message: ListingPanel.RunTo) -> None:
        self.run_to(message.address)

    def on_attention_panel_head_moved(self, message: AttentionPanel.HeadMoved) -> None:
        self.move_head(message.layers, message.heads)

    def on_entropy_panel_head_moved(self, message: EntropyPanel.HeadMoved) -> None:
        self.move_head(message.layers, message.heads)

    def on_entropy_panel_head_taken(self) -> None:
        self.bring("attention")

    async def on_key_line_pressed(self, message: KeyLine.Pressed) -> None:
        target = (
            self.focused if self.focused is not None and hasattr(self.focused, f"action_{message.action}") else self
        )
        await self.app.run_action(message.action, default_namespace=target)


def _put(widget: Widget, x: int, y: int, width: int, height: int) -> None:
    widget.display = height > 0 and width > 0
    if widget.display:
        widget.styles.offset = (x, y)
        widget.styles.width, widget.styles.height = width, height
