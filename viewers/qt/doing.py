"""What the actions of the table do in the window: mostly one command to the driver. `do_` and an id of the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QApplication, QInputDialog, QMainWindow

from engine.settings import TABLE, row_of, shown
from engine.text import visible
from viewers.listing_tree import same_in_block
from viewers.qt.dialogs import Finder, choose, show_keys
from viewers.qt.theme import CHOICES
from viewers.view import COLOURINGS

if TYPE_CHECKING:
    from engine.snapshot import Snapshot, Stepping
    from viewers.qt.docks import Docks
    from viewers.qt.panel import Panel
    from viewers.view import View


class Doing:
    """A base of the window; the names declared here are the window's."""

    if TYPE_CHECKING:
        snapshot: Snapshot | None
        view: View
        stepped: bool
        docks: Docks
        panels: dict[str, Panel]
        theme_choice: str

        def look(self, **changes: object) -> None: ...
        def send(self, command: str, **arguments: Any) -> None: ...
        def say(self, words: str) -> None: ...
        def cancel(self) -> None: ...
        def wear(self, choice: str) -> None: ...
        def close(self) -> bool: ...
        def put_back(self) -> None: ...
        def maximise(self) -> bool: ...
        def panel_with_keys(self) -> Panel: ...
        def command_words(self) -> str: ...

    @property
    def me(self) -> QMainWindow:
        assert isinstance(self, QMainWindow)
        return self

    @property
    def busy(self) -> bool:
        return self.snapshot is not None and self.snapshot.busy is not None

    @property
    def stepping(self) -> Stepping | None:
        return self.snapshot.stepping if self.snapshot else None

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
        self.look(colouring=COLOURINGS[(COLOURINGS.index(self.view.colouring) + 1) % len(COLOURINGS)])
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
            self.say("The pass is at its end: C goes back to its start, r steps the text as it is now.")
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

    # looking

    def do_layer_down(self) -> None:
        self._to_layer(-1)

    def do_layer_up(self) -> None:
        self._to_layer(1)

    def _to_layer(self, by: int) -> None:
        if self.snapshot is None:
            return
        layer = min(max(self.view.layer + by, 0), self.snapshot.layers - 1)
        changes: dict[str, object] = {"layer": layer}
        there = same_in_block(self.view.address or "", layer - self.view.layer)
        if self.stepping and any(row.address.startswith(there) for row in self.stepping.rows) and there:
            changes["address"] = there
        self.look(**changes)

    def do_head_previous(self) -> None:
        self.look(head=max(0, self.view.head - 1))

    def do_head_next(self) -> None:
        if self.snapshot is not None:
            self.look(head=min(self.view.head + 1, self.snapshot.heads - 1))

    def do_entropy_over(self) -> None:
        self.look(over_mean=not self.view.over_mean)

    def do_maximise(self) -> None:
        self.say("z gives the others back" if self.maximise() else "")

    def do_find(self) -> None:
        words, is_given = QInputDialog.getText(self.me, "Find", "Part of an address, a token, or a token's number:")
        if is_given and words:
            self.go_to(words)

    def go_to(self, words: str) -> None:
        """Go to a token's number, an address, or a token's text, whichever there is first."""
        snapshot, rows = self.snapshot, self.stepping.rows if self.stepping else ()
        if snapshot is None:
            return
        if words.isdecimal() and int(words) < len(snapshot.tokens):
            self.look(token=int(words))
            return
        here = next((i for i, row in enumerate(rows) if row.address == self.view.address), -1)
        order = [*rows[here + 1 :], *rows[: here + 1]]
        if address := next((row.address for row in order if words in row.address), None):
            self.look(address=address)
            return
        place = next((i for i, token in enumerate(snapshot.tokens) if words in token.text), None)
        if place is None:
            self.say(f"Nothing here has “{visible(words[:40])}” in it.")
        else:
            self.look(token=place)

    def do_copy(self) -> None:
        QApplication.clipboard().setText(self.panel_with_keys().sentence)
        self.say("copied: " + self.panel_with_keys().sentence.split("\n")[0])

    def do_copy_command(self) -> None:
        QApplication.clipboard().setText(self.command_words())
        self.say("copied: " + self.command_words())

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
        self.panels["compare"].words.setFocus()  # type: ignore[attr-defined]

    def do_theme(self) -> None:
        choice = CHOICES[(CHOICES.index(self.theme_choice) + 1) % len(CHOICES)]
        self.wear(choice)
        self.say(f"colours: {choice}")

    def do_reset_layout(self) -> None:
        self.put_back()

    def do_help(self) -> None:
        show_keys(self.me)

    def do_commands(self) -> None:
        Finder(self.me, self.me.actions()).open()

    def do_close(self) -> None:
        """Running work, a chosen token: the topmost of them."""
        if self.busy:
            self.cancel()
        elif self.view.token is not None:
            self.look(token=None)
        else:
            self.say("Nothing is open. ctrl+q quits, ? shows every key.")

    def do_quit(self) -> None:
        self.close()
