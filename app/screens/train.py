"""The Train screen: a model that learns, watched.

The screen polls the training driver's newest snapshot, hands it to the panels, and turns their messages and the keys
into commands. The driver belongs to the app: a run goes on while another screen is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from app.cli.crash import write_report
from app.screens.arrangement import Arrangement
from app.screens.train_doing import TrainDoing
from app.screens.train_draft import last_draft
from app.screens.train_places import TRAIN_PANELS, arrange_training
from app.widgets.attention import AttentionPanel
from app.widgets.keys import bindings
from app.widgets.panel import Panel
from app.widgets.strips import Crumb, Status
from app.widgets.train.curves import CurvesPanel
from app.widgets.train.layers import LayersPanel
from app.widgets.train.pinned import PinnedPanel
from app.widgets.train.run import RunPanel
from app.widgets.train.sample import SamplePanel
from app.widgets.train.strips import FigureStrip, TrainKeys, TrainStatus
from app.widgets.train.view import TrainView
from engine.training.driver import TrainingDriver
from engine.training.snapshot import PREPARING, TrainingSnapshot
from viewers.actions import EVERYWHERE
from viewers.training_actions import TRAINING_ACTIONS

KINDS: dict[str, Callable[[str], Panel]] = {
    "run": RunPanel, "curves": CurvesPanel, "layers": LayersPanel, "sample": SamplePanel, "pinned": PinnedPanel,
}  # fmt: skip
POLL_S = 1 / 25


class Train(TrainDoing, Screen[None]):
    """Panels, the lines around them, and the wiring."""

    AUTO_FOCUS = "#run"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(*rest, show=False) for rest in bindings(EVERYWHERE, TRAINING_ACTIONS)
    ]
    panels = TRAIN_PANELS
    actions = TRAINING_ACTIONS

    def __init__(self, driver: TrainingDriver) -> None:
        super().__init__()
        self.driver = driver
        self.snapshot: TrainingSnapshot = driver.latest
        self.view = TrainView(last_draft())
        self.recent = ("run", "curves", "sample", "pinned")
        self.failure: BaseException | None = None

    def compose(self) -> ComposeResult:
        yield FigureStrip("config")
        yield Crumb("crumb")
        yield from (KINDS[name](name) for name in TRAIN_PANELS)
        yield TrainStatus("status")
        yield TrainKeys("keys")

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self.poll)
        self.take(self.driver.latest)

    def plan(self) -> Arrangement:
        width, height = self.app.size
        lines = len(self.query_one(FigureStrip).body_lines(self.snapshot, width))
        return arrange_training(width, height, lines, self.maximised)

    def poll(self) -> None:
        """Show the newest snapshot, if it is new and the screen is seen."""
        latest, failure = self.driver.latest, self.driver.failure
        if latest.version != self.snapshot.version and self.is_current:
            self.take(latest)
        if failure is not self.failure and failure is not None:
            self.failure = failure
            path = write_report(failure, ["training"])
            self.say(f"a bug of ours, {type(failure).__name__}; what was saved stays; report: {path or 'not written'}")

    def take(self, snapshot: TrainingSnapshot) -> None:
        """Go over to a snapshot: the newest checkpoint is followed, unless an older one is looked at."""
        before, self.snapshot = self.snapshot, snapshot
        if snapshot.state == PREPARING and before.state != PREPARING:
            self.view = replace(self.view, at=None, layer=0, head=0)
        elif before.state == PREPARING and snapshot.is_open:
            self.say("")
        if snapshot.state != before.state:
            self.query_one(Status).said = ""
        self.lay_out()
        self.draw()

    def look(self, **changes: Any) -> None:
        """Look at something else."""
        self.say("")
        self.view = replace(self.view, **changes)
        self.draw()

    def draw(self) -> None:
        """Hand what is to be seen to whatever is visible."""
        run, view = self.snapshot, self.view
        shown: Any = run
        looked: Any = view
        for panel in self.query(Panel):
            if panel.display and (panel.snapshot is not shown or panel.view is not looked):
                panel.show(shown, looked)
        self.query_one(FigureStrip).show(run)
        crumb = self.query_one(Crumb)
        crumb.where = self.way()
        crumb.refresh()
        self.query_one(Status).show(shown)

    def way(self) -> tuple[str, ...]:
        """Where one is: the run, its checkpoint, the head."""
        run, seen = self.snapshot, self.view.seen(self.snapshot)
        if seen is None:
            return ("Train", self.view.draft.preset)
        return (
            "Train",
            run.out.name if run.out else run.preset,
            f"step {seen.step:,}",
            f"layer {self.view.layer} head {self.view.head}",
        )

    def say(self, words: str) -> None:
        """A remark, until the next thing is done."""
        self.query_one(Status).say(words)

    def on_run_panel_preset_taken(self, message: RunPanel.PresetTaken) -> None:
        self.choose_preset(message.preset)

    def on_run_panel_field_wanted(self, message: RunPanel.FieldWanted) -> None:
        self.ask(message.field)

    def on_attention_panel_head_moved(self, message: AttentionPanel.HeadMoved) -> None:
        self.move_head(message.layers, message.heads)
