"""Which of the screens is shown, and the run that trains behind all of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.screen import Screen
from textual.timer import Timer

from app.screens.explore import Explore
from app.screens.opening import Opening
from app.screens.sessions import OFFERED_S, offer
from app.screens.wanted import CheckpointWanted, ModelWanted, ScreenWanted, SessionWanted
from app.state import read_state, write_state
from engine.errors import MiniGPTError

if TYPE_CHECKING:
    from app.screens.compare import Compare
    from app.screens.train import Train
    from engine.training.driver import TrainingDriver

WAIT_S = 0.05
PRELOAD_S = 1.5  # after the first screen is there
PATIENCE_S, SAVING_S = 2.0, 120.0


class Switching(App[None]):
    """The app's screens. Training outlives them, and is saved before the app ends."""

    if TYPE_CHECKING:
        explore: Explore
        opening: Opening

    training: TrainingDriver | None = None
    train: Train | None = None
    compare: Compare | None = None
    _coming: tuple[Opening, Timer] | None = None
    _leaving: Timer | None = None

    def on_ready(self) -> None:
        if self.opening.is_kept_safe and self.opening.kept is None and (words := offer()):
            self.notify(words, timeout=OFFERED_S, markup=False)
        self.set_timer(PRELOAD_S, lambda: threading.Thread(target=preload, daemon=True).start())

    def remember(self) -> None:
        """Note for the next time what is open and how it is looked at."""
        opening = self.opening
        if opening.driver is not None and (opening.is_kept_safe or opening.is_recording):
            write_state(replace(read_state().with_model(lasting(opening.model)), panels=self.explore.recent))

    def on_screen_wanted(self, message: ScreenWanted) -> None:
        self.show(message.screen)

    def show(self, name: str) -> None:
        """Explore is always there; the others lie above it, one at a time, and are made when they are first wanted."""
        if self.screen is self.explore:
            if name != "explore":
                self.push_screen(self._screen(name))
        elif self.screen in (self.train, self.compare):
            if name == "explore":
                self.pop_screen()
            elif self.screen is not (wanted := self._screen(name)):
                self.switch_screen(wanted)

    def _screen(self, name: str) -> Screen[None]:
        if name == "compare":
            if self.compare is None:
                from app.screens.compare import Compare

                self.compare = Compare(self.explore)
                self.install_screen(self.compare, "compare")
            return self.compare
        if self.train is None:
            from app.screens.train import Train

            self.train = Train(self.trainer())
            self.install_screen(self.train, "train")
        return self.train

    def trainer(self) -> TrainingDriver:
        """What trains, behind the screen and the window; it is made when it is first wanted."""
        if self.training is None:
            from engine.training.driver import TrainingDriver

            self.training = TrainingDriver()
            self.training.start()
        return self.training

    def stop_work(self) -> bool:
        """Stop what runs, first that of the screen that is shown; whether there was anything."""
        from_training = self._is_training and self.train is not None
        if from_training and (self.screen is self.train or not self.explore.busy):
            assert self.train is not None
            self.train.action_close() if self.screen is self.train else self.train.pause()
            return True
        if self.explore.busy:
            self.explore.cancel()
            return True
        return False

    @property
    def _is_training(self) -> bool:
        return self.training is not None and self.training.latest.state in ("running", "preparing")

    @property
    def patience_s(self) -> float:
        """How long an end that was asked for may take."""
        return PATIENCE_S if self.training is None or not self.training.latest.is_open else SAVING_S

    def exit(self, result: None = None, return_code: int = 0, message: Any = None) -> None:
        """Leave; a run is saved first, which the screen says."""
        self.remember()
        training = self.training
        if training is None or not training.is_alive or self._leaving is not None:
            if self._leaving is None or (training is not None and not training.is_alive):
                super().exit(result, return_code, message)
            return
        training.finish()
        if training.latest.is_open and self.train is not None and self.screen is self.train:
            self.train.say("saving the run before leaving …")
        elif training.latest.is_open:
            self.notify("Saving the run before leaving …", timeout=SAVING_S, markup=False)

        def look() -> None:
            if not training.is_alive:
                self.exit(result, return_code, message)

        self._leaving = self.set_interval(WAIT_S, look)

    def end_training(self) -> str:
        """Save and end the run, if one is left; what to say of it once the terminal is back."""
        if self.training is None:
            return ""
        self.training.close(SAVING_S)
        return self.training.latest.notice or "" if self.training.latest.out is not None else ""

    def on_checkpoint_wanted(self, message: CheckpointWanted) -> None:
        """Open a checkpoint beside what is explored now, which stays if that fails."""
        seen = message.seen
        self.take_over(Opening(str(seen.path), prompt=seen.prompt or None, ids=seen.ids, kind=message.kind))

    def on_model_wanted(self, message: ModelWanted) -> None:
        """Open another model beside what is explored now, which is kept safe, and stays if that fails."""
        self.take_over(Opening(message.spec, is_kept_safe=self.opening.is_kept_safe))

    def on_session_wanted(self, message: SessionWanted) -> None:
        """Open a saved session beside what is explored now, which stays if that fails."""
        from engine.session_file import read_session

        try:
            kept = read_session(message.path)
        except MiniGPTError as error:
            self.explore.say(f"error: {error}")
            return
        self.take_over(Opening(kept.model, kept=kept, is_kept_safe=self.opening.is_kept_safe))

    def take_over(self, opening: Opening) -> None:
        """Go over to what is being opened, once it is; if that fails, all stays."""
        if self._coming is not None:
            self._coming[1].stop()
        opening.start()
        self._coming = opening, self.set_interval(WAIT_S, self._arrive)

    def _arrive(self) -> None:
        if self._coming is None:
            return
        opening, timer = self._coming
        if opening.error is None and opening.driver is None:
            return
        timer.stop()
        self._coming = None
        if opening.error is not None:
            shown = self.train if self.train is not None and self.screen is self.train else self.explore
            shown.say(f"error: {opening.error}")
            return
        threading.Thread(target=self.opening.close, daemon=True).start()
        self.opening = opening
        self.remember()
        self.explore.reopen(opening)
        self.show("explore")


def lasting(spec: str) -> str:
    """MODEL as it is found again from another directory."""
    return str(Path(spec).absolute()) if Path(spec).exists() and not spec.startswith("random:") else spec


def preload() -> None:
    """Load what the other screens need, so that their keys answer at once."""
    for name in ("app.screens.train", "app.screens.compare", "textual_plot"):
        import_module(name)
