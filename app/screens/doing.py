"""What the actions of the table do on the main screen: mostly one command to the driver."""

from __future__ import annotations

from typing import Any

from app.screens.editing import Editing
from app.screens.exporting import Exporting
from app.screens.layers import AskLayer, HelpLayer, ids_or_said
from app.screens.lists import BranchesLayer, SamplingLayer
from app.screens.sessions import Sessions
from app.screens.wanted import ModelWanted, ScreenWanted
from app.state import read_state, write_state
from app.widgets.attention import AttentionPanel
from engine.pace import next_speed, speed_words
from engine.sampling_stages import SamplingStage
from engine.text import visible
from viewers.view import COLOURINGS, DIFFERENCE


class Doing(Editing, Sessions, Exporting):
    """The text, the stepped pass, the settings, the app. Names after `action_` are the ids of the table."""

    # the text

    def action_play(self) -> None:
        if self.busy:
            self.cancel()
        elif self.snapshot is not None:
            self.look(token=None)
            self.send("generate", count=max(1, self.snapshot.context - len(self.snapshot.tokens)))

    def action_slower(self) -> None:
        self._speed(-1)

    def action_faster(self) -> None:
        self._speed(1)

    def _speed(self, by: int) -> None:
        """The next limit of tokens per second; it counts for what is being generated too."""
        driver = self.opening.driver
        if driver is not None:
            driver.speed_limit = limit = next_speed(driver.speed_limit, by)
            self.say(f"speed: {speed_words(limit)}; - slower, + faster")

    def action_next_token(self) -> None:
        self.look(token=None)
        self.send("generate", count=1)

    def action_take_back(self) -> None:
        self.look(token=None)
        self.send("take_back")

    def action_undo_text(self) -> None:
        self.look(token=None)
        self.send("undo_text")

    def action_redo_text(self) -> None:
        self.look(token=None)
        self.send("redo_text")

    def choose(self, position: int, token: int) -> None:
        self.look(token=None)
        self.send("choose", position=position, id=token)

    def action_edit_prompt(self) -> None:
        if self.snapshot is None or self.opening.is_recording:
            self.send("prompt")
            return
        leave = "Enter runs it · ^u clears it · ↑ an earlier one · ↵ is a new line · Esc leaves"
        if self.snapshot.has_tokenizer:
            earlier = read_state().prompts if self.opening.is_kept_safe else ()
            self.app.push_screen(AskLayer("Prompt", leave, self.opening.prompt or "", earlier), self._prompt)
        else:
            ids = ",".join(map(str, self.opening.ids or ()))
            self.app.push_screen(AskLayer("Prompt, as ids: 1,2,3", leave, ids), self._ids)

    def _prompt(self, text: str | None) -> None:
        if text is not None:
            self.opening.prompt, self.opening.ids = text, None
            if self.opening.is_kept_safe:
                write_state(read_state().with_prompt(text))
            self.look(token=None)
            self.send("prompt", text=text)

    def _ids(self, words: str | None) -> None:
        if (ids := ids_or_said(words, self.say)) is not None:
            self.opening.ids = ids
            self.look(token=None)
            self.send("prompt", ids=ids)

    def action_colouring(self) -> None:
        self.seen("text")
        has_other = self.snapshot is not None and self.snapshot.difference is not None
        ways, now = (*COLOURINGS, DIFFERENCE) if has_other else COLOURINGS, self.view.colouring
        self.look(colouring=ways[(ways.index(now) + 1) % len(ways)] if now in ways else ways[0])

    def action_branches(self) -> None:
        if self.snapshot is None or not self.snapshot.branches:
            self.say("No branches yet: taking another candidate leaves the old text as one.")
            return
        self.app.push_screen(BranchesLayer(self.snapshot.branches), self._activate)

    def _activate(self, branch: int | None) -> None:
        if branch is not None:
            self.look(token=None)
            self.send("activate", branch=branch)

    # the pass

    def _step(self, command: str, **arguments: Any) -> None:
        self.seen("program", "value")
        self.stepped = command not in ("restep", "pass")
        self.send(command, **arguments)

    def action_step(self) -> None:
        if self.stepping is not None and self.stepping.done:
            self.say("The pass is at its end: C goes back to its start, r steps the text as it is now.")
        else:
            self._step("step")

    def action_step_back(self) -> None:
        self._step("step_back")

    def action_step_into(self) -> None:
        self._step("step_into")

    def action_step_out(self) -> None:
        self._step("step_out")

    def action_run(self) -> None:
        self._step("run_until")

    def action_rewind(self) -> None:
        self._step("rewind")

    def action_restep(self) -> None:
        self._step("restep")

    def action_pass(self) -> None:
        """The next kind of pass: plain, as generated, training."""
        from engine.passes import PLAIN, after

        self._step("pass", kind=after(self.stepping.kind if self.stepping else PLAIN))

    def action_breakpoint(self) -> None:
        listing = self.listing
        if self.stepping is not None and listing.found:
            entry = listing.found[listing.cursor]
            self._step("breakpoint", address=self.stepping.rows[entry.first].address)

    def run_to(self, address: str) -> None:
        """Forward to a line, or back to it if it is done."""
        stepping = self.stepping
        if stepping is not None:
            index = next(i for i, row in enumerate(stepping.rows) if row.address == address)
            self._step("rewind" if index < stepping.cursor else "run_until", address=address)

    # settings and the app

    def action_sampler(self) -> None:
        if self.snapshot is not None:
            self.app.push_screen(SamplingLayer(self.snapshot.sampler, self.snapshot.seed, self.stages))

    def stages(self) -> tuple[SamplingStage, ...]:
        """What each stage of sampling leaves of the next token's distribution, as it is now."""
        return self.snapshot.stages if self.snapshot else ()

    def action_explore(self) -> None:
        self.say("This is the first screen. F3: watch a model learn.")

    def action_train(self) -> None:
        self.post_message(ScreenWanted("train"))

    def action_models(self) -> None:
        from app.screens.models import ModelsLayer

        self.app.push_screen(ModelsLayer(self.opening.model), self._open_model)

    def _open_model(self, spec: str | None) -> None:
        if spec is not None:
            self.say(f"opening {visible(spec)} …")
            self.post_message(ModelWanted(spec))

    def action_compare(self) -> None:
        self.post_message(ScreenWanted("compare"))

    def action_help(self) -> None:
        self.app.push_screen(HelpLayer())

    def action_palette(self) -> None:
        self.app.action_command_palette()

    def action_close(self) -> None:
        """The topmost layer: a cursor inside attention, a head taken there, a maximised panel, running work, what a
        setting changed, a chosen token."""
        attention = self.panel("attention")
        assert isinstance(attention, AttentionPanel)
        if self.focused is attention and attention.leave():
            self.say("")
        elif self.maximised:
            self.action_maximise()
        elif self.busy:
            self.cancel()
        elif self.close_changes() or self.put_away("lens"):
            self.say("")
        elif self.view.token is not None:
            self.look(token=None)
        else:
            self.say("Nothing is open. q quits, ? shows every key.")

    def action_quit(self) -> None:
        self.app.exit()
