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

from app.cli.crash import write_report
from app.screens.arrangement import PANELS, Arrangement, arrange
from app.screens.doing import Doing
from app.screens.opening import FIRST_VIEW, Opening
from app.screens.window import Windowing
from app.widgets.attention import AttentionPanel
from app.widgets.candidates import CandidatesPanel
from app.widgets.changes import ChangesPanel
from app.widgets.edges import edge_words
from app.widgets.edits import EditsPanel
from app.widgets.entropy import EntropyPanel
from app.widgets.keys import bindings
from app.widgets.lens import LensPanel
from app.widgets.listing import ListingPanel, is_stale
from app.widgets.memory import MemoryPanel
from app.widgets.panel import Panel
from app.widgets.settings_panel import SettingsPanel
from app.widgets.strips import ConfigStrip, Crumb, KeyLine, Status
from app.widgets.text_panel import TextPanel
from app.widgets.time_panel import TimePanel
from app.widgets.value import ValuePanel, line_of
from app.widgets.watch import WatchPanel
from engine.pace import Frames
from engine.snapshot import Snapshot
from viewers.actions import EVERYWHERE
from viewers.view import View

KINDS: dict[str, Callable[[str], Panel]] = {
    "text": TextPanel, "candidates": CandidatesPanel, "program": ListingPanel, "value": ValuePanel,
    "attention": AttentionPanel, "entropy": EntropyPanel, "memory": MemoryPanel, "time": TimePanel,
    "changes": ChangesPanel, "edits": EditsPanel, "lens": LensPanel, "watch": WatchPanel, "settings": SettingsPanel,
}  # fmt: skip
POLL_S = 1 / 25
SHARE, SLOWEST_S = 0.1, 1 / 8  # of a core that drawing takes from an engine at work; but no frame waits for longer
ALONE_S, WITH_WINDOW_S = 1 / 12, 1 / 30  # between two snapshots that the engine makes while it works
REMARK_S = 10.0


class Explore(Windowing, Doing, Screen[None]):
    """Panels, the lines around them, and the wiring."""

    AUTO_FOCUS = "#text"
    panels = PANELS
    recent: tuple[str, ...] = ("text", "program", "candidates", "attention")
    BINDINGS: ClassVar[list[BindingType]] = [Binding(*rest, show=False) for rest in bindings(EVERYWHERE)]

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self.opening = opening
        self.view = View()
        self.frames = Frames(SHARE, SLOWEST_S)
        self.snapshot: Snapshot | None = None
        self.reached = FIRST_VIEW  # how far the pass goes by itself
        self.followed: object = None
        self.stepped = False  # whether a person has begun to step; until then the pass follows the text
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
        self.set_interval(POLL_S, self._tick)
        self.poll()

    def reopen(self, opening: Opening) -> None:
        """Go over to another model, from the beginning."""
        self.opening, self.snapshot, self.view = opening, None, View()
        self.reached, self.followed, self.stepped = FIRST_VIEW, None, False
        self.query_one(ConfigStrip).opening = opening.model
        self.say("")  # what was said was of the model before
        self.poll()

    def _tick(self) -> None:
        driver, shown = self.opening.driver, self.snapshot
        if driver is None or shown is None:
            self.poll()
            return
        driver.interval_s = WITH_WINDOW_S if self._window else ALONE_S
        if driver.latest.version == shown.version or self.frames.is_due(driver.latest.busy is not None):
            self.poll()

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
        self.took(snapshot)
        self.lay_out()
        self.draw()
        if before is None and self.opening.remark:
            self.query_one(Status).say(self.opening.remark, REMARK_S)
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
        self.follow_lens()

    def say(self, words: str) -> None:
        """A remark, until the next thing is done."""
        self.query_one(Status).say(words)

    def plan(self) -> Arrangement:
        width, height = self.app.size
        return arrange(width, height, len(self.query_one(ConfigStrip).body_lines(self.snapshot, width)), self.maximised)

    def bring(self, name: str, focus: bool = True) -> None:
        """Make a panel visible, and by default the focused one; a remark has then been seen."""
        self.say("")
        super().bring(name, focus)

    def on_text_panel_moved(self, message: TextPanel.Moved) -> None:
        self.move_token(message.place)

    def on_candidates_panel_moved(self, message: CandidatesPanel.Moved) -> None:
        self.move_token(message.place)

    def on_candidates_panel_picked(self, message: CandidatesPanel.Picked) -> None:
        self.choose(message.position, message.token)

    def on_listing_panel_moved(self, message: ListingPanel.Moved) -> None:
        self.look(address=message.address)

    def on_listing_panel_run_to(self, message: ListingPanel.RunTo) -> None:
        self.run_to(message.address)

    def on_attention_panel_head_moved(self, message: AttentionPanel.HeadMoved) -> None:
        self.move_head(message.layers, message.heads)

    def on_attention_panel_look_changed(self, message: AttentionPanel.LookChanged) -> None:
        self.look(attention=message.looks)

    def on_entropy_panel_head_moved(self, message: EntropyPanel.HeadMoved) -> None:
        self.move_head(message.layers, message.heads)

    def on_time_panel_peaks_wanted(self) -> None:
        self.send("peaks")

    def on_entropy_panel_token_moved(self, message: EntropyPanel.TokenMoved) -> None:
        before = self.view.query(self.snapshot) if self.snapshot else None
        self.go_to_token(message.place)
        count = len(self.snapshot.tokens) if self.snapshot else 0
        if message.place == before and message.place in (0, count - 1):
            self.say(edge_words("token", message.place, count))

    def on_entropy_panel_head_taken(self) -> None:
        self.bring("attention")
