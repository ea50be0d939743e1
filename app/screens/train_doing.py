"""What the actions of the Train screen do: mostly one command to the training driver."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.screens.layers import AskLayer, HelpLayer
from app.screens.looking import Looking
from app.screens.placing import Placing
from app.screens.train_draft import last_run, placed, remember
from app.screens.wanted import CheckpointWanted, ScreenWanted
from app.widgets.edges import edge_words, moved_head, within
from app.widgets.panel import Panel
from app.widgets.train.pinned import PinnedPanel
from app.widgets.train.view import CURVES, TrainView
from engine.errors import MiniGPTError
from engine.text import visible
from engine.training.driver import TrainingDriver
from engine.training.snapshot import PREPARING, RUNNING, TrainingSnapshot
from engine.training.start import has_run
from viewers.training_actions import TRAINING_ACTIONS

QUESTIONS = {
    "files": ("Text to learn from", "text files, or directories of them, one space between two · Enter takes them"),
    "settings": ("Change settings", "key=value of the plan or the model: steps=2000 batch=16 n_layer=3 · empty: none"),
    "out": ("Where the run is kept", "a directory · empty: one is chosen"),
}
NO_CHECKPOINT = "No checkpoint yet: space makes a run."


class TrainDoing(Placing):
    """Names after `action_` are the ids of the table."""

    if TYPE_CHECKING:
        driver: TrainingDriver
        view: TrainView
        snapshot: TrainingSnapshot

        def look(self, **changes: object) -> None: ...

    # the run

    def action_play(self) -> None:
        state = self.driver.latest.state
        if state == RUNNING:
            self.pause()
        elif self.driver.latest.is_open:
            self.driver.run()
            self._watch()
        else:
            self._begin()

    def action_one_update(self) -> None:
        if self.driver.latest.is_open:
            self.driver.step()
            self._watch()
        else:
            self._begin()

    def pause(self) -> None:
        """Stop after the update that is being made."""
        self.driver.pause()
        self.say("pausing after this update …")

    def _watch(self) -> None:
        """What a start does is seen in the curves, if the form hides them."""
        if not self.panel("curves").display and self.panel("run").display:
            self.bring("curves")

    def _begin(self) -> None:
        """Make a run as the form says; it waits to be started, since it is known only then what it costs."""
        if self.driver.latest.state == PREPARING:
            self.say("The run is still being made; S gives it up.")
            return
        draft = self.view.draft
        try:
            if not draft.paths:
                self.say("No text to learn from yet: i chooses one.")
                self.bring("run")
                return
            if has_run(draft.directory):
                self.say(f"{draft.directory} holds a run: r goes on with it, O chooses another place.")
                return
            self.driver.begin(draft.preset, draft.paths, draft.directory, draft.changes)
        except MiniGPTError as error:
            self.say(f"error: {error}")
            return
        self.say("")
        remember(draft)

    def action_stop_run(self) -> None:
        if self.driver.latest.is_open or self.driver.latest.state == PREPARING:
            self.driver.stop()
            self.say("saving and stopping …")
        else:
            self.say("No run is open.")

    def action_resume_run(self) -> None:
        if self.driver.latest.state == RUNNING:
            self.say("A run is going on: S saves and stops it first.")
            return
        out = self.snapshot.out or last_run() or ""
        hint = "the run's directory · Enter opens its newest checkpoint · Esc leaves it"
        self.app.push_screen(AskLayer("Go on with a run", hint, str(out)), self._resume)

    def _resume(self, words: str | None) -> None:
        if words:
            self.say("")
            self.driver.resume(words.strip())

    # the form

    def ask(self, field: str) -> None:
        """Change one line of the form."""
        if self.driver.latest.is_open:
            self.say("A run is open: S saves and stops it; then another can be made.")
            return
        title, hint = QUESTIONS[field]
        layer = AskLayer(title, f"{hint} · Esc leaves it", getattr(self.view.draft, field))
        self.app.push_screen(layer, lambda words: self._answer(field, words))

    def _answer(self, field: str, words: str | None) -> None:
        if words is not None:
            changed: dict[str, Any] = {field: words.strip()}
            self.look(draft=placed(replace(self.view.draft, **changed)))

    def choose_preset(self, preset: str) -> None:
        self.look(draft=placed(replace(self.view.draft, preset=preset)))

    def action_edit_files(self) -> None:
        self.ask("files")

    def action_edit_settings(self) -> None:
        self.ask("settings")

    def action_edit_out(self) -> None:
        self.ask("out")

    # looking

    def action_curve(self) -> None:
        self.seen("curves")
        self.look(curve=CURVES[(CURVES.index(self.view.curve) + 1) % len(CURVES)])

    def _go(self, by: int) -> None:
        self.seen("sample", "pinned")
        run = self.snapshot
        if not run.seen:
            self.say(NO_CHECKPOINT)
            return
        before, last = self.view.index(run), len(run.seen) - 1
        index = within(before + by, len(run.seen))
        self.look(at=None if index == last else run.seen[index].step)
        if index == before:
            self.say(edge_words("checkpoint", index, len(run.seen)))

    def action_checkpoint_before(self) -> None:
        self._go(-1)

    def action_checkpoint_next(self) -> None:
        self._go(1)

    def action_explore_checkpoint(self) -> None:
        self._open("plain")

    def action_step_update(self) -> None:
        self._open("training")

    def _open(self, kind: str) -> None:
        """Show the checkpoint in the first screen, with a pass of this kind over the pinned prompt."""
        seen = self.view.to_open(self.snapshot)
        if seen is None:
            self.say(NO_CHECKPOINT)
        elif seen.path is None or not seen.path.is_dir():
            self.say(f"step {seen.step:,} is not on the disk any more: only the newest and the best are kept (keep=…).")
        else:
            self.say(f"opening {seen.path.name} …")
            self.post_message(CheckpointWanted(seen, kind))

    def move_head(self, layers: int, heads: int) -> None:
        """Another layer or head, within what the model has; at the end of both, that is said."""
        run = self.snapshot
        if not run.seen:
            self.say(NO_CHECKPOINT)
            return
        at, counts = (self.view.layer, self.view.head), (run.layers, run.heads)
        layer, head, words = moved_head(at, (layers, heads), counts)
        self.look(layer=layer, head=head)
        if words:
            self.say(words)

    def action_layer_down(self) -> None:
        self.move_head(-1, 0)

    def action_layer_up(self) -> None:
        self.move_head(1, 0)

    def action_head_previous(self) -> None:
        self.move_head(0, -1)

    def action_head_next(self) -> None:
        self.move_head(0, 1)

    def action_copy(self) -> None:
        self._copy(self.focused.sentence() if isinstance(self.focused, Panel) else "")

    def action_copy_command(self) -> None:
        try:
            self._copy(command_of(self.snapshot, self.view))
        except MiniGPTError as error:
            self.say(f"error: {error}")

    def _copy(self, words: str) -> None:
        if words:
            self.app.copy_to_clipboard(visible(words))
        self.say(f"copied: {words}" if words else "Nothing to copy here.")

    # the app

    def action_save_screen(self) -> None:
        Looking.action_save_screen(self)  # type: ignore[arg-type]  # it needs no more than a screen's `say`

    def action_explore(self) -> None:
        self.post_message(ScreenWanted("explore"))

    def action_train(self) -> None:
        self.say("This is the Train screen; F2 returns to the first one.")

    def action_compare(self) -> None:
        self.post_message(ScreenWanted("compare"))

    def action_help(self) -> None:
        self.app.push_screen(HelpLayer(TRAINING_ACTIONS))

    def action_palette(self) -> None:
        self.app.action_command_palette()

    def action_close(self) -> None:
        """The topmost layer: a cursor inside attention, a maximised panel, running work, an older checkpoint."""
        pinned = self.panel("pinned")
        assert isinstance(pinned, PinnedPanel)
        if pinned.inside and self.focused is pinned:
            pinned.action_enter()
        elif self.maximised:
            self.action_maximise()
        elif self.driver.latest.state == RUNNING:
            self.pause()
        elif self.driver.latest.state == PREPARING:
            self.action_stop_run()
        elif self.view.at is not None:
            self.look(at=None)
        else:
            self.say("Nothing is open. F2 returns to the first screen, ? shows every key.")

    def action_quit(self) -> None:
        self.app.exit()


def command_of(run: TrainingSnapshot, view: TrainView) -> str:
    """What makes this run, or goes on with it, on the command line."""
    if run.is_open and not run.preset:
        return shlex.join(["minigpt", "train", "-o", str(run.out), "--resume"])
    draft = view.draft
    preset, files, settings, out = (
        (run.preset, run.files, run.settings, run.out)
        if run.is_open
        else (draft.preset, draft.paths, draft.changes, draft.directory)
    )
    words = ["minigpt", "train", "--preset", preset, "--data", *files, "-o", str(out)]
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])
