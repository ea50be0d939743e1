"""The dialog in which a value is changed: how, where, by how much. What is wrong is said while it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from textual.binding import Binding, BindingType

from app.screens.lists import ListLayer
from app.widgets.ink import clip
from engine.edit_text import VALUED, edit_from_text
from engine.edits import KINDS, require_fit
from engine.errors import MiniGPTError
from engine.program import Shape
from viewers.picture import BATCH, HEAD, axes_of

WHY = {
    "zero": "becomes 0",
    "scale": "times the number",
    "add": "plus the number",
    "set": "becomes the number",
    "mean": "becomes the mean over all tokens, later ones too",
    "ablate_head": "one head becomes 0",
    "patch": "as another pass has it: @FILE.trace.safetensors, or @B for the second lane",
}
ALL = "*"
KIND, VALUE = "kind", "number"


class EditLayer(ListLayer):
    """Dismissed with the edit as `--edit` takes it; its places begin where the cursor of the value stands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", show=False),
        Binding("right", "turn(1)", show=False),
        Binding("enter", "take", show=False),
        Binding("backspace", "erase", show=False),
    ]

    def __init__(self, address: str, shape: Shape, here: Sequence[int]) -> None:
        """here   the place under the cursor, one number for each axis"""
        super().__init__()
        self.address, self.shape, self.here = address, shape, [str(place) for place in here]
        self.axes = axes_of(address, len(shape))
        self.kinds = tuple(kind for kind in KINDS if kind != "ablate_head" or self.axes[1:2] == (HEAD,))
        self.kind = "ablate_head" if address.endswith((".pattern", ".z")) and "ablate_head" in self.kinds else "scale"
        last = len(shape) - 1
        self.places = [ALL if name == BATCH or i == last else self.here[i] for i, name in enumerate(self.axes)]
        self.value = "0.5"

    @property
    def fields(self) -> list[str | int]:
        """The rows: the kind, the axes that it picks places of, and its number."""
        heads = self.kind == "ablate_head"
        axes = [i for i, name in enumerate(self.axes) if (name == HEAD if heads else name != BATCH)]
        return [KIND, *axes, *([VALUE] if self.kind in VALUED else [])]

    @property
    def text(self) -> str:
        """What `--edit` takes."""
        places = [self.places[1]] if self.kind == "ablate_head" else list(self.places)
        while places and places[-1] == ALL:
            places.pop()
        value = f"={self.value}" if self.kind in VALUED else ""
        return f"{self.address}:{self.kind}{':' if places else ''}{','.join(places)}{value}"

    @property
    def problem(self) -> str:
        """Why this is no edit of the value; empty if it is one."""
        try:
            edit = edit_from_text(self.text, lambda source, address: np.broadcast_to(np.float32(0), self.shape))
            require_fit(edit, self.shape)
        except MiniGPTError as error:
            return str(error)
        return ""

    def rows(self) -> list[str]:
        return [self._row(field, i == self.cursor) for i, field in enumerate(self.fields)]

    def _row(self, field: str | int, is_here: bool) -> str:
        mark = "▁" if is_here and field != KIND else ""
        if field == KIND:
            return f"{clip('kind', 11)}{clip(self.kind, 12)} {WHY[self.kind]}"
        if isinstance(field, str):
            return f"{clip(VALUE, 11)}{clip(self.value[-40:] + mark, max(12, len(self.value[-40:]) + 2))}"
        name, size = self.axes[field].split(" (")[0], self.shape[field]
        said = "all" if self.places[field] == ALL and not is_here else self.places[field] + mark
        return f"{clip(name, 11)}{clip(said, 12)} of {size}: *, 3 or 2-5; ← → all or one"

    def words(self) -> tuple[str, str]:
        keys = "↑ ↓ choose · ← → or type · Enter does it · Esc leaves"
        return f"Change {self.address}", f"{self.problem or self.text}\n{keys}"

    def action_turn(self, by: int) -> None:
        field = self.fields[self.cursor]
        if field == KIND:
            self.kind = self.kinds[(self.kinds.index(self.kind) + by) % len(self.kinds)]
        elif isinstance(field, int):
            self.places[field] = self.here[field] if self.places[field] == ALL else ALL
        self.draw()

    def action_erase(self) -> None:
        self._write(lambda text: text[:-1])

    def on_key(self, event: Any) -> None:
        field = self.fields[self.cursor]
        if event.character and event.is_printable and field != KIND:
            event.stop()
            fresh = "" if isinstance(field, int) and self.places[field] == ALL else None
            self._write(lambda text: (text if fresh is None else fresh) + event.character)

    def _write(self, change: Any) -> None:
        field = self.fields[self.cursor]
        if isinstance(field, int):
            self.places[field] = change(self.places[field])
        elif field == VALUE:
            self.value = change(self.value)
        self.draw()

    def action_take(self) -> None:
        if not self.problem:
            self.dismiss(self.text)
