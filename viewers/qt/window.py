"""The main window: panels in docks around one snapshot, with menus, toolbar and keys of one table of actions."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QByteArray, QSize, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QProgressBar, QToolBar, QWidget

from engine.link.remote import Remote
from engine.snapshot import Snapshot
from engine.training.snapshot import TrainingSnapshot
from viewers.qt.actions_menu import fill_menus, fill_toolbar, make_actions, paint_icons
from viewers.qt.arriving import Arriving
from viewers.qt.attention_panel import AttentionPanel
from viewers.qt.candidates_panel import CandidatesPanel
from viewers.qt.compare_panel import ComparePanel
from viewers.qt.docks import Docks, settings_file
from viewers.qt.doing import Doing
from viewers.qt.editing import Editing
from viewers.qt.elided import Strip
from viewers.qt.entropy_panel import EntropyPanel
from viewers.qt.fetcher import Fetcher
from viewers.qt.following import Follower
from viewers.qt.given import NOTHING, Given
from viewers.qt.lens_panel import LensPanel
from viewers.qt.logprob_panel import LogprobPanel
from viewers.qt.looking import Looking
from viewers.qt.memory_panel import MemoryPanel
from viewers.qt.panel import Panel
from viewers.qt.program_panel import ProgramPanel
from viewers.qt.saving import Saving, remember
from viewers.qt.settings_panel import SettingsPanel
from viewers.qt.similarity_panel import SimilarityPanel
from viewers.qt.text_panel import TextPanel
from viewers.qt.theme import apply, known, theme_of
from viewers.qt.timeline_panel import TimelinePanel
from viewers.qt.train_panel import TrainPanel
from viewers.qt.value_panel import ValuePanel
from viewers.qt.watch_panel import WatchPanel
from viewers.qt.worker import Worker
from viewers.view import AttentionView, View
from viewers.window_actions import window_actions

POLL_MS = 33
SIZE = 1280, 800  # at first, where the screen is so large
KINDS: tuple[type[Panel], ...] = (
    TextPanel, CandidatesPanel, SettingsPanel, AttentionPanel, LogprobPanel, EntropyPanel, SimilarityPanel, MemoryPanel,
    TimelinePanel, ComparePanel, TrainPanel, ProgramPanel, ValuePanel, WatchPanel, LensPanel,
)  # fmt: skip
CHANGING = frozenset({
    "prompt", "choose", "take_back", "generate", "activate", "configure", "undo_text", "redo_text",
})  # fmt: skip
OPENING = "Opening the model …"


class Window(Arriving, Doing, Looking, Editing, Saving, QMainWindow):
    """The window over one link."""

    def __init__(self, remote: Remote, is_alone: bool = True, source: str = "", given: Given = NOTHING) -> None:
        super().__init__()
        self.remote, self.is_alone, self.source, self.given = remote, is_alone, source, given
        self.table = window_actions(given.keys)
        self.snapshot: Snapshot | None = None
        self.training = TrainingSnapshot()
        self.view = View(attention=AttentionView("wall"))  # all heads, and beside them one
        self.stepped = False
        self.kept = settings_file()
        self.theme_choice = given.theme or known(self.kept.value("theme"))
        self.theme = theme_of(self.theme_choice, app())
        apply(app(), self.theme)
        self.fetcher = Fetcher()
        self.fetcher.start()
        self.worker = Worker()
        self.worker.start()
        self.follower = Follower(self)
        self._before_maximising: QByteArray | None = None
        self.setWindowTitle("MiniGPT")
        self.setAcceptDrops(True)
        self.resize(QSize(*SIZE).boundedTo(self.screen().availableSize()))
        self.panels: dict[str, Panel] = {kind.name: kind(self) for kind in KINDS}
        self.docks = Docks(self, list(self.panels.values()))
        self._fill()
        self._restored = self.docks.restore(self.kept)
        app().styleHints().colorSchemeChanged.connect(lambda _: self.wear(self.theme_choice))
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.poll)
        self._timer.start(POLL_MS)

    def _fill(self) -> None:
        """Menus, toolbar, the strip of the configuration, the line of remarks."""
        self.made = make_actions(self, self.table, self.handler)
        self.menus = fill_menus(
            self, self.table, self.made, [dock.toggleViewAction() for dock in self.docks.docks.values()]
        )
        self.export_menu(self.menus["Files"].addMenu("&Export one"))
        self.recent_menu(self.menus["Files"].addMenu("&Recent"))
        bar, line = QToolBar(), QToolBar()
        fill_toolbar(bar, self.made)
        paint_icons(self.made, self.theme, False)
        self.strip, self.remark, self.progress = Strip(), Strip(), QProgressBar()
        self.strip.put(OPENING)
        self.strip.setAccessibleName("Configuration")
        line.setObjectName("strip")
        line.setWindowTitle("Configuration")
        line.setMovable(False)
        line.addWidget(self.strip)
        self.addToolBar(bar)
        self.addToolBarBreak()
        self.addToolBar(line)
        self.progress.setFixedWidth(180)
        self.progress.setMaximumHeight(16)
        self.progress.hide()
        self.statusBar().addWidget(self.remark, 1)
        self.statusBar().addPermanentWidget(self.progress)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if not self._restored:  # sizes are known only now
            self._restored = True
            QTimer.singleShot(0, self.docks.arrange)
        self.panels["attention"].mosaic.setFocus()  # type: ignore[attr-defined]  # keys are actions until one writes

    # what the panels may ask for

    def look(self, **changes: object) -> None:
        """Look at something else."""
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]
        self.refresh()

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command for the driver. Where the text or the program changes, the pass is followed again."""
        self.stepped = self.stepped and command not in CHANGING
        self.remote.session.send(command, **arguments)

    def order(self, command: str, *arguments: Any) -> None:
        self.remote.training.order(command, *arguments)

    def cancel(self) -> None:
        self.remote.session.cancel()

    def wear(self, choice: str) -> None:
        """Other colours."""
        self.theme_choice, self.theme = choice, theme_of(choice, app())
        apply(app(), self.theme)
        paint_icons(self.made, self.theme, self.busy)
        self.refresh()

    @property
    def is_maximised(self) -> bool:
        return self._before_maximising is not None

    def maximise(self) -> bool:
        """One panel alone, or all of them again; whether it is alone now."""
        if self._before_maximising is not None:
            self.restoreState(self._before_maximising)
            self._before_maximising = None
            return False
        self._before_maximising = self.saveState()
        chosen = self.panel_with_keys()
        for name, dock in self.docks.docks.items():
            if name != chosen.name and not dock.isFloating():
                dock.hide()
        return True

    def panel_with_keys(self) -> Panel:
        """The panel that has the keyboard, or attention."""
        widget: QWidget | None = app().focusWidget()
        while widget is not None and not isinstance(widget, Panel):
            widget = widget.parentWidget()
        return widget if isinstance(widget, Panel) else self.panels["attention"]

    def command_words(self) -> str:
        """What opens this model, text and settings again."""
        s = self.snapshot
        words = ["minigpt-gui", self.source or (s.model_name if s else "")]
        if s is not None:
            words += ["--ids", ",".join(str(token.id) for token in s.tokens), *s.settings.flags()]
            dials = s.sampler
            words += ["--seed", str(s.seed), "--temperature", f"{dials.temperature:g}", "--top-k", str(dials.top_k)]
            words += ["--top-p", f"{dials.top_p:g}", "--repetition-penalty", f"{dials.repetition_penalty:g}"]
        return shlex.join(words)

    def open_spec(self, spec: str) -> None:
        """Open another model or a session in place of this."""
        self.say(f"opening {spec} …")
        self.source = spec
        remember(self.kept, spec)
        self.remote.open(spec)

    def refresh(self) -> None:
        """Draw every panel that would look different."""
        for panel in self.panels.values():
            panel.refresh()

    # coming and going

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = next((url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()), None)
        if path:
            self.open_spec(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.end()
        super().closeEvent(event)

    def end(self) -> None:
        """Keep the arrangement and let go of the other end; twice is as once."""
        if self._timer.isActive():
            self._timer.stop()
            self.docks.keep(self.kept)
            self.kept.sync()
        if self.job is not None:
            self.job.cancel()
        self.fetcher.close()
        self.worker.close()
        self.remote.close()


def app() -> QApplication:
    found = QApplication.instance()
    assert isinstance(found, QApplication)
    return found
