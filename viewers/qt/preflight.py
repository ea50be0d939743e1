"""Whether a window can be shown here, told before Qt is touched: Qt itself would end the process without a word.

A missing display or X library ends it by a signal that Python cannot catch, so each is looked for first.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

from engine.errors import SurroundingsError

ANYWHERE = {
    "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0", "libfontconfig.so.1": "libfontconfig1", "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
}  # fmt: skip
ON_X11 = {
    "libxcb-cursor.so.0": "libxcb-cursor0", "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4", "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}  # fmt: skip
"""Libraries that Qt loads, and the Debian packages they are in."""

NEEDED = {"PySide6_Essentials": "Qt", "pyqtgraph": "charts", "QtAwesome": "icons"}
BROKEN = frozenset({"6.9.1", "6.9.2", "6.10.1", "6.11.0", "6.11.1", "6.12.0"})  # they end the process by themselves
INSTEAD = "minigpt-tui shows the same in a terminal"


def require_window(
    environment: Mapping[str, str] | None = None,
    has_library: Callable[[str], bool] | None = None,
    version_of: Callable[[str], str] = version,
    answers: Callable[[], bool] | None = None,
) -> None:
    """Raise SurroundingsError, with what to do, unless a window can be shown here."""
    environment = os.environ if environment is None else environment
    has_library = has_library or _loads
    _require_packages(version_of)
    platform = environment.get("QT_QPA_PLATFORM", "").split(":")[0]
    without_screen = platform in ("offscreen", "minimal")
    has_wayland = bool(environment.get("WAYLAND_DISPLAY")) and platform != "xcb"
    if not without_screen and not has_wayland and not environment.get("DISPLAY") and sys.platform.startswith("linux"):
        raise SurroundingsError(f"no display: DISPLAY and WAYLAND_DISPLAY are not set; {INSTEAD}")
    if not sys.platform.startswith("linux"):
        return
    on_x11 = not without_screen and not has_wayland
    wanted = ANYWHERE | ON_X11 if on_x11 else ANYWHERE
    if missing := [package for library, package in wanted.items() if not has_library(library)]:
        words = " ".join(missing)
        raise SurroundingsError(f"the window needs libraries that are not there: run 'sudo apt-get install {words}'")
    if on_x11 and not (answers or _display_answers)():
        raise SurroundingsError(f"the display {environment.get('DISPLAY')} does not answer; {INSTEAD}")


def _require_packages(version_of: Callable[[str], str]) -> None:
    for package, what in NEEDED.items():
        try:
            found = version_of(package)
        except PackageNotFoundError:
            raise SurroundingsError(
                f"the window needs {package} ({what}), which is not installed: run 'make gui', or install minigpt[gui]"
            ) from None
        if package == "PySide6_Essentials" and found in BROKEN:
            raise SurroundingsError(
                f"{package} {found} ends Python by itself: run 'make gui', which installs a version that does not"
            )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _display_answers() -> bool:
    """Whether something listens at DISPLAY; true where that cannot be told."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    is_broken = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not is_broken
