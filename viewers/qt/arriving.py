"""What comes from the other end, and how the window takes it: it polls the newest, and draws only what has changed."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMessageBox, QProgressBar

from engine.snapshot import Snapshot
from engine.text import visible
from engine.training.snapshot import TrainingSnapshot
from viewers.export_job import ExportJob
from viewers.qt.actions_menu import paint_icons
from viewers.qt.elided import Strip
from viewers.qt.fetcher import Fetcher
from viewers.qt.following import Follower, cursor_address
from viewers.qt.strip import strip_words
from viewers.qt.wired import Wired
from viewers.qt.worker import Worker

REMARK_S = 12.0
KEPT = "what was made is kept"


class Arriving(Wired):
    """A base of the window: snapshots, what the window's own threads made, remarks."""

    if TYPE_CHECKING:
        training: TrainingSnapshot
        fetcher: Fetcher
        worker: Worker
        follower: Follower
        made: dict[str, QAction]
        strip: Strip
        remark: Strip
        progress: QProgressBar
        job: ExportJob | None
        speed: float | None

    _made: tuple[object, int] = (None, 0)  # what the two threads brought last
    _remark_s = 0.0
    _error: str | None = None
    _ended = False

    def say(self, words: str) -> None:
        """A remark, for a while."""
        self.remark.put(visible(words))
        self._remark_s = perf_counter()

    def poll(self) -> None:
        """Show what is new; frames that nobody saw are gone."""
        latest, training, again = self.remote.session.latest, self.remote.training.latest, False
        if latest is not None and latest is not self.snapshot:
            self._take(latest)
            again = True
        if training is not self.training:
            self.training, again = training, True
        made = self.fetcher.latest, self.worker.made
        if made[0] is not self._made[0] or made[1] != self._made[1]:
            self._made, again = made, True
        if again:
            self.refresh()
        self._tell()
        if self.remote.closed.is_set() and not self._ended:
            self._lost()

    def _take(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        address = cursor_address(before, snapshot)
        if before is None or before.model_name != snapshot.model_name:
            self.view = replace(self.view, layer=0, head=0, token=None)
            self.me.setWindowTitle(f"{visible(snapshot.model_name)} · MiniGPT")
            self.stepped = False
        if address is not None:
            self.view = replace(self.view, address=address)
        for name, action in self.made.items():
            if action.isCheckable():
                action.setChecked(bool(getattr(snapshot.settings, name)))
        if before is None or (before.busy is None) != (snapshot.busy is None):
            paint_icons(self.made, self.theme, snapshot.busy is not None)
        if before is None or before.speed_limit != snapshot.speed_limit:
            self.speed = snapshot.speed_limit
        self._progress(snapshot)
        self.strip.put(strip_words(snapshot))
        notice = snapshot.notice
        if notice and (before is None or before.notice != notice):
            self.say(notice)
        if self.is_alone and not self.stepped:
            self.follower.follow(snapshot)

    def _progress(self, snapshot: Snapshot) -> None:
        self.progress.setVisible(snapshot.busy is not None)
        done, total = snapshot.progress or (0, 0)
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.progress.setFormat(f"{snapshot.busy or ''} %v/%m" if total else "")
        if snapshot.busy:
            self.remark.put(f"{snapshot.busy} …   Esc stops it; {KEPT}")
            self._remark_s = perf_counter()
        elif self.remark.whole.endswith(KEPT):
            self.remark.put("")

    def _tell(self) -> None:
        """Remarks fade; what the other end refused is said once."""
        if self.remote.error is not None and self.remote.error is not self._error:
            self._error = self.remote.error
            self.say(f"error: {self._error}")
        job = self.job
        if job is not None:
            latest = job.latest
            self.say(latest.ended or f"export: {latest.doing}, {latest.done} of {latest.total} …")
            if latest.ended is not None:
                self.job = None
        if self.remark.whole and perf_counter() - self._remark_s > REMARK_S:
            self.remark.put("")

    def _lost(self) -> None:
        """The other end is gone: it said why, or the terminal app was left."""
        self._ended = True
        if self.snapshot is None or not self.is_alone:
            self.close()
            return
        words = "The process that held the session has ended; what it kept is offered at the next start."
        box = QMessageBox(QMessageBox.Icon.Warning, "MiniGPT", words, parent=self.me)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()
