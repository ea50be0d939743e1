"""The Compare screen: two lanes locked together, and the place where they part.

A is the session as it stands, B what was chosen beside it. The screen polls the driver of the first screen, asks it to
bring the second lane up to the text when that has changed, and hands both to the panels. One cursor over addresses and
one over tokens are shared by all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from app.screens.arrangement import Arrangement
from app.screens.compare_doing import CompareDoing
from app.screens.compare_places import COMPARE_PANELS, arrange_comparing
from app.widgets.compare.addresses import AddressesPanel
from app.widgets.compare.curve import CurvePanel
from app.widgets.compare.lanes import LanesPanel, default_words
from app.widgets.compare.places import PlacesPanel
from app.widgets.compare.strips import CompareKeys, LaneStrip
from app.widgets.compare.texts import TextsPanel, TokensPanel
from app.widgets.compare.values import ValuesPanel
from app.widgets.compare.view import CompareView, Pair
from app.widgets.edges import token_words
from app.widgets.keys import bindings
from app.widgets.panel import Panel
from app.widgets.strips import Crumb, Status
from viewers.actions import EVERYWHERE
from viewers.compare_actions import COMPARE_ACTIONS

if TYPE_CHECKING:
    from app.screens.explore import Explore
    from engine.driver import Driver
    from engine.trace_driver import TraceDriver

KINDS: dict[str, Callable[[str], Panel]] = {
    "texts": TextsPanel, "tokens": TokensPanel, "drift": AddressesPanel, "curve": CurvePanel, "values": ValuesPanel,
    "lanes": LanesPanel,
}  # fmt: skip
POLL_S = 1 / 25


class Compare(CompareDoing, Screen[None]):
    """Panels, the lines around them, and the wiring."""

    AUTO_FOCUS = "#drift"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(*rest, show=False) for rest in bindings(EVERYWHERE, COMPARE_ACTIONS)
    ]
    panels = COMPARE_PANELS
    actions = COMPARE_ACTIONS

    def __init__(self, explore: Explore) -> None:
        super().__init__()
        self.explore = explore
        self.pair: Pair | None = None
        self.view = CompareView()
        self.recent = ("drift", "texts", "curve", "values")
        self._driver: Driver | TraceDriver | None = None  # whose session is compared
        self._asked: object = None  # what was last asked of it, so that nothing is asked twice

    def compose(self) -> ComposeResult:
        yield LaneStrip("config")
        yield Crumb("crumb")
        yield from (KINDS[name](name) for name in COMPARE_PANELS)
        yield Status("status")
        yield CompareKeys("keys")

    def on_mount(self) -> None:
        self.lay_out()
        self.set_interval(POLL_S, self.poll)
        self.poll()

    def on_screen_resume(self) -> None:
        self.poll()

    def plan(self) -> Arrangement:
        width, height = self.app.size
        lines = len(self.query_one(LaneStrip).body_lines(self.pair, self.view, width))
        return arrange_comparing(width, height, lines, self.maximised)

    def poll(self) -> None:
        """Show the newest snapshot and comparison, if they are new and the screen is seen."""
        driver = self.explore.opening.driver
        if driver is None or not self.is_current:
            return
        if driver is not self._driver:  # another model: another session, and no second lane yet
            self._driver, self._asked, self.pair = driver, None, None
            self.other_model, self.view = None, CompareView(threshold=self.view.threshold, order=self.view.order)
        compared, snapshot = driver.compared, driver.latest
        if self.pair is None or snapshot is not self.pair.snapshot or compared is not self.pair.compared:
            self.take(Pair(snapshot, compared))

    def take(self, pair: Pair) -> None:
        """Go over to a pair."""
        self.pair = pair
        self.lay_out()
        self.draw()
        self.follow(pair)

    def follow(self, pair: Pair) -> None:
        """Ask for what is missing: a first comparison, or one of the text as it is now. Each is asked for once."""
        snapshot, compared = pair.snapshot, pair.compared
        if snapshot.busy or not snapshot.tokens:
            return
        wanted = (tuple(token.id for token in snapshot.tokens), self.lane_a(snapshot))
        if compared is None and self._asked is None:
            self._asked = wanted
            self.take_words(default_words(snapshot.settings))
        elif compared is not None and wanted not in (self._asked, (compared.a.tokens, compared.name_a)):
            self._asked = wanted
            self.send("follow")

    def look(self, **changes: Any) -> None:
        """Look at something else."""
        self.say("")
        self.view = replace(self.view, **changes)
        self.draw()

    def draw(self) -> None:
        """Hand what is to be seen to whatever is visible."""
        if self.pair is None:
            return
        shown: Any = self.pair
        looked: Any = self.view
        for panel in self.query(Panel):
            if panel.display and (panel.snapshot is not shown or panel.view is not looked):
                panel.show(shown, looked)
        self.query_one(LaneStrip).show(self.pair, self.view)
        crumb = self.query_one(Crumb)
        crumb.where = self.way(self.pair)
        crumb.refresh()
        self.query_one(Status).show(self.pair.snapshot)

    def way(self, pair: Pair) -> tuple[str, ...]:
        """Where one is: the lanes, the address, the token."""
        if pair.compared is None:
            return ("Compare", pair.snapshot.model_name)
        at = self.view.at(pair.compared.drift)
        place = self.view.token(pair.compared.drift)
        lanes = f"{pair.compared.name_a} | {pair.compared.name_b}"
        return ("Compare", lanes, *((at.address,) if at else ()), f"token {place}")

    def say(self, words: str) -> None:
        """A remark, until the next thing is done."""
        self.query_one(Status).say(words)

    def on_lanes_panel_taken(self, message: LanesPanel.Taken) -> None:
        self.take_choice(message.choice)

    def on_places_panel_moved(self, message: PlacesPanel.Moved) -> None:
        self.go_to(message.address)

    def on_texts_panel_moved(self, message: TextsPanel.Moved) -> None:
        before = self.view.place
        self.go_to_token(message.place)
        stays = self.drift is not None and self.view.place == before
        self.say(token_words(message.place, self.drift.positions) if stays and self.drift else "")
