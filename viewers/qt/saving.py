"""What leaves the window: sessions, traces, exports, pictures of a panel, numbers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication, QPainter, QPixmap
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine.errors import MiniGPTError
from engine.files import atomic_write
from engine.saved import SESSION_ENDING, TRACE_ENDING
from engine.text import visible
from viewers.actions import key_of
from viewers.export_job import ExportJob
from viewers.exports import EXPORTS, FORMATS, Export, Options, chosen
from viewers.qt.models_dialog import ModelsDialog
from viewers.qt.wired import Wired

SESSIONS = f"Sessions (*{SESSION_ENDING})"
TRACES = f"Traces (*{TRACE_ENDING})"
MOST_RECENT = 8
PICTURES = "PNG (*.png);;SVG (*.svg)"


class Saving(Wired):
    """A base of the window. Names after `do_` are the ids of the table."""

    job: ExportJob | None = None

    def do_open_model(self) -> None:
        if path := QFileDialog.getExistingDirectory(self.me, "Open a model's directory"):
            self.open_spec(path)

    def do_models(self) -> None:
        """The models there are, with what each needs of the memory; without such a list, the dialog for a directory."""
        if self.given.offers is None:
            self.do_open_model()
            return
        dialog = ModelsDialog(self.me, self.given.offers, recent(self.kept), self.source)
        dialog.taken.connect(self.open_spec)
        dialog.open()

    def do_open_session(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.me, "Open a session", "", SESSIONS)
        if path:
            self.open_spec(path)

    def do_save_session(self) -> None:
        self._save("Save the session", SESSIONS, SESSION_ENDING, "save")

    def do_save_trace(self) -> None:
        self._save("Save a trace", TRACES, TRACE_ENDING, "trace")

    def _save(self, title: str, kind: str, ending: str, command: str) -> None:
        start = f"minigpt-{datetime.now():%Y%m%d-%H%M%S}{ending}"
        path, _ = QFileDialog.getSaveFileName(self.me, title, start, kind)
        if path:
            self.send(command, path=path if path.endswith(ending) else path + ending)

    def do_export_files(self) -> None:
        """Everything of the export table, into a directory."""
        self.export_rows(chosen())

    def recent_menu(self, menu: QMenu) -> None:
        """What was opened lately, filled in when the menu opens."""

        def fill() -> None:
            menu.clear()
            for spec in recent(self.kept):
                menu.addAction(visible(spec)).triggered.connect(lambda _=False, spec=spec: self.open_spec(spec))
            menu.setToolTipsVisible(True)
            if menu.isEmpty():
                menu.addAction("nothing yet").setEnabled(False)

        menu.aboutToShow.connect(fill)

    def export_menu(self, menu: QMenu) -> None:
        """One entry for each row of the export table."""
        for row in EXPORTS:
            action = menu.addAction(f"{row.name}: {row.title}")
            action.triggered.connect(lambda _=False, row=row: self.export_rows([(row, f) for f in row.formats]))

    def export_rows(self, rows: list[tuple[Export, str]]) -> None:
        """Ask where, and make the files behind the window's back."""
        if self.snapshot is None or not self.snapshot.tokens:
            self.say("There is no text yet to export.")
            return
        if self.job is not None and self.job.latest.ended is None:
            self.say("An export is being made; Escape stops it.")
            return
        start = str(Path.cwd() / f"minigpt-{datetime.now():%Y%m%d-%H%M%S}")
        words = ", ".join(sorted({f.upper() for _, f in rows}, key=[f.upper() for f in FORMATS].index))
        title = f"Export {len(rows)} files ({words}) into a new directory"
        path, _ = QFileDialog.getSaveFileName(self.me, title, start)
        if path:
            options = Options(dark=self.theme.is_dark, layer=self.view.layer, head=self.view.head)
            self.job = ExportJob(self.remote.session, Path(path), rows, options, ())  # type: ignore[arg-type]
            self.job.start()

    def do_copy_picture(self) -> None:
        QGuiApplication.clipboard().setPixmap(picture_of(self.panel_with_keys()))
        self.say(f"copied the picture of {self.panel_with_keys().title}")

    def do_save_picture(self) -> None:
        panel = self.panel_with_keys()
        path, kind = QFileDialog.getSaveFileName(self.me, f"Save the picture of {panel.title}", panel.name, PICTURES)
        if not path:
            return
        if not path.lower().endswith((".png", ".svg")):
            path += ".svg" if "svg" in kind else ".png"
        try:
            save_picture(panel, Path(path))
            self.say(f"saved as {path}")
        except (MiniGPTError, OSError) as error:
            self.say(f"error: {error}")

    def do_copy_value(self) -> None:
        picture = self.panels["value"].picture  # type: ignore[attr-defined]
        if picture is None:
            self.say(f"No value is shown yet: {key_of('step')} steps.")
            return
        rows = ("\t".join(f"{value:.9g}" for value in row) for row in picture.values)
        QGuiApplication.clipboard().setText("\n".join(rows))
        self.say(f"copied {picture.values.shape[0]} × {picture.values.shape[1]} numbers")


def recent(kept: QSettings) -> list[str]:
    """What was opened lately, the newest first."""
    found = kept.value("recent", [])
    return [str(spec) for spec in (found if isinstance(found, list) else [found]) if spec][:MOST_RECENT]


def remember(kept: QSettings, spec: str) -> None:
    """Put it first of what was opened lately."""
    kept.setValue("recent", [spec, *(known for known in recent(kept) if known != spec)][:MOST_RECENT])


def picture_of(widget: QWidget, scale: float = 2.0) -> QPixmap:
    """A widget as it is, twice as fine."""
    pixmap = QPixmap(widget.size() * scale)
    pixmap.setDevicePixelRatio(scale)
    widget.render(pixmap)
    return pixmap


def save_picture(widget: QWidget, path: Path) -> None:
    """A widget as PNG or SVG, whole or not at all. Raises SurroundingsError where the machine refuses."""
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice

    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if path.suffix.lower() == ".svg":
        from PySide6.QtSvg import QSvgGenerator

        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(QSize(widget.width(), widget.height()))
        generator.setViewBox(QRect(0, 0, widget.width(), widget.height()))
        painter = QPainter(generator)
        widget.render(painter, QPoint())
        painter.end()
    else:
        picture_of(widget).save(buffer, "PNG")
    buffer.close()
    atomic_write(path, bytes(data.data()))
