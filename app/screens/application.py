"""The Textual application around the screens: signals, Ctrl-C, and a quiet end if something breaks."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import termios
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.theme import Theme

from app.config import FILE, THEMES
from app.screens.arrangement import PANELS
from app.screens.explore import Explore
from app.screens.lists import SamplingLayer
from app.screens.opening import Opening
from app.screens.palette import ActionCommands
from app.screens.pasting import PastingDriver
from app.screens.switching import Switching
from app.state import read_state, write_state

HIGH_CONTRAST = Theme(
    name="high-contrast", primary="#ffff00", secondary="#00ffff", accent="#ffff00", foreground="#ffffff",
    background="#000000", surface="#000000", panel="#262626", warning="#ffd75f", error="#ff8787", success="#5fff5f",
    dark=True,
)  # fmt: skip
ASKED_S = 3.0
WATCH_S = 1.0


class MiniGPTApp(Switching):
    """The screens, and what lies above them."""

    TITLE = "MiniGPT"
    CSS_PATH = Path(__file__).parents[1] / "styles" / "minigpt.tcss"
    COMMANDS: ClassVar = {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Stop", show=False, priority=True, system=True),
    ]

    def __init__(self, opening: Opening, arguments: Sequence[str] = (), theme: str | None = None) -> None:
        """`theme`: one of THEMES that was asked for; None: the one that was chosen last."""
        super().__init__()
        self.register_theme(HIGH_CONTRAST)
        self.opening, self.arguments = opening, arguments
        self._theme_asked = theme
        self.theme = self._theme_kept = THEMES[theme] if theme else self._theme_before()
        self.explore = Explore(opening)
        if opening.is_kept_safe:
            self.explore.recent = tuple(p for p in read_state().panels if p in PANELS) or self.explore.recent
        self.crash: BaseException | None = None
        self._asked_s = -ASKED_S
        self._terminal = termios.tcgetattr(0) if os.isatty(0) else None

    def _theme_before(self) -> str:
        """The theme of the last time, if there is one and it is one still."""
        before = read_state().theme if self.opening.is_kept_safe else ""
        return before if before in self.available_themes else THEMES["dark"]

    def _theme_chosen(self, theme: Theme) -> None:
        """Note a theme for the next time."""
        if theme.name == self._theme_kept:
            return
        self._theme_kept = theme.name
        if self.opening.is_kept_safe:
            write_state(replace(read_state(), theme=theme.name))
        if self._theme_asked:
            self.notify(f"{FILE} names {self._theme_asked}, which comes first the next time.", markup=False)

    def get_driver_class(self) -> type[Driver]:
        usual = super().get_driver_class()
        return PastingDriver if usual is LinuxDriver else usual

    def on_mount(self) -> None:
        self.push_screen(self.explore)
        self.theme_changed_signal.subscribe(self, self._theme_chosen)
        self._running_loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        self._handlers = {number: signal.signal(number, self._signalled) for number in signals}
        if self._terminal is not None:
            self.set_interval(WATCH_S, self._watch)

    def _watch(self) -> None:
        """Leave a terminal that is gone, also if no signal said so."""
        terminal = select.poll()
        terminal.register(0, 0)
        if terminal.poll(0):  # with no event asked for, only an error or a hang-up
            self.leave(128 + signal.SIGHUP)

    def on_unmount(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _signalled(self, number: int, frame: object) -> None:
        """Leave; but a terminal that takes no more text may hold the loop, so it is not waited for without end."""
        last = threading.Timer(self.patience_s, self._force, (128 + number,))
        last.daemon = True
        last.start()
        self._running_loop.call_soon_threadsafe(self.leave, 128 + number)

    def leave(self, code: int) -> None:
        """End with this code; the work that runs is stopped."""
        self.explore.cancel()
        self.exit(return_code=code)

    def _force(self, code: int) -> None:
        if self._terminal is not None:
            termios.tcsetattr(0, termios.TCSANOW, self._terminal)
        os._exit(code)

    def action_interrupt(self) -> None:
        """Ctrl-C stops the work; with none it asks once, then leaves."""
        if self.stop_work():
            return
        if monotonic() - self._asked_s < ASKED_S:
            self.leave(130)
        else:
            self._asked_s = monotonic()
            self.notify("Press Ctrl-C again to leave.", timeout=ASKED_S, markup=False)

    def on_sampling_layer_changed(self, message: SamplingLayer.Changed) -> None:
        if message.dial == "seed":
            self.explore.send("seed", value=int(message.value))
        else:
            self.explore.send("sampler", **{message.dial: message.value})

    def _fatal_error(self) -> None:
        """A bug of ours: leave at once; it is said in one line, after the terminal is restored."""
        self.crash = self._exception
        self._close_messages_no_wait()
