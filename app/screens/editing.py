"""Work on the stepped pass: changing a value and taking that back, the lens, what is watched, how far it runs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from app.screens.changing import Changing
from app.screens.edit_layer import EditLayer
from app.screens.layers import AskLayer
from app.screens.source_layer import SourceLayer
from app.widgets.panel import Panel
from app.widgets.value import ValuePanel, head_in, line_of
from engine.edited_decoder import plain_settings
from engine.snapshot import ListingRow, Snapshot
from engine.text import visible
from viewers.lens import asked_of
from viewers.view import VALUE_FORMS


class Editing(Changing):
    """Names after `action_` are the ids of the table of actions."""

    lens_asked: object = None  # what the lens was last put on
    until = ""  # the address that was last run to

    if TYPE_CHECKING:

        def run_to(self, address: str) -> None: ...

    def line_here(self) -> ListingRow | None:
        """The line under the listing's cursor; without a pass this says what to do."""
        line = line_of(self.stepping, self.view.address)
        if line is None:
            self.say("Nothing is stepped yet: r steps the pass over this text.")
        return line

    def action_edit_value(self) -> None:
        line = self.line_here()
        if line is None or self.stepping is None or self.snapshot is None:
            return
        if self.stepping.kind == "training":
            self.say("A training pass takes no edits: p goes on to the plain pass.")
            return
        address = line.address.split("@before")[0]
        self.app.push_screen(EditLayer(address, line.shape, self._here(line.shape, self.snapshot)), self._edit)

    def _here(self, shape: tuple[int, ...], snapshot: Snapshot) -> list[int]:
        """The place under the value's cursor, or under that of the text, as one number for each axis."""
        panel = self.panel("value")
        assert isinstance(panel, ValuePanel)
        rows, columns = (*shape, 1, 1)[:2] if len(shape) < 2 else shape[-2:]
        is_seen = panel.display and panel.view == self.view
        row, column = (panel.cell if is_seen else None) or (min(self.view.query(snapshot), rows - 1), 0)
        head = [min(head_in(shape, self.view.head, snapshot.heads), shape[1] - 1)] if len(shape) == 4 else []
        here = [0, *head, min(row, rows - 1), min(column, columns - 1)]
        return here[-len(shape) :] if len(shape) else []

    def _edit(self, text: str | None) -> None:
        if text is not None:
            self._change_edits("edit", text=text)

    def _change_edits(self, command: str, **arguments: str) -> None:
        self.stepped = True
        self.send(command, **arguments)

    def action_undo(self) -> None:
        self._change_edits("undo_edit")

    def action_redo(self) -> None:
        self._change_edits("redo_edit")

    def action_clear_edits(self) -> None:
        self._change_edits("clear_edits")

    def took(self, snapshot: Snapshot) -> None:
        """A snapshot came: its edits are shown as long as there are any, and new ones are brought to the front."""
        super().took(snapshot)
        panel = self.panel("edits")
        edits = snapshot.stepping.edits if snapshot.stepping else ()
        before = panel.snapshot.stepping.edits if panel.snapshot and panel.snapshot.stepping else ()
        if bool(edits) == panel.offered and edits == before:
            return
        panel.offered = bool(edits)
        self.arrangement = None
        if edits:
            self.bring("edits", focus=False)

    def action_copy_command(self) -> None:
        """From the list of edits: the command that runs this pass with them."""
        snapshot, focused = self.snapshot, self.focused
        if not (isinstance(focused, Panel) and focused.id == "edits" and snapshot and snapshot.stepping):
            super().action_copy_command()
            return
        ids = ",".join(str(token.id) for token in snapshot.tokens)
        words = ["minigpt", "step", self.opening.model, "--ids", ids]
        if snapshot.stepping.kind == "generating":
            words += plain_settings(snapshot.settings).flags()
        words += [word for edit in snapshot.stepping.edits if not edit.problem for word in ("--edit", edit.text)]
        self._copy(shlex.join(words))

    def action_lens(self) -> None:
        """Open the logit lens, or close it."""
        if self.panel("lens").display:
            self.put_away("lens")
        else:
            self.panel("lens").offered = True
            self.arrangement = None
            self.bring("lens", focus=False)

    def follow_lens(self) -> None:
        """While the lens is seen, put it on what the pass has done, after the token under the cursor."""
        snapshot, driver = self.snapshot, self.opening.driver
        if snapshot is None or driver is None or not self.panel("lens").display:
            return
        wanted = asked_of(snapshot, position := self.view.query(snapshot))
        if wanted is not None and wanted != self.lens_asked:
            self.lens_asked = wanted
            driver.send("lens", position=position)

    def action_watch(self) -> None:
        """Keep the value of a line in sight, or no longer."""
        if (line := self.line_here()) is None:
            return
        watched = self.view.watched
        is_new = line.address not in watched
        self.look(watched=(*watched, line.address) if is_new else tuple(a for a in watched if a != line.address))
        panel = self.panel("watch")
        panel.offered = bool(self.view.watched)
        self.arrangement = None
        if is_new:
            self.bring("watch", focus=False)
        elif panel.offered or not panel.has_focus:
            self.lay_out()
        else:
            self.bring("program")

    def action_run_until(self) -> None:
        if self.stepping is not None:
            hint = "an address or a part of one, as 1.attn.pattern · Enter runs there · Esc leaves"
            self.app.push_screen(AskLayer("Run until", hint, self.until), self._run_until)

    def _run_until(self, words: str | None) -> None:
        if not words or self.stepping is None:
            return
        self.until = words
        addresses = [row.address for row in self.stepping.rows]
        ends = [a for a in addresses if a.endswith(words)] or [a for a in addresses if words in a]
        if not ends:
            self.say(f'"{visible(words)}" is in no address of this pass.')
            return
        there = words if words in addresses else ends[0]
        self.listing.reveal(there)
        self.run_to(there)
        if addresses.index(there) < self.stepping.cursor:  # going back ends before the line
            self.send("run_until", address=there)

    def action_source(self) -> None:
        if (line := self.line_here()) is not None:
            self.app.push_screen(SourceLayer(line))

    def action_value_form(self) -> None:
        """The value as heat map, numbers or histogram."""
        self.seen("value")
        self.look(value_as=VALUE_FORMS[(VALUE_FORMS.index(self.view.value_as) + 1) % len(VALUE_FORMS)])
