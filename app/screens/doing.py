"""What each action of the table does on the main screen: mostly one command to the driver."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from app.screens.arrangement import PANELS
from app.screens.layers import AskLayer, HelpLayer
from app.screens.lists import BranchesLayer, SamplingLayer
from app.widgets.attention import AttentionPanel
from app.widgets.listing import ListingPanel
from app.widgets.listing_tree import same_in_block
from app.widgets.panel import Panel
from app.widgets.view import COLOURINGS, View
from engine.snapshot import Snapshot, Stepping
from engine.text import visible

if TYPE_CHECKING:
    from app.screens.opening import Opening


class Doing(Widget):
    """The actions, as a base of the screen. Names after `action_` are the ids of the table."""

    if TYPE_CHECKING:
        opening: Opening
        view: View
        snapshot: Snapshot | None
        maximised: bool
        stepped: bool
        focused: Widget | None

        def panel(self, name: str) -> Panel: ...
        def look(self, **changes: object) -> None: ...
        def say(self, words: str) -> None: ...
        def bring(self, name: str, focus: bool = True) -> None: ...
        def seen(self, *names: str) -> None: ...
        def lay_out(self) -> None: ...
        def draw(self) -> None: ...

    found = -1  # where the last search stood

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command, once the model is open."""
        if self.opening.driver is not None:
            self.opening.driver.send(command, **arguments)
        else:
            self.say("The model is still being opened.")

    @property
    def busy(self) -> bool:
        driver = self.opening.driver
        return driver is not None and driver.latest.busy is not None

    def cancel(self) -> None:
        if self.opening.driver is not None:
            self.opening.driver.cancel()

    # the text

    def action_play(self) -> None:
        if self.busy:
            self.cancel()
        elif self.snapshot is not None:
            self.look(token=None)
            self.send("generate", count=max(1, self.snapshot.context - len(self.snapshot.tokens)))

    def action_next_token(self) -> None:
        self.look(token=None)
        self.send("generate", count=1)

    def action_take_back(self) -> None:
        self.look(token=None)
        self.send("take_back")

    def choose(self, position: int, token: int) -> None:
        self.look(token=None)
        self.send("choose", position=position, id=token)

    def action_edit_prompt(self) -> None:
        opening = self.opening
        if opening.prompt is None:
            ids = ",".join(map(str, opening.ids or ()))
            self.app.push_screen(
                AskLayer("Prompt, as ids", "ids as 1,2,3 · Enter runs it · Esc leaves", ids), self._ids
            )
        else:
            hint = "Enter runs it · Esc leaves it as it was"
            self.app.push_screen(AskLayer("Prompt", hint, opening.prompt), self._prompt)

    def _prompt(self, text: str | None) -> None:
        if text is not None:
            self.opening.prompt = text
            self.look(token=None)
            self.send("prompt", text=text)

    def _ids(self, words: str | None) -> None:
        if words is None:
            return
        try:
            ids = [int(word) for word in words.replace(",", " ").split()]
        except ValueError:
            self.say(f"error: ids: expected whole numbers as 1,2,3, got {visible(words)}")
            return
        self.opening.ids = ids
        self.look(token=None)
        self.send("prompt", ids=ids)

    def action_colouring(self) -> None:
        self.seen("text")
        self.look(colouring=COLOURINGS[(COLOURINGS.index(self.view.colouring) + 1) % len(COLOURINGS)])

    def action_branches(self) -> None:
        if self.snapshot is None or not self.snapshot.branches:
            self.say("No branches yet: choose another token among the candidates, and the old text stays as one.")
            return
        self.app.push_screen(BranchesLayer(self.snapshot.branches), self._activate)

    def _activate(self, branch: int | None) -> None:
        if branch is not None:
            self.look(token=None)
            self.send("activate", branch=branch)

    def go_to_token(self, place: int) -> None:
        if self.snapshot is not None:
            self.look(token=None if place >= len(self.snapshot.tokens) else place)

    # the pass

    @property
    def stepping(self) -> Stepping | None:
        return self.snapshot.stepping if self.snapshot else None

    def _step(self, command: str, **arguments: Any) -> None:
        self.seen("program", "value")
        self.stepped = command not in ("restep", "plain")
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

    def action_plain(self) -> None:
        is_plain = self.stepping is None or self.stepping.what.startswith("plain")
        self._step("plain", on=not is_plain)

    def action_breakpoint(self) -> None:
        listing = self.panel("program")
        assert isinstance(listing, ListingPanel)
        if self.stepping is not None and listing.found:
            entry = listing.found[listing.cursor]
            self._step("breakpoint", address=self.stepping.rows[entry.first].address)

    def run_to(self, address: str) -> None:
        """Forward to a line, or back to it if it is done."""
        stepping = self.stepping
        if stepping is not None:
            index = next(i for i, row in enumerate(stepping.rows) if row.address == address)
            self._step("rewind" if index < stepping.cursor else "run_until", address=address)

    # looking

    def move_head(self, layers: int, heads: int) -> None:
        """Another layer or head, within what the model has."""
        if self.snapshot is not None:
            layer = min(max(self.view.layer + layers, 0), self.snapshot.layers - 1)
            head = min(max(self.view.head + heads, 0), self.snapshot.heads - 1)
            self.look(layer=layer, head=head)

    def _layer(self, by: int) -> None:
        address = same_in_block(self.view.address or "", by)
        if self.stepping and any(
            r.address == address or r.address.startswith(address + ".") for r in self.stepping.rows
        ):
            listing = self.panel("program")
            assert isinstance(listing, ListingPanel)
            listing.reveal(address)
            self.look(address=address)
        self.move_head(by, 0)

    def action_layer_down(self) -> None:
        self._layer(-1)

    def action_layer_up(self) -> None:
        self._layer(1)

    def action_head_previous(self) -> None:
        self.move_head(0, -1)

    def action_head_next(self) -> None:
        self.move_head(0, 1)

    def action_entropy_over(self) -> None:
        self.seen("entropy")
        self.look(over_mean=not self.view.over_mean)

    def _next_panel(self, by: int) -> None:
        now = self.focused.id if isinstance(self.focused, Panel) and self.focused.id else "text"
        self.bring(PANELS[(PANELS.index(now) + by) % len(PANELS)])

    def action_next_panel(self) -> None:
        self._next_panel(1)

    def action_previous_panel(self) -> None:
        self._next_panel(-1)

    def action_maximise(self) -> None:
        self.maximised = not self.maximised
        self.lay_out()
        self.draw()

    def action_find(self) -> None:
        hint = "part of an address, a token, or a token's number · Enter goes there · again: the next"
        self.app.push_screen(AskLayer("Find or go to", hint, getattr(self, "sought", "")), self._find)

    def _find(self, words: str | None) -> None:
        if not words or self.snapshot is None:
            return
        self.found = self.found + 1 if words == getattr(self, "sought", "") else 0
        self.sought = words
        if words.isdecimal() and int(words) < len(self.snapshot.tokens):
            self.bring("text")
            self.go_to_token(int(words))
            return
        lines = [row.address for row in self.stepping.rows if words in row.address] if self.stepping else []
        tokens = [i for i, token in enumerate(self.snapshot.tokens) if words in token.text]
        places: list[str | int] = [*lines, *tokens]
        if not places:
            self.say(f'"{visible(words)}" is neither in the listing nor in the text.')
            return
        there = places[self.found % len(places)]
        self.say(f'"{visible(words)}": {self.found % len(places) + 1} of {len(places)}; / and Enter finds the next')
        if isinstance(there, int):
            self.bring("text")
            self.go_to_token(there)
        else:
            listing = self.panel("program")
            assert isinstance(listing, ListingPanel)
            listing.reveal(there)
            self.bring("program")
            self.look(address=there)

    def action_copy(self) -> None:
        words = self.focused.sentence() if isinstance(self.focused, Panel) else ""
        self._copy(words)

    def action_copy_command(self) -> None:
        if self.snapshot is None:
            return
        opening, sampler = self.opening, self.snapshot.sampler
        words = ["minigpt-tui", opening.model]
        words += (
            ["--ids", ",".join(map(str, opening.ids))]
            if opening.ids is not None
            else ["--prompt", opening.prompt or ""]
        )
        words += [
            "--seed",
            str(self.snapshot.seed),
            *self.snapshot.settings.flags(),
            "--temperature",
            f"{sampler.temperature:g}",
        ]
        words += ["--top-k", str(sampler.top_k), "--top-p", f"{sampler.top_p:g}"]
        self._copy(" ".join(map(shlex.quote, words)))

    def _copy(self, words: str) -> None:
        if words:
            self.app.copy_to_clipboard(visible(words))
        self.say(f"copied: {words}" if words else "Nothing to copy here.")

    # settings and the app

    def action_kv_cache(self) -> None:
        self.send("toggle", name="kv_cache")

    def action_optimize(self) -> None:
        self.send("toggle", name="optimize")

    def action_kv_window(self) -> None:
        self.send("toggle", name="kv_window")

    def action_sampler(self) -> None:
        if self.snapshot is not None:
            self.app.push_screen(SamplingLayer(self.snapshot.sampler, self.snapshot.seed))

    def action_help(self) -> None:
        self.app.push_screen(HelpLayer())

    def action_palette(self) -> None:
        self.app.action_command_palette()

    def action_close(self) -> None:
        """The topmost layer: a cursor inside attention, a maximised panel, running work, a chosen token."""
        attention = self.panel("attention")
        assert isinstance(attention, AttentionPanel)
        if attention.inside and self.focused is attention:
            attention.action_enter()
        elif self.maximised:
            self.action_maximise()
        elif self.busy:
            self.cancel()
        elif self.view.token is not None:
            self.look(token=None)
        else:
            self.say("Nothing is open. q quits, ? shows every key.")

    def action_quit(self) -> None:
        self.app.exit()
