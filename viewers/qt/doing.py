"""What the actions of the table do in the window: mostly one command to the driver. `do_` and an id of the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.pace import next_speed, speed_words
from engine.settings import TABLE, row_of, shown
from engine.text import visible
from viewers.actions import key_of
from viewers.qt.dialogs import Finder, choose, show_keys
from viewers.qt.theme import CHOICES
from viewers.qt.wired import Wired
from viewers.view import COLOURINGS, DIFFERENCE


class Doing(Wired):
    """The text, the pass, the settings, the app."""

    speed: float | None = None  # tokens per second that were asked for last

    def handler(self, name: str) -> Callable[[], None] | None:
        """What an action does, or None if the window cannot do it."""
        if any(row.name == name for row in TABLE):
            return lambda: self.switch(name)
        return getattr(self, f"do_{name}", None)

    # the text

    def do_play(self) -> None:
        if self.busy:
            self.cancel()
        elif self.snapshot is not None:
            self.look(token=None)
            self.send("generate", count=max(1, self.snapshot.context - len(self.snapshot.tokens)))

    def do_slower(self) -> None:
        self._pace(-1)

    def do_faster(self) -> None:
        self._pace(1)

    def _pace(self, by: int) -> None:
        """The next limit of tokens per second; it counts for what is being generated too."""
        self.speed = next_speed(self.speed, by)
        self.remote.session.pace(self.speed)
        self.say(f"speed: {speed_words(self.speed)}; {key_of('slower')} slower, {key_of('faster')} faster")

    def do_next_token(self) -> None:
        self.look(token=None)
        self.send("generate", count=1)

    def do_take_back(self) -> None:
        self.look(token=None)
        self.send("take_back")

    def do_edit_prompt(self) -> None:
        self.docks.bring("text")
        prompt = self.panels["text"].prompt  # type: ignore[attr-defined]
        prompt.setFocus()
        prompt.selectAll()

    def do_colouring(self) -> None:
        has_other = self.snapshot is not None and self.snapshot.difference is not None
        ways, now = (*COLOURINGS, DIFFERENCE) if has_other else COLOURINGS, self.view.colouring
        self.look(colouring=ways[(ways.index(now) + 1) % len(ways)] if now in ways else ways[0])
        self.say(f"text coloured by: {self.view.colouring}")

    def do_branches(self) -> None:
        found = self.snapshot.branches if self.snapshot else ()
        if not found:
            self.say("No branches yet: taking another candidate leaves the old text as one.")
            return
        rows = [f"{'▸ ' if b.active else ''}{b.name}, {b.length} tokens, parts at {b.forks_at}: "
                f"{visible(b.text)[-80:]}" for b in found]  # fmt: skip
        chosen = choose(self.me, "Branches", rows)
        if chosen is not None:
            self.look(token=None)
            self.send("activate", branch=chosen)

    # the pass

    def _step(self, command: str, **arguments: Any) -> None:
        self.stepped = command not in ("restep", "pass")
        self.send(command, **arguments)

    def do_step(self) -> None:
        if self.stepping is not None and self.stepping.done:
            self.say(
                f"The pass is at its end: {key_of('rewind')} goes back to its start, {key_of('restep')} steps the text."
            )
        else:
            self._step("step")

    def do_step_back(self) -> None:
        self._step("step_back")

    def do_step_into(self) -> None:
        self._step("step_into")

    def do_step_out(self) -> None:
        self._step("step_out")

    def do_run(self) -> None:
        self._step("run_until")

    def do_rewind(self) -> None:
        self._step("rewind")

    def do_restep(self) -> None:
        self._step("restep")

    def do_pass(self) -> None:
        from engine.passes import PLAIN, after  # it brings much of the engine, which the other process has

        self._step("pass", kind=after(self.stepping.kind if self.stepping else PLAIN))

    def do_breakpoint(self) -> None:
        row = self.panels["program"].row()  # type: ignore[attr-defined]
        if row is not None:
            self._step("breakpoint", address=row.address)

    # settings and the app

    def switch(self, name: str) -> None:
        """The next value of a setting."""
        if self.snapshot is None:
            return
        wanted = self.snapshot.settings.toggled(name)
        value = getattr(wanted, name)
        if self.busy:
            self.cancel()
        self.say(f"applying {row_of(name).title} {shown(value)} …")
        self.send("configure", **{name: value})

    def do_settings_panel(self) -> None:
        self.docks.bring("settings")

    def do_sampler(self) -> None:
        self.docks.bring("candidates")
        self.panels["candidates"].dials["temperature"].slider.setFocus()  # type: ignore[attr-defined]

    def do_train(self) -> None:
        self.docks.bring("training")

    def do_compare(self) -> None:
        self.docks.bring("compare")
        self.panels["compare"].choose()  # type: ignore[attr-defined]

    def do_theme(self) -> None:
        choice = CHOICES[(CHOICES.index(self.theme_choice) + 1) % len(CHOICES)]
        self.wear(choice)
        self.kept.setValue("theme", choice)
        self.say(f"colours: {choice}")

    def do_reset_layout(self) -> None:
        self.docks.arrange()

    def do_help(self) -> None:
        show_keys(self.me, self.table)

    def do_commands(self) -> None:
        Finder(self.me, self.me.actions()).open()

    def do_close(self) -> None:
        """A panel alone, running work, the lens, a chosen token: the topmost of them."""
        if self.is_maximised:
            self.maximise()
        elif self.busy:
            self.cancel()
        elif self.put_lens_away():
            self.say("")
        elif self.view.token is not None:
            self.look(token=None)
        else:
            self.say(f"Nothing is open. {key_of('quit')} quits, {key_of('help')} shows every key.")

    def do_quit(self) -> None:
        self.close()
