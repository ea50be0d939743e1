"""Where the panels are: docks that can be moved, floated and tabbed; kept for the next time, put back when asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QPoint, QRect, QSettings, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QScrollArea, QTabWidget, QWidget

from viewers.qt.panel import Panel

VERSION = 6  # of the arrangement: another one forgets what was kept
LEFT = (("text",), ("candidates", "settings"))
MIDDLE = (("attention", "training"), ("logprobs", "entropy", "similarity", "memory", "timeline", "compare"))
RIGHT = (("program",), ("value", "watch", "lens"))


def settings_file() -> QSettings:
    """This program's own file among the user's settings."""
    from platformdirs import user_config_path

    path: Path = user_config_path("minigpt", appauthor=False) / "window.ini"
    return QSettings(str(path), QSettings.Format.IniFormat)


class Docks:
    """The docks of a window, by the names of their panels."""

    def __init__(self, window: QMainWindow, panels: Sequence[Panel]) -> None:
        self.window = window
        self.panels = {panel.name: panel for panel in panels}
        self.docks: dict[str, QDockWidget] = {}
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        for panel in panels:
            dock = QDockWidget(panel.title, window)
            dock.setObjectName(panel.name)
            dock.setWidget(Frame(panel))
            dock.visibilityChanged.connect(panel.put_in_front)
            self.docks[panel.name] = dock
        self.arrange()

    def arrange(self) -> None:
        """The first arrangement: text left, attention in the middle, the program right, charts below."""
        window, area = self.window, Qt.DockWidgetArea.LeftDockWidgetArea
        for dock in self.docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        tops = [self.docks[column[0][0]] for column in (LEFT, MIDDLE, RIGHT)]
        window.addDockWidget(area, tops[0])
        window.splitDockWidget(tops[0], tops[1], Qt.Orientation.Horizontal)
        window.splitDockWidget(tops[1], tops[2], Qt.Orientation.Horizontal)
        for column in (LEFT, MIDDLE, RIGHT):
            above, below = ([self.docks[name] for name in names] for names in column)
            window.splitDockWidget(above[0], below[0], Qt.Orientation.Vertical)
            for first, *others in (above, below):
                for other in others:
                    window.tabifyDockWidget(first, other)
                first.raise_()
        for dock in self.docks.values():
            dock.show()
        wide, high = max(window.width(), 1200), max(window.height(), 700)
        window.resizeDocks(tops, [int(wide * part) for part in (0.25, 0.40, 0.35)], Qt.Orientation.Horizontal)
        for column, part in ((LEFT, 0.44), (MIDDLE, 0.62), (RIGHT, 0.55)):
            pair = [self.docks[column[0][0]], self.docks[column[1][0]]]
            window.resizeDocks(pair, [int(high * part), int(high * (1 - part))], Qt.Orientation.Vertical)

    def bring(self, name: str) -> None:
        """Show a panel, before what lies over it, and give it the keys."""
        dock, panel = self.docks[name], self.panels[name]
        dock.show()
        dock.raise_()
        panel.put_in_front(True)
        panel.setFocus()

    def keep(self, settings: QSettings) -> None:
        settings.setValue("layout", VERSION)
        settings.setValue("state", self.window.saveState(VERSION))
        settings.setValue("geometry", self.window.saveGeometry())

    def restore(self, settings: QSettings) -> bool:
        """As it was kept, if there is such a thing; whether there was."""
        state, geometry = settings.value("state"), settings.value("geometry")
        if not isinstance(state, QByteArray) or not isinstance(geometry, QByteArray):
            return False
        return self.window.restoreGeometry(geometry) and self.window.restoreState(state, VERSION)


class Frame(QScrollArea):
    """Lets a panel scroll where its dock is smaller than what it needs: a window may be as small as a screen is.

    It takes no key and is no stop of Tab; what is given the keys out of sight within it, it shows.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.panel = panel
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setWidget(panel)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._show)

    def _show(self, _: QWidget | None, chosen: QWidget | None) -> None:
        if chosen is not None and self.panel.isAncestorOf(chosen) and not self.shows(chosen):
            self.ensureWidgetVisible(chosen)

    def shows(self, widget: QWidget) -> bool:
        """Whether some of a widget of the panel is in sight."""
        box = QRect(widget.mapTo(self.viewport(), QPoint()), widget.size())
        return self.viewport().rect().intersects(box)
