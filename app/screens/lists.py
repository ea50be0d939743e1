"""Dialogs that are lists of rows: how tokens are drawn, and the branches of the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from app.screens.layers import Layer
from app.widgets.ink import clip
from app.widgets.keys import keys_of
from app.widgets.stage_rows import branch_rows, stage_rows
from engine.errors import MiniGPTError
from engine.sampling import Sampler
from engine.sampling_stages import SamplingStage
from engine.snapshot import Branch

POLL_S = 0.1
DIALS: tuple[tuple[str, str, float, str], ...] = (
    ("temperature", "temperature", 0.1, "0: the likeliest; 1: as the model says"),
    ("top_k", "top-k", 1, "only the k likeliest; 0: all"),
    ("top_p", "top-p", 0.05, "only the likeliest that reach p; 1: all"),
    ("repetition_penalty", "repetition", 0.1, "above 1: tokens of the text grow rarer"),
    ("seed", "seed", 1, "same seed and text, same tokens"),
)  # fmt: skip


class ListLayer(Layer):
    """Rows with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys_of("up", "up"), "move(-1)", show=False),
        Binding(keys_of("down", "down"), "move(1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.cursor = 0

    def rows(self) -> list[str]:
        raise NotImplementedError

    def words(self) -> tuple[str, str]:
        """Title and hint."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        title, hint = self.words()
        with Vertical(classes="dialog"):
            yield Static(Content(title), classes="layer-title")
            yield Static(id="rows")
            yield Static(Content(hint), classes="layer-hint", id="hint")

    def on_mount(self) -> None:
        self.draw()

    def draw(self) -> None:
        rows = self.rows()
        first = max(0, min(self.cursor - 5, len(rows) - 10))
        marked = [("▶ " if i == self.cursor else "  ") + row for i, row in enumerate(rows)]
        self.query_one("#rows", Static).update(Content("\n".join(marked[first : first + 10])))
        self.query_one("#hint", Static).update(Content(self.words()[1]))

    def action_move(self, by: int) -> None:
        self.cursor = min(max(self.cursor + by, 0), max(0, len(self.rows()) - 1))
        self.draw()


class SamplingLayer(ListLayer):
    """Temperature and its like; each change applies at once, without running the model."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h,minus", "turn(-1)", show=False),
        Binding("right,l,plus", "turn(1)", show=False),
        Binding("enter,t", "close", show=False),
        Binding("backspace", "erase", show=False),
    ]

    class Changed(Message):
        """One dial has a new value."""

        def __init__(self, dial: str, value: float) -> None:
            super().__init__()
            self.dial, self.value = dial, value

    def __init__(self, sampler: Sampler, seed: int, stages: Callable[[], tuple[SamplingStage, ...]] = tuple) -> None:
        super().__init__()
        self.sampler, self.seed, self.typed, self.stages = sampler, seed, "", stages
        self._drawn: tuple[SamplingStage, ...] | None = None
        self.problem = ""

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Static(id="stages", classes="dialog")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(POLL_S, self.poll)
        self.poll()

    def poll(self) -> None:
        """Show what the stages leave now: the worker ranks again after each change."""
        if self._drawn != (now := self.stages()):
            self._drawn = now
            rows = stage_rows(now) or ["There are no logits to draw from."]
            self.query_one("#stages", Static).update(Content("\n".join(rows)))

    def value(self, name: str) -> float:
        return self.seed if name == "seed" else getattr(self.sampler, name)

    def rows(self) -> list[str]:
        rows = []
        for i, (name, title, _, why) in enumerate(DIALS):
            value = self.typed + "▁" if self.typed and i == self.cursor else f"{self.value(name):g}"
            value = str(self.seed) if name == "seed" and not (self.typed and i == self.cursor) else value
            rows.append(f"{clip(title, 12)}{clip(value, 8, 'right')}   {why}")
        return rows

    def words(self) -> tuple[str, str]:
        return (
            "How tokens are drawn",
            self.problem or "↑ ↓ choose · ← → or digits change, at once · Enter or Esc closes",
        )

    def action_move(self, by: int) -> None:
        self.typed = self.problem = ""
        super().action_move(by)

    def action_turn(self, by: int) -> None:
        name, _, step, _ = DIALS[self.cursor]
        self.typed = ""
        self.turn(name, round(self.value(name) + by * step, 4))

    def action_erase(self) -> None:
        self.typed = self.typed[:-1]
        self.enter_typed()

    def on_key(self, event: Any) -> None:
        if event.character and event.character in "0123456789.":
            self.typed += event.character
            event.stop()
            self.enter_typed()

    def enter_typed(self) -> None:
        """Apply what was typed so far, if it is a number."""
        name = DIALS[self.cursor][0]
        try:
            self.turn(name, float(self.typed))
        except ValueError:
            self.draw()

    def turn(self, name: str, value: float) -> None:
        value = int(value) if name in ("top_k", "seed") else value
        self.problem = ""
        try:
            if name == "seed":
                self.seed = max(0, int(value))
            else:
                self.sampler = replace(self.sampler, **{name: value})  # type: ignore[arg-type]
            self.post_message(self.Changed(name, self.value(name)))
        except MiniGPTError as error:
            self.problem = str(error)
        self.draw()


class BranchesLayer(ListLayer):
    """The ends of the tree of texts."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "take", show=False)]

    def __init__(self, branches: tuple[Branch, ...]) -> None:
        super().__init__()
        self.branches = branches
        self.cursor = next((i for i, branch in enumerate(branches) if branch.active), 0)

    def rows(self) -> list[str]:
        return branch_rows(self.branches, min(90, self.app.size.width * 9 // 10) - 6)

    def words(self) -> tuple[str, str]:
        return "Branches of the text: each under the one it left", "↑ ↓ choose · Enter goes there · Esc closes"

    def action_take(self) -> None:
        self.dismiss(self.cursor)
