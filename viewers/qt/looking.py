"""Actions of the window that only look: layers, heads, how attention is drawn, the lens, what is watched, searching."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QApplication, QInputDialog

from engine.text import visible
from viewers.actions import key_of
from viewers.attention import attention_words
from viewers.listing_tree import same_in_block
from viewers.qt.wired import Wired
from viewers.view import ATTENTION, SCALES


class Looking(Wired):
    """A base of the window. Names after `do_` are the ids of the table."""

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
        """One token, the mean over the text, the heads of a layer over all tokens."""
        view = self.view
        self.docks.bring("entropy")
        self.look(over_mean=not view.over_mean and not view.by_token, by_token=view.over_mean)

    def do_attention_view(self) -> None:
        """One head alone, beside it the heads of its layer, those of all layers; how alike all are; and again."""
        what = ATTENTION[(ATTENTION.index(self.view.attention.what) + 1) % len(ATTENTION)]
        self.docks.bring("similarity" if what == "likeness" else "attention")
        self._attention(what=what)

    def do_attention_scale(self) -> None:
        self._attention(scale=SCALES[(SCALES.index(self.view.attention.scale) + 1) % len(SCALES)])

    def do_hide_first(self) -> None:
        self._attention(hides_first=not self.view.attention.hides_first)

    def _attention(self, **changes: object) -> None:
        self.look(attention=replace(self.view.attention, **changes))  # type: ignore[arg-type]
        self.say(attention_words(self.view.attention))

    def do_lens(self) -> None:
        """Bring the logit lens to the front, or put it back."""
        if not self.put_lens_away():
            self.docks.bring("lens")
            self.refresh()

    def put_lens_away(self) -> bool:
        """Show the value in place of the lens; whether it was seen."""
        is_seen = self.panels["lens"].in_sight
        if is_seen:
            self.docks.bring("value")
        return is_seen

    def do_watch(self) -> None:
        """Keep the value of a line in sight, or no longer."""
        if (line := self.line_here()) is None:
            return
        watched = self.view.watched
        is_new = line.address not in watched
        self.look(watched=(*watched, line.address) if is_new else tuple(a for a in watched if a != line.address))
        if is_new or not self.view.watched:  # of nothing there is nothing to see
            self.docks.bring("watch" if is_new else "value")
        self.say(f"{line.address} is {'watched' if is_new else 'not watched any more'}")

    def do_maximise(self) -> None:
        self.say(f"{key_of('maximise')} gives the others back" if self.maximise() else "")

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
