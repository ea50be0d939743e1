"""Colours of the window, light and dark, and how Qt is told: by a palette, since a bare X11 knows no colour scheme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from viewers.palette import RGB, SERIES, SERIES_ON_PAPER, blend, hexed, levels

SYSTEM, LIGHT, DARK, CONTRAST = "system", "light", "dark", "high-contrast"
CHOICES = (SYSTEM, LIGHT, DARK, CONTRAST)


@dataclass(frozen=True)
class Theme:
    """ground    behind everything           panel     behind text and pictures      raised   buttons, headings
    line      edges and grids             text, dim letters                       accent   what is chosen
    absent    a cell without a number     surprise  full colour of a token nobody foresaw
    """

    is_dark: bool
    ground: RGB
    panel: RGB
    raised: RGB
    line: RGB
    text: RGB
    dim: RGB
    accent: RGB
    absent: RGB
    surprise: RGB
    good: RGB
    warn: RGB

    @property
    def series(self) -> tuple[RGB, ...]:
        return SERIES if self.is_dark else SERIES_ON_PAPER

    def map(self, kind: str) -> tuple[RGB, ...]:
        """The colours of a scale on this ground, lowest first."""
        return levels(kind if self.is_dark else f"{kind} on paper")


AT_NIGHT = Theme(True, (23, 25, 31), (29, 32, 39), (40, 44, 53), (58, 63, 74), (226, 229, 235), (150, 157, 170),
                 (112, 178, 242), (34, 37, 45), (238, 134, 32), (92, 204, 164), (242, 160, 84))  # fmt: skip
BY_DAY = Theme(False, (238, 240, 243), (255, 255, 255), (228, 231, 236), (204, 209, 217), (28, 31, 38), (96, 103, 115),
               (31, 95, 168), (244, 245, 247), (238, 134, 32), (22, 126, 98), (200, 92, 20))  # fmt: skip

IN_CONTRAST = Theme(True, (30, 30, 30), (0, 0, 0), (62, 62, 62), (170, 170, 170), (255, 255, 255), (222, 222, 222),
                    (255, 214, 0), (30, 30, 30), (238, 134, 32), (120, 255, 190), (255, 170, 80))  # fmt: skip


def letters(font: QFont) -> QFont:
    """A font in which every letter is as wide as the next, a little larger than the window's."""
    fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    fixed.setPointSizeF(font.pointSizeF() + 0.5)
    return fixed


@cache
def qcolor(colour: RGB) -> QColor:
    return QColor(*colour)


def known(choice: object) -> str:
    """A choice that was kept, if there is such a one; else the system's."""
    return str(choice) if choice in CHOICES else SYSTEM


def theme_of(choice: str, app: QApplication) -> Theme:
    """The theme that was chosen; the system's where it says which, else the dark one."""
    if choice == SYSTEM:
        return BY_DAY if app.styleHints().colorScheme() == Qt.ColorScheme.Light else AT_NIGHT
    return {LIGHT: BY_DAY, CONTRAST: IN_CONTRAST}.get(choice, AT_NIGHT)


def apply(app: QApplication, theme: Theme) -> None:
    """Give every widget the colours of the theme."""
    app.setStyle("Fusion")
    palette = QPalette()
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    selected = blend(theme.panel, theme.accent, 0.35)
    for name, colour in (
        (role.Window, theme.ground), (role.WindowText, theme.text), (role.Base, theme.panel),
        (role.AlternateBase, blend(theme.panel, theme.raised, 0.5)), (role.Text, theme.text),
        (role.PlaceholderText, theme.dim), (role.Button, theme.raised), (role.ButtonText, theme.text),
        (role.BrightText, theme.warn), (role.Highlight, selected), (role.HighlightedText, theme.text),
        (role.ToolTipBase, theme.raised), (role.ToolTipText, theme.text), (role.Link, theme.accent),
        (role.Light, blend(theme.raised, theme.text, 0.12)), (role.Midlight, theme.raised), (role.Mid, theme.line),
        (role.Dark, theme.line), (role.Shadow, blend(theme.ground, (0, 0, 0), 0.5)),
    ):  # fmt: skip
        palette.setColor(name, qcolor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, name, qcolor(blend(theme.ground, theme.dim, 0.6)))
    app.setPalette(palette)
    app.setStyleSheet(sheet(theme))


def sheet(theme: Theme) -> str:
    """What a palette cannot say."""
    line, raised, text, dim, accent, ground, panel = (
        hexed(c) for c in (theme.line, theme.raised, theme.text, theme.dim, theme.accent, theme.ground, theme.panel)
    )
    return f"""
        QMainWindow::separator {{ background: {ground}; width: 5px; height: 5px; }}
        QMainWindow::separator:hover {{ background: {accent}; }}
        QDockWidget {{ color: {text}; font-weight: 600; }}
        QDockWidget::title {{ background: {raised}; padding: 4px 8px; text-align: left; }}
        QToolTip {{ color: {text}; background: {raised}; border: 1px solid {line}; padding: 4px; }}
        QTabBar::tab {{ background: {ground}; color: {dim}; padding: 4px 10px; border: none;
                        border-bottom: 2px solid transparent; }}
        QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
        QTabBar::tab:hover {{ color: {text}; }}
        QToolBar {{ background: {ground}; border: none; spacing: 2px; padding: 2px 4px; }}
        QToolButton {{ padding: 3px 5px; border-radius: 4px; }}
        QToolButton:hover {{ background: {raised}; }}
        QStatusBar {{ background: {ground}; }} QStatusBar::item {{ border: none; }}
        QTreeView, QTableView, QListView, QPlainTextEdit, QLineEdit {{ border: 1px solid {line}; border-radius: 3px;
                        background: {panel}; }}
        QTreeView:focus, QTableView:focus, QListView:focus, QPlainTextEdit:focus, QLineEdit:focus {{
                        border: 1px solid {accent}; }}
        QHeaderView::section {{ background: {ground}; color: {dim}; border: none; padding: 2px 6px; }}
        QCheckBox::indicator {{ width: 12px; height: 12px; border: 1px solid {dim}; border-radius: 3px;
                        background: {panel}; }}
        QCheckBox::indicator:checked {{ background: {accent}; border: 1px solid {accent}; }}
        QCheckBox:focus {{ color: {accent}; }}
        QLabel[dim="true"] {{ color: {dim}; }}
        QScrollArea {{ border: none; background: transparent; }}
    """
