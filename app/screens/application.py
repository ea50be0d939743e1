"""The Textual application around the screens: signals, Ctrl-C, and a quiet end if something breaks."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from app.screens.explore import Explore
from app.screens.lists import SamplingLayer
from app.screens.opening import Opening
from app.screens.palette import ActionCommands

ASKED_S = 3.0


class MiniGPTApp(App[None]):
    """One screen, and what lies above it."""

    TITLE = "MiniGPT"
    CSS_PATH = Path(__file__).parents[1] / "styles" / "minigpt.tcss"
    COMMANDS: ClassVar = App.COMMANDS | {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Stop", show=False, priority=True, system=True),
    ]

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self.opening = opening
        self.explore = Explore(opening)
        self.crash: BaseException | None = None
        self._asked_s = -ASKED_S

    def on_mount(self) -> None:
        self.push_screen(self.explore)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self.leave, 128 + number)

    def leave(self, code: int) -> None:
        """End with this code; the work that runs is stopped."""
        self.explore.cancel()
        self.exit(return_code=code)

    def action_interrupt(self) -> None:
        """Ctrl-C stops the work; with none it asks once, then leaves."""
        if self.explore.busy:
            self.explore.cancel()
        elif monotonic() - self._asked_s < ASKED_S:
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
        """A bug of ours: leave at once; `main` says it in one line, after the terminal is restored."""
        self.crash = self._exception
        self._close_messages_no_wait()
