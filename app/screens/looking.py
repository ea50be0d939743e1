"""Actions that only look: layers, heads, panels, searching, copying."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.screens.layers import AskLayer
from app.screens.wired import Wired
from app.widgets.edges import moved_head, token_words
from app.widgets.panel import Panel
from engine.errors import MiniGPTError
from engine.files import atomic_write
from engine.saved import TRACE_ENDING
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.listing_tree import same_in_block, stands_in
from viewers.view import ATTENTION, SCALES


class Looking(Wired):
    """Names after `action_` are the ids of the table."""

    found = -1  # where the last search stood
    sought = ""

    def go_to_token(self, place: int) -> None:
        if self.snapshot is not None:
            self.look(token=None if place >= len(self.snapshot.tokens) else place)

    def move_token(self, place: int) -> None:
        """The same with the keys; at an end of the text, that is said."""
        if self.snapshot is not None:
            before = self.view.place(self.snapshot)
            self.go_to_token(place)
            if self.view.place(self.snapshot) == before:
                self.say(token_words(before, len(self.snapshot.tokens)))

    def move_head(self, layers: int, heads: int) -> None:
        """Another layer or head, within what the model has; at the end of both, that is said."""
        if self.snapshot is None:
            return
        at, counts = (self.view.layer, self.view.head), (self.snapshot.layers, self.snapshot.heads)
        layer, head, words = moved_head(at, (layers, heads), counts)
        self.look(layer=layer, head=head)
        if words:
            self.say(words)

    def _layer(self, by: int) -> None:
        before, address = self.view.address, same_in_block(self.view.address or "", by)
        if self.stepping and any(stands_in(row.address, address) for row in self.stepping.rows):
            self.listing.reveal(address)
            self.look(address=address)
        self.move_head(by, 0)
        if self.view.address != before:
            self.say("")  # the cursor of the listing has moved, whatever the layer did

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
        view = self.view  # one token, the mean over the text, the heads of a layer over all tokens
        self.look(over_mean=not view.over_mean and not view.by_token, by_token=view.over_mean)

    def action_attention_view(self) -> None:
        """One head, the heads of its layer, the wall of all layers, how alike they are; and again."""
        what = ATTENTION[(ATTENTION.index(self.view.attention.what) + 1) % len(ATTENTION)]
        self.bring("attention")
        self._attention(what=what)

    def action_attention_scale(self) -> None:
        self._attention(scale=SCALES[(SCALES.index(self.view.attention.scale) + 1) % len(SCALES)])

    def action_hide_first(self) -> None:
        self._attention(hides_first=not self.view.attention.hides_first)

    def _attention(self, **changes: object) -> None:
        self.seen("attention")
        self.look(attention=replace(self.view.attention, **changes))  # type: ignore[arg-type]

    def action_find(self) -> None:
        hint = "part of an address, a token, or a token's number · Enter goes there · again: the next"
        self.app.push_screen(AskLayer("Find or go to", hint, self.sought), self._find)

    def _find(self, words: str | None) -> None:
        if not words or self.snapshot is None:
            return
        self.found = self.found + 1 if words == self.sought else 0
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
        if isinstance(there, int):
            self.bring("text")
            self.go_to_token(there)
        else:
            self.listing.reveal(there)
            self.bring("program")
            self.look(address=there)
        self.say(f'"{visible(words)}": {self.found % len(places) + 1} of {len(places)}; / and Enter finds the next')

    def action_copy(self) -> None:
        words = self.focused.sentence() if isinstance(self.focused, Panel) else ""
        self._copy(words)

    def action_copy_command(self) -> None:
        if self.snapshot is not None:
            self._copy(command := command_of(self.snapshot, self.opening.model, self.opening.prompt))
            if self.snapshot.edits:
                self.say(f"copied without the edits, which Y in their panel copies: {command}")

    def action_save_screen(self) -> None:
        """The screen as a picture, under a name that is free."""
        name = f"minigpt-{datetime.now():%Y%m%d-%H%M%S}.svg"
        try:
            atomic_write(name, self.app.export_screenshot(title=name).encode("utf-8", "replace"))
        except (OSError, MiniGPTError) as error:
            self.say(f"error: {name}: {error}")
        else:
            self.say(f"saved: {name}, in {Path.cwd()}")

    def _copy(self, words: str) -> None:
        if words:
            self.app.copy_to_clipboard(visible(words))
        self.say(f"copied: {words}" if words else "Nothing to copy here.")


def command_of(snapshot: Snapshot, model: str, prompt: str | None) -> str:
    """What opens this model, text and settings again. The text is said in ids once it is more than the prompt."""
    if model.endswith(TRACE_ENDING):  # which holds the text and all else
        return shlex.join(["minigpt-tui", model])
    sampler = snapshot.sampler
    if prompt is None or prompt != visible(prompt) or any(token.generated for token in snapshot.tokens):
        text = "--ids=" + ",".join(str(token.id) for token in snapshot.tokens)
    else:
        text = f"--prompt={prompt}"
    dials = {
        "seed": str(snapshot.seed),
        "temperature": f"{sampler.temperature:g}",
        "top-k": str(sampler.top_k),
        "top-p": f"{sampler.top_p:g}",
        "repetition-penalty": f"{sampler.repetition_penalty:g}",
    }
    words = ["minigpt-tui", model, text, *snapshot.settings.flags()]
    for name, value in dials.items():
        words += [f"--{name}", value]
    return " ".join(map(shlex.quote, words))
