"""The Run panel: what the next run shall be; and, once there is one, what it is and where it is kept."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap

from textual.message import Message
from textual.strip import Strip

from app.widgets.panel import first_row
from app.widgets.train.panel import TrainPanel
from app.widgets.train.view import Draft, TrainView
from engine.errors import MiniGPTError
from engine.text import visible
from engine.training.snapshot import DONE, PAUSED, PREPARING, TrainingSnapshot
from viewers.numbers import count_text, seconds_text
from viewers.run_numbers import about

UNBROKEN = "\u00a0"  # a space at which no line is broken
FIELDS = (("files", "text"), ("settings", "changed"), ("out", "kept in"))


class RunPanel(TrainPanel):
    """Up and down move, Enter chooses a preset or changes a line."""

    title = "Run"

    class PresetTaken(Message):
        """This preset shall be trained."""

        def __init__(self, preset: str) -> None:
            super().__init__()
            self.preset = preset

    class FieldWanted(Message):
        """This line of the form shall be changed."""

        def __init__(self, field: str) -> None:
            super().__init__()
            self.field = field

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.presets = preset_lines()
        self.cursor = next((i for i, (preset, _) in enumerate(self.presets) if preset == Draft.preset), 0)
        self._top = 0

    def facts(self, run: TrainingSnapshot, look: TrainView) -> object:
        return run.state, run.out, run.data_line, run.estimate, look.draft

    @property
    def has_form(self) -> bool:
        return self.snapshot is not None and not self.run.is_open and self.run.state != PREPARING

    def note(self) -> str:
        return self.run.state if self.run.is_open or self.run.state == PREPARING else "the next run"

    def sentence(self) -> str:
        return str(self.run.out) if self.run.out is not None and not self.has_form else ""

    def rows(self, run: TrainingSnapshot, width: int, height: int) -> list[Strip]:
        return self._form(width, height) if self.has_form else self._facts(run, width, height)

    def _form(self, width: int, height: int) -> list[Strip]:
        draft = self.look.draft
        lines: list[Strip] = [self._preset(i, width) for i in range(len(self.presets))]
        for i, (field, title) in enumerate(FIELDS, len(self.presets)):
            value, said = _value(draft, field)
            row = self._begun(i, width).column(title, 13, self.style_of("dim"))
            lines.append(row.add(value, self.style_of("strong")).add(said, self.style_of("dim")).strip())
        hint = (
            "space makes the run and says how long it will take." if draft.files else "i: choose a text to learn from."
        )
        tail = self.wrapped(hint, width, 2, self.style_of("accent")) if height > 5 else []
        self._top = first_row(self.cursor, len(lines), height - len(tail), self._top)
        return [*lines[self._top : self._top + height - len(tail)], *tail]

    def _begun(self, i: int, width: int):
        row = self.row(width)
        if i == self.cursor and self.has_focus:
            row.base += self.style_of("mark")
        return row.add("▶ " if i == self.cursor else "  ", self.style_of("accent"))

    def _preset(self, i: int, width: int) -> Strip:
        preset, words = self.presets[i]
        taken = preset == self.look.draft.preset
        row = self._begun(i, width).add("● " if taken else "○ ", self.style_of("good" if taken else "dim"))
        return (
            row.column(preset, 11, self.style_of("strong") if taken else None).add(words, self.style_of("dim")).strip()
        )

    def _facts(self, run: TrainingSnapshot, width: int, height: int) -> list[Strip]:
        facts = [("preset", run.preset or "of the run"), ("text", "  ".join(run.files) or "the run's own tokens"),
                 ("changed", " ".join(run.settings)), ("model", run.model_line), ("data", run.data_line),
                 ("kept in", str(run.out or ""))]  # fmt: skip
        strips = [strip for title, words in facts if words for strip in self._fact(title, words, width)]
        if run.estimate is not None:
            guess = run.estimate
            each = f"{guess.updates:,} updates of {seconds_text(guess.update_s)}, {guess.tokens_per_s:,.0f} tokens/s"
            words = f"{each}: {about(guess.total_s).replace(' ', UNBROKEN)}, validation and samples aside"
            strips += self._fact("estimate", words, width)
        hints = {PAUSED: "space starts, n makes one update, S saves and stops.", DONE: "o explores it, S ends it."}
        hint = self.wrapped(hints.get(run.state, ""), width, 1, self.style_of("accent"))
        return [*strips[: height - len(hint)], *hint]

    def _fact(self, title: str, words: str, width: int) -> list[Strip]:
        """Wrapped, so that a long path can be read in full."""
        lines = wrap(visible(words), max(8, width - 10), break_on_hyphens=False) or [""]
        titles = [title, *[""] * (len(lines) - 1)]
        return [
            self.row(width).column(name, 10, self.style_of("dim")).add(line).strip()
            for name, line in zip(titles, lines, strict=True)
        ]

    def move(self, down: int, right: int) -> None:
        if self.has_form:
            self.cursor = min(max(self.cursor + down, 0), len(self.presets) + len(FIELDS) - 1)
            self.refresh()

    def edge(self, end: bool) -> None:
        self.move(99 if end else -99, 0)

    def clicked(self, x: int, y: int) -> None:
        if self.has_form and 0 <= self._top + y < len(self.presets) + len(FIELDS):
            self.cursor = self._top + y
            self.action_enter()

    def action_enter(self) -> None:
        if not self.has_form:
            return
        if self.cursor < len(self.presets):
            self.post_message(self.PresetTaken(self.presets[self.cursor][0]))
        else:
            self.post_message(self.FieldWanted(FIELDS[self.cursor - len(self.presets)][0]))


def _value(draft: Draft, field: str) -> tuple[str, str]:
    """What a line of the form holds, and what is said of it."""
    if field == "out":
        return str(draft.directory) if draft.out or draft.place != Path() else "", "" if draft.out else "  (chosen; O)"
    value = draft.files if field == "files" else draft.settings
    return value, "" if value else "none yet (i)" if field == "files" else "nothing (t: steps=2000 batch=16)"


def preset_lines() -> list[tuple[str, str]]:
    """Every preset with what it is, in one line; the model's size is that for 100 characters, or the BPE's tokens."""
    from engine.training.plan import load_plan, preset_names

    found = []
    for name in preset_names():
        try:
            plan = load_plan(name)
            config = plan.config(plan.vocabulary if plan.tokenizer == "bpe" else 100)
        except MiniGPTError as error:
            found.append((name, str(error)))
            continue
        tokens = f"BPE {plan.vocabulary:,}" if plan.tokenizer == "bpe" else plan.tokenizer
        length = plan.context or config.context
        model = f"{config.model_type} {config.layers}×{config.width}, {count_text(config.parameter_count())}"
        found.append(
            (name, f"{model} · {tokens} · {plan.steps:,} updates of {plan.batch * plan.accumulation}×{length}")
        )
    return found
