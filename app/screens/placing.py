"""Panels of a screen in their places: which is in front, which is focused, and what is brought forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.widget import Widget

from app.screens.arrangement import Arrangement
from app.widgets.panel import Panel
from app.widgets.strips import KeyLine


class Placing(Widget):
    """A base of a screen. `panels` are the names of its panels, in the order in which Tab visits them."""

    panels: ClassVar[tuple[str, ...]] = ()
    arrangement: Arrangement | None = None
    maximised = False
    recent: tuple[str, ...] = ()  # panels, the one looked at last first

    if TYPE_CHECKING:
        focused: Widget | None

        def draw(self) -> None: ...
        def say(self, words: str) -> None: ...

    def plan(self) -> Arrangement:
        """What stands where, now."""
        raise NotImplementedError

    def lines(self) -> tuple[str, str, str, str]:
        """The ids of the lines above and below the panels: figures, way, status, keys."""
        return ("config", "crumb", "status", "keys")

    def panel(self, name: str) -> Panel:
        return self.query_one(f"#{name}", Panel)

    def lay_out(self) -> None:
        """Put every widget into its place; of the panels that share one, show the one looked at last."""
        width, height = self.app.size
        plan = self.plan()
        if plan == self.arrangement and all(self.panel(n).display == self.is_front(n, plan) for n in self.panels):
            return
        self.arrangement = plan
        figures, way, status, keys = (self.query_one(f"#{name}") for name in self.lines())
        put(figures, 0, 0, width, plan.config)
        put(way, 0, plan.config, width, plan.crumb)
        put(status, 0, height - plan.keys - plan.status, width, plan.status)
        put(keys, 0, height - plan.keys, width, plan.keys)
        for place in plan.places:
            for name in place.panels:
                panel = self.panel(name)
                tabs = tuple((n, self.panel(n).title) for n in self.offered(place.panels))
                if tabs != panel.tabs:
                    panel.tabs = tabs
                    panel.refresh()
                front = self.is_front(name, plan)
                put(panel, place.x, place.y, place.width, place.height if front else 0)

    def offered(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of some panels that there is anything to see in."""
        return tuple(name for name in names if self.panel(name).offered)

    def is_front(self, name: str, plan: Arrangement) -> bool:
        shared = self.offered(plan.place_of(name).panels)
        if not self.panel(name).offered:
            return False
        return name == min(shared, key=lambda n: self.recent.index(n) if n in self.recent else len(self.panels))

    def bring(self, name: str, focus: bool = True) -> None:
        """Make a panel visible, and by default the focused one."""
        self.recent = (name, *(n for n in self.recent if n != name))
        self.lay_out()
        self.draw()
        if focus:
            self.panel(name).focus()
            self.query_one(KeyLine).show(name)

    def seen(self, *names: str) -> None:
        """Bring the first of these panels to the front, unless one of them is visible: what a key does must be seen."""
        if not any(self.panel(name).display for name in names):
            self.bring(names[0])

    def on_resize(self) -> None:
        self.lay_out()
        self.draw()

    def on_descendant_focus(self) -> None:
        focused = self.focused
        if isinstance(focused, Panel) and focused.id:
            self.recent = (focused.id, *(n for n in self.recent if n != focused.id))
            self.query_one(KeyLine).show(focused.id)

    def on_panel_tab_chosen(self, message: Panel.TabChosen) -> None:
        self.bring(message.panel)

    def on_panel_remark(self, message: Panel.Remark) -> None:
        self.say(message.words)

    async def on_key_line_pressed(self, message: KeyLine.Pressed) -> None:
        focused: Any = self.focused
        target = focused if focused is not None and hasattr(focused, f"action_{message.action}") else self
        await self.app.run_action(message.action, default_namespace=target)

    def _next_panel(self, by: int) -> None:
        now = self.focused.id if isinstance(self.focused, Panel) and self.focused.id else self.panels[0]
        offered = self.offered(self.panels)
        self.bring(offered[(offered.index(now) + by) % len(offered)])

    def action_next_panel(self) -> None:
        self._next_panel(1)

    def action_previous_panel(self) -> None:
        self._next_panel(-1)

    def action_maximise(self) -> None:
        self.maximised = not self.maximised
        self.lay_out()
        self.draw()


def put(widget: Widget, x: int, y: int, width: int, height: int) -> None:
    """Show a widget at a place; with no room, hide it."""
    widget.display = height > 0 and width > 0
    if widget.display:
        widget.styles.offset = (x, y)
        widget.styles.width, widget.styles.height = width, height
